"""Greedy and beam search against references that read everything again at every step."""

from __future__ import annotations

import itertools
import math
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import BEGIN, END, a_model, alike, encode, greedy_slowly, next_log_probabilities

from engine.seq2seq.decode import Hypothesis, beam, greedy, length_penalty
from engine.seq2seq.encoder import Encoded
from engine.seq2seq.model import Seq2Seq

texts = st.lists(st.integers(0, 7), min_size=1, max_size=5)
seeds = st.integers(0, 40)


def everything(model: Seq2Seq, encoded: Encoded, limit: int) -> list[Hypothesis]:
    """Every text there is, ended or cut at the limit."""
    pieces = [piece for piece in model.decoder.shortlist.tolist() if piece != END]
    found = []
    for size in range(limit + 1):
        for text in itertools.product(pieces, repeat=size):
            steps = [next_log_probabilities(model, encoded, None, text[:at]) for at in range(size + 1)]
            worth = tuple(steps[at][piece] for at, piece in enumerate(text))
            if size < limit:
                found.append(Hypothesis(text, (*worth, steps[size][END]), finished=True))
            else:
                found.append(Hypothesis(text, worth, finished=False))
    return found


def beam_slowly(model: Seq2Seq, encoded: Encoded, *, width: int, limit: int, alpha: float) -> Hypothesis:
    """Beam search that never stops early and keeps no state; an end counts where it is among the best ``width``."""
    beams = [Hypothesis((), (), finished=False)]
    done: list[Hypothesis] = []
    for _ in range(limit):
        longer = []
        for one in beams:
            for piece, worth in next_log_probabilities(model, encoded, None, one.pieces).items():
                values = (*one.log_probabilities, worth)
                ended = piece == END
                longer.append(Hypothesis(one.pieces if ended else (*one.pieces, piece), values, finished=ended))
        longer.sort(key=lambda one: -sum(one.log_probabilities))
        done += [one for one in longer[:width] if one.finished]
        beams = [one for one in longer if not one.finished][:width]
    return max([*done, *beams], key=lambda one: one.score(alpha))


@settings(deadline=None, max_examples=40)
@given(st.lists(texts, min_size=1, max_size=4), seeds, st.booleans(), st.integers(1, 6))
def test_greedy_equals_writing_step_by_step(batch: list[list[int]], seed: int, copying: bool, limit: int) -> None:
    model = a_model(seed=seed, shortlist=(2, 3, 4, 6))
    encoded, source = encode(model, batch)
    found = greedy(model, encoded, begin=BEGIN, end=END, limit=limit, source=source if copying else None)
    assert len(found) == len(batch)
    for text, one in zip(batch, found, strict=True):
        alone, pieces = encode(model, [text])
        assert alike(one, greedy_slowly(model, alone, pieces if copying else None, limit))


