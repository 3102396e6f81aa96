"""Several mood heads laid side by side as one, whose scores are the mean of theirs.

Units of one head are joined to none of another, so that nothing is lost and nothing has to be learned again; and at
work there is one head to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Head = Mapping[str, Floats]

_GATES = 4
_WAYS = ("onward", "backward_")


def joined(heads: Sequence[Head], own: int) -> dict[str, Floats]:
    """Several heads of the same sizes as one.

    Args:
        heads: Weights by name, see ``engine.understand.mood.NEEDED``.
        own: How many of the numbers that a head reads of a piece, the first ones, are its alone: the joined head reads
            those of the first head, of the second, and so on, and then what all share.
    """
    found = {
        "seen.weight": _seen([head["seen.weight"] for head in heads], own),
        "pooling.score.weight": _scores(heads),
        "moods.weight": _moods(heads),
        "moods.bias": np.asarray(np.mean([head["moods.bias"] for head in heads], axis=0), np.float32),
    }
    for name in ("seen.bias", "pooling.score.bias"):
        found[name] = np.concatenate([head[name] for head in heads])
    for way in _WAYS:
        for part in ("weight_ih_l0", "weight_hh_l0"):
            found[f"{way}.{part}"] = _gates([head[f"{way}.{part}"] for head in heads])
        for part in ("bias_ih_l0", "bias_hh_l0"):
            rows = [head[f"{way}.{part}"].reshape(_GATES, -1) for head in heads]
            found[f"{way}.{part}"] = np.concatenate(rows, axis=1).reshape(-1)
    return found


def _seen(layers: Sequence[Floats], own: int) -> Floats:
    shared = np.concatenate([layer[:, own:] for layer in layers])
    return np.concatenate([_diagonal([layer[:, :own] for layer in layers]), shared], axis=1)


def _gates(layers: Sequence[Floats]) -> Floats:
    """Weights of a recurrent layer: gate by gate, in each gate head by head."""
    gates = [layer.reshape(_GATES, -1, layer.shape[1]) for layer in layers]
    return np.concatenate([_diagonal([gate[at] for gate in gates]) for at in range(_GATES)])


def _scores(heads: Sequence[Head]) -> Floats:
    """What each head attends by: its own units alone."""
    own = [head["pooling.score.weight"] for head in heads]
    found = np.zeros((sum(map(len, own)), sum(layer.shape[1] for layer in own)), np.float32)
    for at, layer in enumerate(own):
        found[at * len(layer) : (at + 1) * len(layer), _places(heads, at)] = layer
    return found


def _moods(heads: Sequence[Head]) -> Floats:
    """The last layer: of what each head attends to and of its maxima, its own units alone."""
    attended, units = heads[0]["pooling.score.weight"].shape
    wide = units * len(heads)
    found = np.zeros((len(heads[0]["moods.weight"]), (attended * len(heads) + 1) * wide), np.float32)
    for at, head in enumerate(heads):
        layer = head["moods.weight"] / len(heads)
        blocks = [*range(at * attended, (at + 1) * attended), attended * len(heads)]
        for place, block in enumerate(blocks):
            found[:, block * wide + _places(heads, at)] = layer[:, place * units : (place + 1) * units]
    return found


def _places(heads: Sequence[Head], at: int) -> NDArray[np.int64]:
    """Where the units of a head lie among those of all: all forward states, all backward states, all that was seen."""
    hidden = heads[at]["onward.weight_hh_l0"].shape[1]
    seen = len(heads[at]["seen.bias"])
    count = len(heads)
    starts = ((at * hidden, hidden), ((count + at) * hidden, hidden), (2 * count * hidden + at * seen, seen))
    return np.concatenate([np.arange(start, start + size) for start, size in starts])


def _diagonal(blocks: Sequence[Floats]) -> Floats:
    """Blocks along the diagonal, zeros elsewhere."""
    rows, columns = blocks[0].shape
    found = np.zeros((rows * len(blocks), columns * len(blocks)), np.float32)
    for at, block in enumerate(blocks):
        found[at * rows : (at + 1) * rows, at * columns : (at + 1) * columns] = block
    return found
