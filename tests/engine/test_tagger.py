"""The tagger at work: where values lie in the text as written, which labels are likeliest, how sure a value is."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import checkpoint
from engine.base.base import pack, shipped, unpack
from engine.errors import CheckpointError
from engine.text.normalise import clean, matching
from engine.text.tokenise import without_marks
from engine.training.steps import weights_of
from engine.training.tagging import Prepared, TaggerNetwork, together
from engine.understand.crf import Crf, allowed_moves, labels_of, spans_of
from engine.understand.sentence import Trunk
from engine.understand.tagger import ASKED, Tagger, read_file, write
from engine.understand.units import (
    GRAM_ROWS,
    GRAMS,
    LOOKS,
    UnitReader,
    folded,
    grams_of,
    looks_of,
    unit_states,
    without_case,
)

NAMES = ("date", "people", "time")
BASE = shipped()
TRUNK = Trunk(BASE.weights)
READER = UnitReader(BASE.tokenizer)

odd_texts = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("aZé\u0301ß İﬁ１２34  \n\t你好，。👩\u200d👧<>⟨⟩@.:$￥\u200b\ud800\x00"), max_size=60),
)


def a_network(seed: int = 0, *, sharp: float = 8.0) -> TaggerNetwork:
    """A network that was taught nothing and is nevertheless sure, so that it finds values everywhere."""
    torch.manual_seed(seed)
    network = TaggerNetwork(len(NAMES), 768).eval()
    with torch.no_grad():
        network.labels.weight *= sharp
        network.asked.weight.normal_()
        network.crf.moves.normal_()
        network.crf.starts.normal_()
        network.crf.ends.normal_()
    return network


def a_tagger(seed: int = 0) -> Tagger:
    weights = {name: np.asarray(values) for name, values in weights_of(a_network(seed)).items()}
    return Tagger(NAMES, weights, BASE.tokenizer, TRUNK)


TAGGER = a_tagger()


class TestUnits:
    def test_words_numbers_chinese_characters_and_signs_are_units(self) -> None:
        text = "Mr O'Neil, 6pm 订单AB-12"
        words = [text[start:end] for start, end in READER.read(text).units]
        assert words == ["Mr", "O", "'", "Neil", ",", "6", "pm", "订", "单", "AB", "-", "12"]

    def test_a_unit_has_the_pieces_that_it_was_cut_into(self) -> None:
        text = "  Hello\u3000Bartholomew！ 我想去北京 "
        read = READER.read(text)
        for (start, end), first, last in zip(read.units, read.first, read.last, strict=True):
            own = BASE.tokenizer.decode(read.pieces[first : last + 1])
            assert matching(text[start:end]) in own

    def test_an_accent_of_its_own_belongs_to_its_letter(self) -> None:
        text = "cafe\u0301 at 6"
        assert [text[start:end] for start, end in READER.read(text).units] == ["cafe\u0301", "at", "6"]

    def test_pieces_are_those_that_the_encoders_read_so_that_a_question_is_read_once(self) -> None:
        text = "Where is MY order, please?"
        assert list(READER.read(text).pieces) == BASE.tokenizer.encode(f" {matching(text)}")

    def test_what_looks_like_a_mark_of_the_tokenizer_is_text(self) -> None:
        read = READER.read("＜pad＞ ⟨name⟩ <s>")
        assert BASE.tokenizer.pad not in read.pieces
        assert not any(BASE.tokenizer.is_placeholder(piece) for piece in read.pieces)

    @given(odd_texts)
    def test_units_lie_in_the_text_in_order_and_have_pieces(self, text: str) -> None:
        read = READER.read(text)
        assert all(0 <= start < end <= len(text) for start, end in read.units)
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(read.units))
        assert not any(text[start:end].isspace() for start, end in read.units)
        assert all(0 <= first <= last < len(read.pieces) for first, last in zip(read.first, read.last, strict=True))

    @given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=80))
    def test_plain_text_is_folded_as_everywhere_else(self, text: str) -> None:
        assert folded(text)[0] == matching(without_marks(text))

    @given(odd_texts)
    def test_every_character_begins_where_the_ones_before_it_end(self, text: str) -> None:
        form, begins = folded(text)
        assert len(begins) == len(text) + 1
        assert begins[-1] == len(form)
        assert all(one <= other for one, other in itertools.pairwise(begins[:-1]))
        assert form == form.strip()

    def test_looks_tell_capitals_numbers_and_signs_apart(self) -> None:
        text = "Book BBC 12 号 $"
        looks = looks_of(text, READER.read(text).units)
        assert looks.shape == (5, LOOKS)
        assert len({tuple(row[:10]) for row in looks}) == 5

    def test_without_case_all_is_as_if_typed_in_lower_case(self) -> None:
        capital, small = "Anna Lives in ROME", "anna lives in rome"
        found = without_case(looks_of(capital, READER.read(capital).units))
        assert np.array_equal(found, without_case(looks_of(small, READER.read(small).units)))
        assert np.array_equal(found, looks_of(small, READER.read(small).units))

    def test_rows_of_grams_are_rows(self) -> None:
        rows = grams_of(["x" * 5000, "好", "7", "20261", "\ud800", "٣"])
        assert rows.shape == (6, GRAMS)
        assert rows.min() >= 0
        assert rows.max() < GRAM_ROWS


class TestFinding:
    @given(odd_texts, st.sets(st.sampled_from([*NAMES, "unheard of"])))
    @settings(max_examples=60, deadline=None)
    def test_values_lie_in_the_text_and_never_overlap(self, text: str, requested: set[str]) -> None:
        reached = 0
        for span in TAGGER.find(text, requested):
            assert reached <= span.start < span.end <= len(text)
            assert span.name in NAMES
            assert 0.0 <= span.confidence <= 1.0
            assert not text[span.start].isspace()
            assert not text[span.end - 1].isspace()
            reached = span.end

    @pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
    def test_where_nothing_is_written_nothing_is_found(self, text: str) -> None:
        assert TAGGER.find(text) == ()

    @pytest.mark.parametrize("text", ["\x00", "\ud800", "\u200b", "\ufeff\ufeff", "\u0301"])
    def test_what_is_no_text_does_no_harm(self, text: str) -> None:
        assert all(0 <= span.start < span.end <= len(text) for span in TAGGER.find(text))

    @pytest.mark.parametrize(
        "text", ["tomorrow at 6 for two, " * 450, "明天下午三点" * 1700, "x" * 10_000, "👩‍👧" * 3400]
    )
    def test_ten_thousand_characters_are_read_to_the_end(self, text: str) -> None:
        read = READER.read(text)
        assert read.units[-1][1] == len(text.rstrip())
        spans = TAGGER.find(text)
        assert all(0 <= span.start < span.end <= len(text) for span in spans)

    def test_cleaned_text_with_lone_surrogates_is_read_as_any_other(self) -> None:
        text = clean("table \ud83d for 4")
        assert all(text[span.start : span.end] for span in TAGGER.find(text))

    def test_what_was_asked_for_changes_what_is_found(self) -> None:
        read = READER.read("4")
        assert not np.allclose(TAGGER.scores(read), TAGGER.scores(read, ["people"]))
        assert np.allclose(TAGGER.scores(read), TAGGER.scores(read, ["unheard of"]))
        assert np.allclose(TAGGER.scores(read, ["time", "date"]), TAGGER.scores(read, ["date", "time", "date"]))

    def test_a_text_reads_the_same_whatever_was_read_before(self) -> None:
        first = TAGGER.find("table for 4 at 6")
        TAGGER.find("something else altogether")
        assert TAGGER.find("table for 4 at 6") == first

    @pytest.mark.parametrize("text", ["Book it for 6 PM, please", "我想订明天下午三点", "x", "a" * 300])
    def test_numpy_and_torch_score_alike(self, text: str) -> None:
        network, read = a_network(), READER.read(text)
        states = unit_states(TRUNK, [read])[0]
        asked = np.asarray([0, 1, 0], np.float32)
        one = Prepared(states.astype(np.float16), read.grams, read.looks, asked, np.zeros(len(read.units), np.int64))
        with torch.inference_mode():
            expected = network(together([one]))[0].numpy()
        assert np.allclose(TAGGER.scores(read, ["people"]), expected, atol=0.02)  # states were kept as halves

    def test_missing_weights_are_told(self) -> None:
        weights = weights_of(a_network())
        del weights["crf.moves"]
        with pytest.raises(CheckpointError, match=r"lacks crf\.moves"):
            Tagger(NAMES, weights, BASE.tokenizer, TRUNK)

    def test_weights_from_before_what_was_asked_favoured_labels_work_as_they_did(self) -> None:
        weights = weights_of(a_network())
        plain = {name: values for name, values in weights.items() if name != ASKED}
        without = {**plain, ASKED: np.zeros_like(weights[ASKED])}
        read = READER.read("a table for 4 at 6")
        one, other = (Tagger(NAMES, own, BASE.tokenizer, TRUNK).scores(read, ["people"]) for own in (plain, without))
        assert np.array_equal(one, other)

    def test_weights_of_what_was_asked_for_of_another_size_are_told(self) -> None:
        weights = {**weights_of(a_network()), ASKED: np.zeros((7, 2), np.float32)}
        with pytest.raises(CheckpointError, match=r"asked\.weight"):
            Tagger(NAMES, weights, BASE.tokenizer, TRUNK)

    def test_weights_for_other_kinds_are_told(self) -> None:
        with pytest.raises(CheckpointError, match="3 kinds of values and names for 2"):
            Tagger(NAMES[:2], weights_of(a_network()), BASE.tokenizer, TRUNK)


def sequences(units: int, labels: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(labels), repeat=units))


def a_crf(chance: np.random.Generator, kinds: int) -> tuple[Crf, np.ndarray, np.ndarray, np.ndarray]:
    labels = 2 * kinds + 1
    moves, starts, ends = (chance.normal(size=size).astype(np.float32) for size in ((labels, labels), labels, labels))
    allowed = allowed_moves(kinds)
    return Crf(moves, starts, ends), moves + allowed[0], starts + allowed[1], ends


def total(path: tuple[int, ...], scores: np.ndarray, moves: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> float:
    worth = starts[path[0]] + ends[path[-1]] + sum(scores[at, label] for at, label in enumerate(path))
    return float(worth + sum(moves[one, other] for one, other in itertools.pairwise(path)))


class TestCrf:
    @given(st.integers(1, 4), st.integers(1, 2), st.integers(0, 10_000))
    @settings(deadline=None, max_examples=40)
    def test_the_best_labels_are_the_best_of_all(self, units: int, kinds: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        crf, *parts = a_crf(chance, kinds)
        scores = chance.normal(size=(units, 2 * kinds + 1)).astype(np.float32)
        worth = {path: total(path, scores, *parts) for path in sequences(units, 2 * kinds + 1)}
        assert worth[tuple(crf.best(scores))] == pytest.approx(max(worth.values()), abs=1e-4)

    @given(st.integers(1, 4), st.integers(1, 2), st.integers(0, 10_000))
    @settings(deadline=None, max_examples=40)
    def test_how_sure_a_value_is_adds_up_over_all_labels_that_have_it(self, units: int, kinds: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        crf, *parts = a_crf(chance, kinds)
        scores = chance.normal(size=(units, 2 * kinds + 1)).astype(np.float32)
        powers = {path: np.exp(total(path, scores, *parts)) for path in sequences(units, 2 * kinds + 1)}
        whole = sum(powers.values())
        every = [(a, b, kind) for a in range(units) for b in range(a, units) for kind in range(kinds)]
        for span, sure in zip(every, crf.sure(scores, every), strict=True):
            expected = sum(power for path, power in powers.items() if span in spans_of(path)) / whole
            assert sure == pytest.approx(expected, abs=1e-4)

    def test_nothing_goes_on_that_has_not_begun(self) -> None:
        moves, starts = allowed_moves(2)
        scores = np.full((3, 5), -1.0, np.float32)
        scores[:, 2] = 5.0  # every unit would go on with the first kind
        path = Crf(moves * 0, starts * 0, starts * 0).best(scores)
        assert path == [1, 2, 2]

    def test_thousands_of_units_neither_vanish_nor_overflow(self) -> None:
        chance = np.random.default_rng(0)
        crf, *_ = a_crf(chance, 2)
        scores = chance.normal(scale=30, size=(5000, 5)).astype(np.float32)
        sure = crf.sure(scores, spans_of(crf.best(scores)))
        assert sure
        assert np.isfinite(sure).all()
        assert min(sure) >= 0.0
        assert max(sure) <= 1.0


class TestLabels:
    def test_a_value_takes_in_every_unit_that_it_touches(self) -> None:
        units = [(0, 4), (5, 7), (8, 9)]
        assert labels_of(units, [(5, 9, 1)]) == [0, 3, 4]
        assert labels_of(units, [(2, 6, 0)]) == [1, 2, 0]
        assert labels_of(units, [(4, 5, 0)]) == [0, 0, 0]

    @given(st.lists(st.integers(0, 4), max_size=12))
    def test_values_of_labels_are_labelled_again_as_they_were(self, labels: list[int]) -> None:
        spans = spans_of(labels)
        units = [(at, at + 1) for at in range(len(labels))]
        again = labels_of(units, [(first, last + 1, number) for first, last, number in spans])
        assert spans_of(again) == spans


class TestFiles:
    def test_what_was_written_is_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "tagger.safetensors"
        weights = {name: np.asarray(values, np.float32) for name, values in weights_of(a_network()).items()}
        write(path, (*NAMES[:2], "尺码"), pack(weights))
        names, packed = read_file(path)
        assert names == ("date", "people", "尺码")
        small = Tagger(names, unpack(packed), BASE.tokenizer, TRUNK)
        read = READER.read("two of us tomorrow")
        assert np.allclose(small.scores(read), TAGGER.scores(read), atol=0.6)
        assert path.stat().st_size < 1_000_000

    @pytest.mark.parametrize("content", [b"", b"no file of ours", b"\x08\0\0\0\0\0\0\0{}      "])
    def test_a_damaged_file_is_told(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "tagger.safetensors"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"tagger\.safetensors: the tagger cannot be read"):
            read_file(path)

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_file(tmp_path / "tagger.safetensors")

    def test_names_that_are_no_list_are_told(self, tmp_path: Path) -> None:
        path = tmp_path / "tagger.safetensors"
        names = np.frombuffer(json.dumps({"date": 1}).encode(), np.uint8)
        path.write_bytes(checkpoint.arrays_to_bytes({"names": names}))
        with pytest.raises(CheckpointError, match="no list of texts"):
            read_file(path)
