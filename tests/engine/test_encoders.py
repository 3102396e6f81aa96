"""Text encoders by name: which names there are, and what each stands for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from parts import DrawnEncoder, ThemeEncoder, a_base

from engine.base.base import BaseEncoder
from engine.errors import CheckpointError
from engine.ports import TextEncoder
from engine.understand.encoders import BASE, NAMES, NONE, check_known, encoder_named, is_encoder, known_by, placed
from engine.understand.network import Cell
from engine.understand.slots import SlotFinder

SLOTS = SlotFinder()


@pytest.mark.parametrize("name", ["base", "none", "sentence-transformers:models/small", "sentence-transformers:~/m"])
def test_these_are_names_of_encoders(name: str) -> None:
    assert is_encoder(name)


@pytest.mark.parametrize(
    "name", ["", " ", "Base", "NONE", "base ", "lstm", "sentence-transformers", "sentence-transformers:", "x:models"]
)
def test_these_are_not(name: str) -> None:
    assert not is_encoder(name)


def test_nothing_is_encoded_by_none() -> None:
    assert encoder_named(NONE, None, SLOTS) is None
    assert encoder_named(NONE, a_base(), SLOTS) is None


def test_the_base_is_that_which_was_read() -> None:
    base = a_base()
    found = encoder_named(BASE, base, SLOTS)
    assert isinstance(found, BaseEncoder)
    assert found.width == len(base.weights["vector.bias"])
    assert found.vectors(["refund"]).shape == (1, found.width)


@pytest.mark.parametrize(("name", "base"), [("base", None), ("lstm", None), ("", None), ("bert", a_base())])
def test_an_encoder_that_there_is_not_is_refused_with_those_that_there_are(name: str, base: object) -> None:
    with pytest.raises(CheckpointError) as caught:
        encoder_named(name, base, SLOTS)  # type: ignore[arg-type]  # an object is what the parameters are
    assert str(caught.value).startswith(f"{name}: ")
    assert NAMES in str(caught.value)


def test_a_transformer_is_looked_for_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no sentence transformer") as caught:
        encoder_named(f"sentence-transformers:{tmp_path}/nowhere", None, SLOTS)
    assert f"{tmp_path}/nowhere" in str(caught.value)


def test_the_folder_of_a_transformer_starts_from_home_where_it_is_relative(tmp_path: Path) -> None:
    assert placed("sentence-transformers:models/small", tmp_path) == (
        f"sentence-transformers:{tmp_path.resolve() / 'models' / 'small'}"
    )
    assert placed(f"sentence-transformers:{tmp_path}/m", Path("/elsewhere")) == (
        f"sentence-transformers:{tmp_path.resolve() / 'm'}"
    )
    assert [placed(name, tmp_path) for name in (BASE, NONE)] == [BASE, NONE]


@pytest.mark.parametrize("encoder", [ThemeEncoder("refund", "open"), DrawnEncoder(), BaseEncoder(a_base(), SLOTS)])
def test_an_encoder_is_known_again_after_the_manifest(encoder: TextEncoder) -> None:
    known = json.loads(json.dumps(known_by(encoder)))
    assert known[0] == encoder.width
    check_known(encoder, known, "mine")


@pytest.mark.parametrize(
    ("encoder", "known"),
    [
        (DrawnEncoder(1), known_by(DrawnEncoder(0))),
        (DrawnEncoder(0, width=7), known_by(DrawnEncoder(0))),
        (BaseEncoder(a_base(Cell.GRU), SLOTS), known_by(BaseEncoder(a_base(), SLOTS))),
        (None, known_by(DrawnEncoder())),
        (DrawnEncoder(), []),
    ],
)
def test_another_encoder_than_the_model_was_trained_with_is_refused(
    encoder: TextEncoder | None, known: list[float]
) -> None:
    with pytest.raises(CheckpointError, match="mine is not the encoder that the model was trained with"):
        check_known(encoder, known, "mine")


def test_a_model_without_an_encoder_needs_none() -> None:
    check_known(None, [], NONE)


def test_the_names_alone_load_next_to_nothing() -> None:
    program = (
        "import sys, engine.understand.encoders as names; names.is_encoder('base'); "
        "assert not {'numpy', 'torch', 'tokenizers', 'sentence_transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
