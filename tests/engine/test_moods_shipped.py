"""The mood head that comes with the package: what is late is no anger, and a file of another base is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.base.base import pack, shipped
from engine.base.moods import MOOD, shipped_moods
from engine.errors import CheckpointError
from engine.training.sentiment import MoodNetwork, Sizes
from engine.training.steps import weights_of
from engine.understand.mood import DISPLEASED, MoodReader, write
from engine.understand.sentence import Trunk
from engine.understand.slots import SlotFinder


@pytest.fixture(scope="module")
def reader() -> MoodReader:
    base = shipped()
    return shipped_moods(base, Trunk(base.weights), SlotFinder())


@pytest.mark.parametrize(
    "text", ["my parcel is late, where is it?", "how do I return the jacket?", "我的包裹还没到，在哪里？"]
)
def test_a_question_about_what_went_wrong_is_no_anger(reader: MoodReader, text: str) -> None:
    assert reader.mood(text).value > DISPLEASED


@pytest.mark.parametrize(
    "text", ["this is the worst service ever!", "I am very disappointed", "太差了，气死我了", "很失望"]
)
def test_anger_and_disappointment_are_heard(reader: MoodReader, text: str) -> None:
    assert reader.mood(text).value <= DISPLEASED


@pytest.mark.parametrize("text", ["thank you so much, great service", "太感谢了，非常满意", "不错"])
def test_so_is_joy(reader: MoodReader, text: str) -> None:
    assert reader.mood(text).value > -DISPLEASED


def test_the_file_is_small() -> None:
    assert MOOD.stat().st_size < 500_000


def test_a_head_of_another_base_is_told(tmp_path: Path) -> None:
    base = shipped()
    weights = {name: np.asarray(values) for name, values in weights_of(MoodNetwork(100, Sizes(16, 8, 2))).items()}
    write(tmp_path / "mood.safetensors", pack(weights))
    with pytest.raises(CheckpointError, match="reads 100 numbers a piece, the base gives 768"):
        shipped_moods(base, Trunk(base.weights), SlotFinder(), tmp_path / "mood.safetensors")
