"""A tiny network learns to copy: encoder, attention, decoder and search work together or this fails."""

from __future__ import annotations

import random

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.seq2seq.attention import AttentionKind
from engine.seq2seq.decode import beam, greedy
from engine.seq2seq.encoder import Encoded
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise, pad

torch.set_num_threads(1)

BEGIN, END, FIRST, PIECES = 1, 2, 3, 15


def a_text(chance: random.Random) -> list[int]:
    return [chance.randrange(FIRST, PIECES) for _ in range(chance.randint(3, 8))]


def read(model: Seq2Seq, texts: list[list[int]]) -> tuple[Encoded, Tensor]:
    pieces, lengths = pad(texts)
    return model.encoder(pieces, lengths), pieces


def loss_of(model: Seq2Seq, texts: list[list[int]]) -> Tensor:
    """Teacher forcing: the text itself is what is to be written."""
    encoded, pieces = read(model, texts)
    targets, lengths = pad([[*text, END] for text in texts])
    keys = model.decoder.prepare(encoded, pieces)
    begun = torch.cat([torch.full((len(texts), 1), BEGIN), targets[:, :-1]], dim=1)
    scores, _, _ = model.decoder(begun, model.decoder.begin(encoded.last), keys)
    real = torch.arange(targets.shape[1]) < lengths[:, None]
    places = torch.where(real, targets - END, -100)
    return F.nll_loss(scores.flatten(0, 1), places.flatten(), ignore_index=-100)


def a_taught_model(attention: AttentionKind, *, steps: int) -> Seq2Seq:
    torch.manual_seed(0)
    chance = random.Random(0)
    sizes = ModelSizes(PIECES, embedding=32, hidden=32, decoder=64, attention=attention.value)
    model = initialise(Seq2Seq(sizes, torch.arange(END, PIECES), dropout=0.0))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model, [a_text(chance) for _ in range(64)]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


def test_a_tiny_network_learns_to_copy_what_it_has_never_seen() -> None:
    model = a_taught_model(AttentionKind.GENERAL, steps=300)
    chance = random.Random("unseen")
    texts = [a_text(chance) for _ in range(400)]
    with torch.inference_mode():
        encoded, pieces = read(model, texts)
    found = greedy(model, encoded, begin=BEGIN, end=END, limit=12, source=pieces)
    exact = sum(list(one.pieces) == text and one.finished for one, text in zip(found, texts, strict=True))
    assert exact / len(texts) >= 0.95
    searched = 0
    for text in texts[:30]:
        with torch.inference_mode():
            alone, source = read(model, [text])
        best = beam(model, alone, begin=BEGIN, end=END, width=3, limit=12, source=source)[0]
        searched += list(best.pieces) == text
    assert searched >= 28
