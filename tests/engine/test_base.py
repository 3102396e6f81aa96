"""The base: weights as 8-bit integers, files that may be damaged, and vectors of whatever people write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from parts import a_base

from engine import checkpoint
from engine.base.base import ENCODER, TOKENIZER, Base, BaseEncoder, pack, read, shipped, unpack
from engine.errors import CheckpointError
from engine.text.tokenise import PieceTokenizer
from engine.understand.network import Cell
from engine.understand.slots import SlotFinder

LARGEST = 2.0**100
numbers = st.floats(-1, 1, width=32) | st.floats(-LARGEST, LARGEST, width=32) | st.just(0.0)
matrices = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(2, 6)), elements=numbers)
ENCODER_OF_THE_PACKAGE = BaseEncoder(shipped(), SlotFinder())
ODD = {
    "nothing": "",
    "spaces": "  \n\t ",
    "marks": "?!…",
    "emoji": "🙂👍🏽👨‍👩‍👧",
    "tifinagh": "ⴰⵣⵓⵍ ⴰⵎⵙⵙⵓⴼⵖ",
    "georgian": "როდის ხართ ღია",
    "long": "where is my parcel and when does it come " * 2500,
    "long without a space": "x" * 100_000,
    "long chinese": "几点开门" * 25_000,
    "lone surrogate": "\udcff",
    "controls": "\x00\x1b[31m\u202e",
    "marks of the engine": "<pad></s>⟨1⟩⟨name⟩",
}


@given(matrices)
def test_a_packed_matrix_comes_back_to_half_a_step_of_its_row(values: np.ndarray) -> None:
    packed = pack({"words.weight": values})
    assert packed["words.weight"].dtype == np.int8
    found = unpack(packed)["words.weight"].astype(np.float64)
    largest = np.maximum(np.abs(values.astype(np.float64)).max(axis=1, keepdims=True), 1e-8)
    assert bool((np.abs(found - values) <= largest / 127 * 0.501).all())
    assert not found[(values == 0).all(axis=1)].any()


@given(matrices)
def test_what_was_packed_once_is_packed_again_without_loss(values: np.ndarray) -> None:
    once = unpack(pack({"words.weight": values}))
    np.testing.assert_allclose(unpack(pack(once))["words.weight"], once["words.weight"], rtol=1e-5)


@given(arrays.arrays(np.float32, st.integers(0, 9), elements=st.floats(-1000, 1000, width=32)))
def test_vectors_and_columns_are_kept_in_half_precision(values: np.ndarray) -> None:
    found = unpack(pack({"bias": values, "salience": values[:, None]}))
    np.testing.assert_allclose(found["bias"], values, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(found["salience"][:, 0], found["bias"])


def test_one_row_that_is_huge_does_not_coarsen_the_others() -> None:
    values = np.asarray([[1e20, -3e19], [0.01, -0.002]], np.float32)
    np.testing.assert_allclose(unpack(pack({"m": values}))["m"][1], values[1], atol=0.01 / 127)


def test_packing_takes_a_quarter_of_the_room() -> None:
    values = np.random.default_rng(0).normal(size=(500, 200)).astype(np.float32)
    assert len(checkpoint.arrays_to_bytes(pack({"m": values}))) < 0.27 * values.nbytes


def test_a_matrix_without_its_scale_is_named() -> None:
    packed = dict(pack({"words.weight": np.ones((2, 3), np.float32)}))
    del packed["words.weight.scale"]
    with pytest.raises(KeyError, match=r"words\.weight\.scale"):
        unpack(packed)


def a_folder(tmp_path: Path, base: Base | None = None) -> dict[str, Path]:
    """The files of a tiny base, written."""
    files = {name: tmp_path / name for name in (ENCODER, TOKENIZER)}
    for name, path in files.items():
        path.write_bytes((base or a_base()).files[name])
    return files


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    base = a_base()
    found = read(a_folder(tmp_path, base))
    assert found.files == base.files
    assert found.files == base.files
    assert found.tokenizer.to_json() == base.tokenizer.to_json()
    assert found.weights.keys() == base.weights.keys()
    for name, values in base.weights.items():
        np.testing.assert_array_equal(found.weights[name], values)


@pytest.mark.parametrize("name", [ENCODER, TOKENIZER])
def test_a_missing_file_is_refused_and_it_says_what_to_do(tmp_path: Path, name: str) -> None:
    files = a_folder(tmp_path)
    files[name].unlink()
    with pytest.raises(CheckpointError, match=r"the base cannot be read: .*; install the package again"):
        read(files)


DAMAGE = {
    "empty": b"",
    "cut off in its header": a_base().files[ENCODER][:100],
    "cut off in its numbers": a_base().files[ENCODER][:-10],
    "no header": b"\xff" * 1000,
    "a page of the web": b"<!doctype html><title>404</title>" * 50,
    "a list for a header": (2).to_bytes(8, "little") + b"[]",
    "numbers of an unknown kind": (52).to_bytes(8, "little")
    + b'{"m":{"dtype":"F9","shape":[1],"data_offsets":[0,4]}}'.ljust(52)
    + b"0000",
    "a matrix without its scale": checkpoint.arrays_to_bytes({"m": np.ones((2, 3), np.int8)}),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_encoder_is_refused_and_it_says_what_to_do(tmp_path: Path, name: str) -> None:
    files = a_folder(tmp_path)
    files[ENCODER].write_bytes(DAMAGE[name])
    with pytest.raises(CheckpointError, match="install the package again"):
        read(files)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[1, 2"])
def test_a_damaged_tokenizer_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    files = a_folder(tmp_path)
    files[TOKENIZER].write_bytes(content)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: not a tokenizer"):
        read(files)


def test_the_package_without_its_base_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.base.base._HERE", tmp_path)
    shipped.cache_clear()
    try:
        with pytest.raises(CheckpointError, match="install the package again"):
            shipped()
    finally:
        shipped.cache_clear()


def test_the_shipped_base_has_a_row_for_every_piece_and_all_of_its_numbers_are_numbers() -> None:
    base = shipped()
    assert len(base.weights["words.weight"]) == len(base.weights["salience.weight"]) == base.tokenizer.size
    assert all(bool(np.isfinite(values).all()) for values in base.weights.values())
    assert shipped() is base  # read once


def test_the_files_of_the_shipped_base_make_the_same_base_elsewhere(tmp_path: Path) -> None:
    again = read(a_folder(tmp_path, shipped()))
    asked = ["where is my parcel", "几点开门"]
    found = BaseEncoder(again, SlotFinder()).vectors(asked)
    np.testing.assert_array_equal(found, ENCODER_OF_THE_PACKAGE.vectors(asked))


@pytest.mark.parametrize("name", ODD)
def test_every_text_has_a_vector_of_length_one(name: str) -> None:
    found = ENCODER_OF_THE_PACKAGE.vectors([ODD[name]])
    assert (found.shape, found.dtype) == ((1, ENCODER_OF_THE_PACKAGE.width), np.float32)
    assert float(np.linalg.norm(found)) == pytest.approx(1.0, abs=1e-4)


def test_a_text_has_the_same_vector_alone_and_among_others_of_any_length_and_order() -> None:
    asked = [*ODD.values(), *(f"{'when ' * number}are you open" for number in range(30))]
    together = ENCODER_OF_THE_PACKAGE.vectors(asked)
    backward = ENCODER_OF_THE_PACKAGE.vectors(asked[::-1])[::-1]
    np.testing.assert_allclose(together, backward, atol=1e-5)
    for row, text in zip(together, asked, strict=True):
        np.testing.assert_allclose(row, ENCODER_OF_THE_PACKAGE.vectors([text])[0], atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_texts_have_vectors_of_length_one(asked: list[str]) -> None:
    found = ENCODER_OF_THE_PACKAGE.vectors(asked)
    assert found.shape == (len(asked), ENCODER_OF_THE_PACKAGE.width)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-4)


def test_how_a_text_is_written_makes_no_difference_and_what_it_says_does() -> None:
    first, second, other = ENCODER_OF_THE_PACKAGE.vectors(["When ARE  you open", "when are you open", "money back"])
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert float(first @ other) < 0.9


def test_values_of_the_shops_own_pattern_are_read_as_their_kind() -> None:
    encoder = BaseEncoder(shipped(), SlotFinder({"order_number": r"BOX\d+"}))
    first, second = encoder.vectors(["where is BOX77", "where is BOX12"])
    np.testing.assert_allclose(first, second, atol=1e-6)
    first, second = ENCODER_OF_THE_PACKAGE.vectors(["where is BOX77", "where is BOX12"])
    assert float(np.abs(first - second).max()) > 1e-4


def test_a_tokenizer_of_another_make_is_no_part_of_a_base(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    files = a_folder(tmp_path)
    files[TOKENIZER].write_text(Tokenizer(models.BPE()).to_str(), "utf-8")
    with pytest.raises(CheckpointError, match="not a tokenizer of Attendant"):
        read(files)


def test_a_base_of_either_cell_is_read_by_its_shapes() -> None:
    for cell in Cell:
        encoder = BaseEncoder(a_base(cell), SlotFinder())
        assert encoder.width == 5
        np.testing.assert_allclose(np.linalg.norm(encoder.vectors(["open", ""]), axis=1), 1.0, atol=1e-5)
    assert PieceTokenizer.bytes_only().size == len(a_base().weights["words.weight"])
