"""Moods at work: what a turn is worth, which way a conversation goes, and what is said of a file that is none."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.base import pack, shipped, unpack
from engine.errors import CheckpointError
from engine.training.sentiment import MoodNetwork, Sizes, together
from engine.training.sentiment import Prepared as PreparedText
from engine.training.steps import weights_of
from engine.understand.mood import (
    NEUTRAL,
    Course,
    MoodReader,
    buckets_of,
    pieces_of,
    read_file,
    trend,
    votes_of,
    write,
)
from engine.understand.reader import LONGEST_QUESTION, PieceReader, QuestionReader
from engine.understand.sentence import Trunk
from engine.understand.slots import SlotFinder
from engine.understand.words import ReadWord

BASE = shipped()
TRUNK = Trunk(BASE.weights)
QUESTIONS = QuestionReader(BASE.tokenizer, SlotFinder())
TURNS = Path(__file__).with_name("moods.csv")
TEXTS = ["where is my parcel?", "我的快递到哪了", "x", "thank you " * 30]


def a_network(seed: int = 0) -> MoodNetwork:
    torch.manual_seed(seed)
    network = MoodNetwork(768, Sizes(16, 8, 2)).eval()
    with torch.no_grad():
        network.moods.weight *= 8.0
    return network


def a_reader(seed: int = 0, *, rows: int = 64) -> MoodReader:
    weights = {name: np.asarray(values) for name, values in weights_of(a_network(seed)).items()}
    if rows:
        weights["votes"] = np.random.default_rng(seed).normal(size=(3, rows)).astype(np.float32)
    return MoodReader(weights, QUESTIONS, TRUNK)


READER = a_reader()
moods = st.floats(-1, 1)


class TestReading:
    @given(st.text(max_size=80))
    @settings(max_examples=40, deadline=None)
    def test_any_text_has_a_mood_within_its_bounds(self, text: str) -> None:
        mood = READER.mood(text)
        assert -1.0 <= mood.value <= 1.0
        assert 1 / 3 - 1e-6 <= mood.confidence <= 1.0 + 1e-6

    @pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
    def test_where_nothing_is_written_nobody_is_displeased(self, text: str) -> None:
        assert READER.mood(text) == NEUTRAL

    @pytest.mark.parametrize("text", ["\x00", "\ud800", "\u200b", "😀😡", "!" * 9000, "好" * 9000])
    def test_odd_and_endless_texts_do_no_harm(self, text: str) -> None:
        assert -1.0 <= READER.mood(text).value <= 1.0

    def test_no_texts_have_no_moods(self) -> None:
        assert READER.moods([]) == []

    def test_many_texts_are_read_as_each_alone(self) -> None:
        together_ = READER.scores(TEXTS * 17)
        alone = np.concatenate([READER.scores([text]) for text in TEXTS])
        assert np.allclose(together_, np.tile(alone, (17, 1)), atol=1e-4)

    @pytest.mark.parametrize("text", TEXTS)
    def test_numpy_and_torch_score_alike(self, text: str) -> None:
        pieces = pieces_of([text], QUESTIONS)[0]
        states = TRUNK.states([[ReadWord(piece, ()) for piece in pieces]])
        given_ = np.concatenate([states.embedded, states.values], axis=-1)[0].astype(np.float16)
        one = PreparedText(given_, np.asarray(pieces), np.asarray([1, 0, 0], np.float32))
        with torch.inference_mode():
            expected = a_network()(together([one])).numpy()
        assert np.allclose(a_reader(rows=0).scores([text]), expected, atol=0.05)  # states were kept as halves

    def test_pieces_are_those_of_understanding_so_that_a_turn_is_read_once(self) -> None:
        text = "Where is MY order AB-20391, please?"
        read = [word.row for word in PieceReader(QUESTIONS).read_all([text])[0]]
        assert pieces_of([text], QUESTIONS) == [read]
        assert len(read) < LONGEST_QUESTION

    def test_votes_of_words_count_once_each(self) -> None:
        votes = np.zeros((3, 1 << 16), np.float32)
        votes[0, buckets_of("bad", 1 << 16)] = 1.0
        assert votes_of("bad", votes)[0] == pytest.approx(votes_of("bad bad", votes)[0], rel=0.5)
        assert votes_of("good", votes)[0] < votes_of("a bad one", votes)[0]
        assert not votes_of("?!", votes).any()


class TestFiles:
    def test_a_head_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        weights = {name: np.asarray(values) for name, values in weights_of(a_network()).items()}
        write(tmp_path / "mood.safetensors", pack(weights))
        again = MoodReader(unpack(read_file(tmp_path / "mood.safetensors")), QUESTIONS, TRUNK)
        assert np.allclose(again.scores(TEXTS), a_reader(rows=0).scores(TEXTS), atol=0.2)  # in 8 bits
        assert not list(tmp_path.glob("*.part"))

    @pytest.mark.parametrize("content", [b"", b"no safetensors", b"\xff" * 100])
    def test_a_damaged_file_is_told(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "mood.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match="the mood head cannot be read"):
            read_file(tmp_path / "mood.safetensors")

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="install the package again"):
            read_file(tmp_path / "none.safetensors")

    def test_a_missing_weight_is_told(self) -> None:
        weights = weights_of(a_network())
        del weights["seen.bias"]
        with pytest.raises(CheckpointError, match=r"seen\.bias"):
            MoodReader(weights, QUESTIONS, TRUNK)

    def test_a_head_for_another_base_is_told(self) -> None:
        torch.manual_seed(0)
        weights = weights_of(MoodNetwork(100, Sizes(16, 8, 2)))
        with pytest.raises(CheckpointError, match="reads 100 numbers a piece and the base gives 768"):
            MoodReader(weights, QUESTIONS, TRUNK).mood("hello")


class TestTrend:
    def test_of_nothing_the_trend_is_level(self) -> None:
        assert trend([]) == trend([0.0])
        assert trend([]).course is Course.LEVEL

    def test_one_bad_turn_is_not_angry_twice(self) -> None:
        assert not trend([-0.9]).angry_twice
        assert not trend([-0.9, 0.1, -0.9]).angry_twice

    def test_two_bad_turns_in_a_row_are(self) -> None:
        assert trend([0.5, -0.8, -0.6]).angry_twice
        assert not trend([-0.8, -0.9, 0.0]).angry_twice

    def test_a_conversation_that_sours_falls_and_one_that_is_mended_rises(self) -> None:
        assert trend([0.2, 0.0, -0.6, -0.9]).course is Course.FALLING
        assert trend([-0.9, -0.4, 0.3, 0.9]).course is Course.RISING
        assert trend([0.1, 0.0, 0.1]).course is Course.LEVEL

    def test_the_newest_turn_counts_most(self) -> None:
        assert trend([-1.0, 1.0, 1.0]).level > trend([1.0, 1.0, -1.0]).level

    @given(st.lists(moods, max_size=30), st.floats(0.01, 1.0))
    def test_the_level_lies_between_the_moods(self, values: list[float], smoothing: float) -> None:
        found = trend(values, smoothing=smoothing)
        low, high = (min(values), max(values)) if values else (0.0, 0.0)
        assert low - 1e-9 <= found.level <= high + 1e-9

    @pytest.mark.parametrize("values", [[2.0], [0.0, -1.5], [float("nan")]])
    def test_what_is_no_mood_is_told(self, values: list[float]) -> None:
        with pytest.raises(ValueError, match="moods lie between -1 and 1"):
            trend(values)

    @pytest.mark.parametrize("smoothing", [0.0, -1.0, 1.5])
    def test_smoothing_is_a_share(self, smoothing: float) -> None:
        with pytest.raises(ValueError, match="above 0 and up to 1"):
            trend([0.0], smoothing=smoothing)


def test_a_hundred_turns_in_each_language_are_kept_for_measuring() -> None:
    with TURNS.open(encoding="utf-8", newline="") as file:
        every = list(csv.DictReader(file))
    assert {row["mood"] for row in every} == {"negative", "neutral", "positive"}
    assert [sum(row["language"] == language for row in every) for language in ("en", "zh")] == [100, 100]
    assert len({row["text"] for row in every}) == len(every)
