"""Training on plain pairs of texts: batches of like length, what is asked of the decoder, and how it ends."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.seq2seq.decode import greedy
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise, pad
from engine.text.tokenise import PieceTokenizer
from engine.training.lesson import Example
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.savepoint import RunFolder
from engine.training.texts import Pace, TextsTask, TextsTrainer, buckets, mean_surprise, surprise

TOKENIZER = PieceTokenizer.bytes_only()
LETTERS = TOKENIZER.encode("abcdefgh")
PACE = Pace(epochs=2, deadline=float("inf"), room=60)

sides = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=12).map(tuple)
some_pairs = st.lists(st.builds(Example, sides, sides), max_size=20)


def a_pair(source: str, target: str) -> Example:
    return Example(tuple(TOKENIZER.encode(source)), (*TOKENIZER.encode(target), TOKENIZER.end))


PAIRS = [a_pair(text, text[::-1]) for text in ("abc", "bcd", "cab", "dab", "ab", "cd", "abcd", "dcba")]


def a_network(layout: str = "between", *, seed: int = 0, dropout: float = 0.1, depth: int = 1) -> Seq2Seq:
    torch.manual_seed(seed)
    sizes = ModelSizes(TOKENIZER.size, embedding=16, hidden=12, decoder=24, layout=layout, depth=depth)
    listed = torch.tensor(sorted([*LETTERS, TOKENIZER.end]))
    return initialise(Seq2Seq(sizes, listed, dropout=dropout))


def train(model: Seq2Seq, pace: Pace = PACE, *, seed: int = 1, running: Running | None = None) -> None:
    TextsTrainer(model, TOKENIZER, seed=seed).fit(PAIRS, PAIRS[:2], pace, running or Running())


def weights(model: Seq2Seq) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@given(some_pairs, st.integers(1, 60), st.one_of(st.none(), st.integers(0, 9)))
def test_every_pair_stands_in_one_batch_and_no_batch_of_several_is_too_large(
    pairs: list[Example], room: int, seed: int | None
) -> None:
    found = list(buckets(pairs, room, None if seed is None else random.Random(seed)))
    assert Counter(pair for batch in found for pair in batch) == Counter(pairs)
    for batch in found:
        longest = max(max(len(pair.source), len(pair.target)) for pair in batch)
        assert len(batch) == 1 or longest * len(batch) <= room


@given(some_pairs)
def test_batches_hold_texts_of_like_length(pairs: list[Example]) -> None:
    spans = [[max(len(pair.source), len(pair.target)) for pair in batch] for batch in buckets(pairs, 24)]
    assert all(max(before) <= min(after) for before, after in pairwise(spans))


@given(st.integers(1, 30))
def test_an_epoch_has_as_many_steps_as_it_is_told(steps: int) -> None:
    task = TextsTask(TOKENIZER, PAIRS, (), replace(PACE, steps=steps, room=12))
    found = task.batches(random.Random(0))
    assert len(found) == steps
    once = len(task.batches(random.Random(0))[: len(list(buckets(PAIRS, 12)))])
    assert once == min(steps, len(list(buckets(PAIRS, 12))))


def test_without_pairs_there_are_no_batches_however_many_steps_are_wanted() -> None:
    assert TextsTask(TOKENIZER, (), (), replace(PACE, steps=5)).batches(random.Random(0)) == []


@settings(deadline=None, max_examples=30)
@given(st.lists(st.builds(Example, sides, sides), min_size=1, max_size=5), st.sampled_from([0.0, 0.1]))
def test_the_loss_is_the_mean_cross_entropy_of_the_next_piece_without_padding(
    pairs: list[Example], smoothing: float
) -> None:
    model = a_network().eval()
    found = surprise(model, pairs, TOKENIZER, smoothing=smoothing)
    scores, places = [], []
    for pair in pairs:
        with torch.no_grad():
            encoded = model.encoder(*pad([list(pair.source)]))
            keys = model.decoder.prepare(encoded)
            read = torch.tensor([[TOKENIZER.begin, *pair.target[:-1]]])
            own, _, _ = model.decoder(read, model.decoder.begin(encoded.last), keys)
        scores.append(own[0])
        places.append(model.decoder.places[torch.tensor(pair.target)])
    expected = F.cross_entropy(torch.cat(scores), torch.cat(places), label_smoothing=smoothing)
    torch.testing.assert_close(found.detach(), expected, atol=1e-4, rtol=1e-4)
    if not smoothing:
        batches = [[pair] for pair in pairs]
        assert mean_surprise(model, batches, TOKENIZER) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("layout", ["after", "between"])
def test_what_is_taught_is_learned(layout: str) -> None:
    model = a_network(layout, dropout=0.0)
    told: list[Progress] = []
    pace = replace(PACE, epochs=8, steps=25, room=20, rate=1e-2, kept=0.9)
    train(model, pace, running=Running(told.append))
    assert told[-1].loss < told[0].loss / 2
    assert not model.training
    with torch.inference_mode():
        encoded = model.encoder(*pad([list(pair.source) for pair in PAIRS]))
    found = greedy(model, encoded, begin=TOKENIZER.begin, end=TOKENIZER.end, limit=9)
    assert [(*one.pieces, TOKENIZER.end) for one in found] == [pair.target for pair in PAIRS]


@pytest.mark.parametrize("pace", [PACE, replace(PACE, sampled=0.5), replace(PACE, coverage=1.0, steps=3)])
def test_the_same_seed_trains_the_same_weights_and_another_one_others(pace: Pace) -> None:
    found = []
    for seed in (1, 1, 2):
        model = a_network()
        torch.manual_seed(seed)
        train(model, pace, seed=seed)
        found.append(weights(model))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


def test_what_only_copying_needs_stays_as_it_is_and_can_be_trained_afterwards() -> None:
    model = a_network()
    before = weights(model)
    train(model)
    after = weights(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"embedding.weight", "decoder.upper.weight_hh_l0", "decoder.bias"} <= changed
    assert not {name for name in changed if "copying" in name}
    assert all(part.requires_grad for part in model.parameters())


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    pace = replace(PACE, epochs=3, steps=4, room=20, sampled=0.3)
    torch.manual_seed(3)
    whole = a_network()
    train(whole, pace)
    torch.manual_seed(3)
    begun = a_network()
    asked = iter([False] * 6 + [True])
    train(begun, pace, running=Running(stop=lambda: next(asked), folder=RunFolder(tmp_path / "run", "x")))
    torch.manual_seed(99)
    again = a_network()
    train(again, pace, running=Running(folder=RunFolder(tmp_path / "run", "x")))
    assert same(weights(whole), weights(again))


def test_sampling_nothing_changes_nothing_and_sampling_all_never_reads_a_true_piece_after_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = a_network().eval()
    read: list[torch.Tensor] = []
    true = model.decoder.read

    def noted(pieces: torch.Tensor, *rest: object) -> object:
        read.append(pieces)
        return true(pieces, *rest)

    monkeypatch.setattr(model.decoder, "read", noted)
    batch = [a_pair("ab", "abcd"), a_pair("cd", "dcba")]
    surprise(model, batch, TOKENIZER)
    surprise(model, batch, TOKENIZER, sampled=1.0)
    plain, before, guessed = read
    assert torch.equal(plain, before)
    assert (guessed[:, 0] == TOKENIZER.begin).all()
    assert set(guessed[:, 1:].flatten().tolist()) <= set(model.decoder.shortlist.tolist())
    assert not torch.equal(plain, guessed)


def test_looking_twice_at_the_same_place_has_its_price() -> None:
    model = a_network().eval()
    batch = [a_pair("a", "abcd")]  # one place to look at, five times: all but the first look are repeated
    plain, priced = surprise(model, batch, TOKENIZER), surprise(model, batch, TOKENIZER, coverage=0.5)
    assert float(priced.detach()) - float(plain.detach()) == pytest.approx(0.5 * 4 / 5, rel=1e-4)
    single = [a_pair("abc", "")]
    assert surprise(model, single, TOKENIZER, coverage=9.0).detach() == surprise(model, single, TOKENIZER).detach()


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (Example((), (LETTERS[0],)), "pair 2 has a text without a single piece"),
        (Example((LETTERS[0],), ()), "pair 2 has a text without a single piece"),
        (a_pair("ab", "xyz"), "pair 2 wants piece .* not on the short list"),
    ],
)
def test_a_pair_that_cannot_be_taught_is_named_before_training_begins(pair: Example, message: str) -> None:
    model = a_network()
    before = weights(model)
    with pytest.raises(TrainingError, match=message):
        TextsTrainer(model, TOKENIZER, seed=1).fit([PAIRS[0], pair], (), PACE, Running())
    assert same(before, weights(model))


def test_a_loss_that_is_no_number_ends_training_and_leaves_copying_trainable() -> None:
    model = a_network()
    with pytest.raises(TrainingError, match="texts: the loss is no number"):
        train(model, replace(PACE, rate=float("inf"), epochs=40))
    assert all(part.requires_grad for part in model.parameters())
