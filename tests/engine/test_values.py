"""The tagger of the package: plain cases that nobody should have to wait for training for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.base.base import pack, shipped
from engine.base.values import TAGGER, shipped_tagger
from engine.errors import CheckpointError
from engine.training.steps import weights_of
from engine.training.tagging import TaggerNetwork
from engine.understand.sentence import Trunk
from engine.understand.tagger import Tagger, write

BASE = shipped()
TRUNK = Trunk(BASE.weights)


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return shipped_tagger(BASE, TRUNK)


def found(tagger: Tagger, text: str, requested: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    spans = tagger.find(text, requested)
    return {(text[span.start : span.end], span.name) for span in spans if span.confidence >= 0.8}


def test_it_is_small() -> None:
    assert TAGGER.stat().st_size < 1_000_000


def test_it_finds_what_customers_say_in_english(tagger: Tagger) -> None:
    assert found(tagger, "I need a table for 6 people on Friday at 7:30 pm") >= {
        ("6 people", "people"),
        ("7:30 pm", "time"),
    }
    assert ("Lisbon", "place") in found(tagger, "I am flying to Lisbon tomorrow")
    assert ("Maria Lindholm", "name") in found(tagger, "my name is Maria Lindholm")
    assert ("anna.berg@example.org", "email") in found(tagger, "my email is anna.berg@example.org")


def test_it_finds_what_customers_say_in_chinese(tagger: Tagger) -> None:
    spans = found(tagger, "我想订明天晚上七点的位子，一共六个人")
    assert ("明天", "date") in spans
    assert ("六个人", "people") in spans
    assert ("李建国", "name") in found(tagger, "我叫李建国")


@pytest.mark.parametrize("text", ["thank you very much", "how do I return something?", "怎么退货？", "谢谢"])
def test_where_there_is_no_value_it_finds_none(tagger: Tagger, text: str) -> None:
    assert found(tagger, text) == set()


def test_what_was_asked_for_decides_what_a_few_words_are(tagger: Tagger) -> None:
    assert found(tagger, "for 4 please", ("people",)) == {("4", "people")}
    assert found(tagger, "somewhere near Leeds", ("place",)) == {("Leeds", "place")}
    assert found(tagger, "it's the Squall rain jacket", ("product",)) == {("Squall rain jacket", "product")}
    assert found(tagger, "在杭州西湖附近", ("place",)) == {("杭州西湖", "place")}
    assert found(tagger, "why do you ask?", ("product",)) == set()


def test_a_tagger_of_another_base_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tagger.safetensors"
    weights = weights_of(TaggerNetwork(3, 12))
    write(path, ("date", "people", "time"), pack({name: np.asarray(values) for name, values in weights.items()}))
    with pytest.raises(CheckpointError, match="does not go with the base: it reads 12 numbers"):
        shipped_tagger(BASE, TRUNK, path)


def test_a_missing_tagger_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        shipped_tagger(BASE, TRUNK, tmp_path / "tagger.safetensors")