@settings(deadline=None, max_examples=25)
@given(texts, seeds, st.sampled_from([0.0, 0.6, 1.0]))
def test_a_beam_as_wide_as_everything_finds_everything_in_order(text: list[int], seed: int, alpha: float) -> None:
    model = a_model(seed=seed)
    encoded, _ = encode(model, [text])
    found = beam(model, encoded, begin=BEGIN, end=END, width=40, limit=3, alpha=alpha)
    expected = everything(model, encoded, 3)
    assert {one.pieces + (END,) * one.finished for one in found} == {
        one.pieces + (END,) * one.finished for one in expected
    }
    scores = [one.score(alpha) for one in found]
    assert scores == sorted(scores, reverse=True)
    assert scores == pytest.approx(sorted((one.score(alpha) for one in expected), reverse=True), abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(texts, seeds, st.integers(1, 4), st.sampled_from([0.0, 0.6, 1.0]), st.integers(1, 5))
def test_the_best_of_a_narrow_beam_is_that_of_a_slow_one(
    text: list[int], seed: int, width: int, alpha: float, limit: int
) -> None:
    model = a_model(seed=seed, shortlist=(2, 3, 4, 5))
    encoded, _ = encode(model, [text])
    found = beam(model, encoded, begin=BEGIN, end=END, width=width, limit=limit, alpha=alpha)
    expected = beam_slowly(model, encoded, width=width, limit=limit, alpha=alpha)
    assert found[0].score(alpha) == pytest.approx(expected.score(alpha), abs=1e-4)
    assert len(found) <= width


@settings(deadline=None, max_examples=60)
@given(texts, seeds, st.booleans(), st.integers(1, 6))
def test_a_beam_of_one_without_length_normalisation_is_greedy(
    text: list[int], seed: int, copying: bool, limit: int
) -> None:
    model = a_model(seed=seed, shortlist=(2, 3, 4, 6))
    encoded, pieces = encode(model, [text])
    source = pieces if copying else None
    (narrow,) = beam(model, encoded, begin=BEGIN, end=END, width=1, limit=limit, alpha=0.0, source=source)
    (step_by_step,) = greedy(model, encoded, begin=BEGIN, end=END, limit=limit, source=source)
    assert alike(narrow, step_by_step)


@given(st.integers(0, 60), st.floats(0, 2))
def test_the_length_penalty_is_that_of_gnmt(length: int, alpha: float) -> None:
    assert length_penalty(length, alpha) == pytest.approx(((5 + max(1, length)) / 6) ** alpha)
    assert length_penalty(length, 0.0) == 1.0
    assert length_penalty(length + 1, alpha) >= length_penalty(length, alpha)


def test_a_stronger_penalty_prefers_the_longer_of_two_texts() -> None:
    short = Hypothesis((3,), (-1.0, -1.0), finished=True)
    long = Hypothesis((3, 4, 3, 4), (-0.5, -0.5, -0.5, -0.5, -0.5), finished=True)
    assert short.score(0.0) > long.score(0.0)
    assert long.score(1.0) > short.score(1.0)


@given(st.lists(st.floats(-20, 0), max_size=8), st.booleans())
def test_confidence_is_the_geometric_mean_of_the_probabilities(values: list[float], finished: bool) -> None:
    found = Hypothesis(tuple(range(len(values))), tuple(values), finished).confidence
    product = math.prod(math.exp(value) for value in values)
    assert found == pytest.approx(product ** (1 / len(values)) if values else 0.0, rel=1e-6)


def bent_to(model: Seq2Seq, piece: int, size: float) -> Seq2Seq:
    """The same network, drawn to one piece or away from it."""
    with torch.no_grad():
        model.decoder.bias[model.decoder.shortlist.tolist().index(piece)] = size
    return model


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_the_end_mark_ends_a_text_and_stands_in_its_worth_but_not_in_its_pieces(search: str) -> None:
    model = bent_to(a_model(), END, 50.0)
    encoded, _ = encode(model, [[3, 4]])
    one = run(search, model, encoded, limit=5)
    assert (one.pieces, one.finished, len(one.log_probabilities)) == ((), True, 1)
    assert one.confidence == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_a_text_that_never_ends_is_cut_at_the_limit_and_says_so(search: str) -> None:
    model = bent_to(a_model(), END, -50.0)
    encoded, _ = encode(model, [[3, 4]])
    one = run(search, model, encoded, limit=5)
    assert (len(one.pieces), len(one.log_probabilities), one.finished) == (5, 5, False)
    assert END not in one.pieces


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_a_deadline_in_the_past_gives_nothing_and_raises_nothing(search: str) -> None:
    model = a_model()
    encoded, _ = encode(model, [[3, 4]])
    one = run(search, model, encoded, limit=5, deadline=time.monotonic() - 1)
    assert (one.pieces, one.finished, one.confidence) == ((), False, 0.0)


def test_a_deadline_in_the_past_holds_for_every_text_of_a_batch() -> None:
    model = a_model()
    encoded, _ = encode(model, [[3, 4], [5], [1, 2, 3]])
    found = greedy(model, encoded, begin=BEGIN, end=END, limit=5, deadline=time.monotonic() - 1)
    assert [(one.pieces, one.finished) for one in found] == [((), False)] * 3


def test_a_deadline_far_ahead_changes_nothing() -> None:
    model = a_model(seed=3)
    encoded, _ = encode(model, [[3, 4]])
    for search in ("greedy", "beam"):
        assert run(search, model, encoded, limit=4) == run(
            search, model, encoded, limit=4, deadline=time.monotonic() + 60
        )


def test_beam_search_takes_one_text_at_a_time() -> None:
    model = a_model()
    encoded, _ = encode(model, [[3], [4]])
    with pytest.raises(ValueError, match="one text at a time, not 2"):
        beam(model, encoded, begin=BEGIN, end=END, width=2, limit=3)


def run(search: str, model: Seq2Seq, encoded: Encoded, *, limit: int, deadline: float | None = None) -> Hypothesis:
    if search == "greedy":
        return greedy(model, encoded, begin=BEGIN, end=END, limit=limit, deadline=deadline)[0]
    return beam(model, encoded, begin=BEGIN, end=END, width=2, limit=limit, alpha=0.0, deadline=deadline)[0]
