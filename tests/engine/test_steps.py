"""What both trainings share: how many epochs, the learning rate over time, the average of the weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from parts import a_model
from torch import nn

from engine.training.steps import blend, epochs_for, rate_share, weights_of


@pytest.mark.parametrize(
    ("wanted", "each", "epochs"),
    [(9000, 300, 30), (9000, 100, 60), (9000, 9000, 12), (9000, 0, 60), (100, 7, 14), (0, 5, 12)],
)
def test_epochs_show_about_as_many_examples_as_wanted_within_bounds(wanted: int, each: int, epochs: int) -> None:
    assert epochs_for(wanted, each) == epochs


@given(st.integers(1, 3000))
def test_the_rate_rises_over_a_twentieth_of_the_steps_and_then_falls_to_a_fiftieth(total: int) -> None:
    shares = [rate_share(step, total) for step in range(total)]
    warm = max(1, total // 20)
    assert all(0 < share <= 1 for share in shares)
    assert shares[warm - 1] == 1.0
    assert shares[:warm] == sorted(shares[:warm])
    assert shares[warm:] == sorted(shares[warm:], reverse=True)
    assert rate_share(total, total) >= 0.02
    assert rate_share(total + warm, total + 2 * warm) == pytest.approx(0.02, abs=0.02) or total < 100


def test_the_average_moves_a_little_towards_the_model_and_shares_no_weights_with_it() -> None:
    old, new = nn.Linear(2, 2), nn.Linear(2, 2)
    before, towards = [p.clone() for p in old.parameters()], [p.clone() for p in new.parameters()]
    blend(old, new, keep=0.75)
    for was, now, goal in zip(before, old.parameters(), towards, strict=True):
        torch.testing.assert_close(now, 0.75 * was + 0.25 * goal)
    assert all(torch.equal(a, b) for a, b in zip(new.parameters(), towards, strict=True))


def test_keeping_nothing_copies_the_model() -> None:
    old, new = nn.Linear(2, 2), nn.Linear(2, 2)
    blend(old, new, keep=0.0)
    assert all(torch.equal(a, b) for a, b in zip(old.parameters(), new.parameters(), strict=True))


def test_every_weight_is_named_and_shared_embeddings_stand_once() -> None:
    model = a_model()
    found = weights_of(model)
    assert {*model.state_dict()} - {*found} == {"encoder.embedding.weight", "decoder.embedding.weight"}
    assert found["embedding.weight"].tolist() == model.encoder.embedding.weight.tolist()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in found.items()}, strict=False)
