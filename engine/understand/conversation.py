"""A conversation as a vector, and how well an answer goes on with it: the hierarchical recurrent encoder in numpy.

The base turns each message into a vector and stays as it is; a GRU over the turns carries what was said so far (Sordoni
et al. 2015: A Hierarchical Recurrent Encoder-Decoder; Serban et al. 2016). What is known of the conversation and each
possible answer are projected into one space, whose cosine says how well the two fit (a dual encoder, Henderson et al.
2017: Efficient Natural Language Response Suggestion). A part of both projections is the same, so that words that both
have bring them together also where little was there to learn from. ``engine.training.conversation`` has the same in
PyTorch.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.dialogue import Speaker
from engine.errors import CheckpointError, EngineError
from engine.understand.recurrent import Floats

KINDS = ("topics", "slots", "state", "last")
"""The kinds of memory: what it was about, what the customer gave, the state of the GRU, what the bot said last."""
RECENCY = 0.5  # weight of a topic beside that of the one after it
SHARPEST = 40.0  # what cosines are multiplied by at most
SIDES = 2  # the customer, and whoever speaks for the company

LIKE = ("said", "topics", "slots", "last")
"""What has a vector of the base, as answers have, and so can be like them without having been learned."""

_SAID = ("said.weight", "said.bias", "context.weight", "context.bias")
_ANSWERS = ("read.weight", "read.bias", "answers.weight", "answers.bias", "likeness.weight", "gains", "sharpness")
_TURNS = ("speakers.weight", *(f"turns.{part}_l0" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))
NEEDED = (*_SAID, *_ANSWERS)
"""The weights without which nothing can be compared, by name; each kind of memory has its own beside them."""

_HEAD = struct.Struct("<4sBIHI")  # what it is, format, mark of the weights, units, checksum
_NAME, _FORMAT = b"ATNS", 1
_REPAIR = "train it again"


class StateError(EngineError):
    """A stored state is damaged, of another format or of other weights; without it the conversation goes on as well."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known when an answer is looked for; a kind of memory that is None is done without.

    ``said`` is the vector of the customer's message, ``topics`` and ``slots`` come from ``of_topics`` and ``of_slots``,
    ``state`` is that before the message, and ``last`` the vector of what the bot said just before it.

    Shape:
        said, topics, slots, last: (V,)
        state: (H,)
    """

    said: Floats
    topics: Floats | None = None
    slots: Floats | None = None
    state: Floats | None = None
    last: Floats | None = None

    def only(self, kinds: Collection[str]) -> Context:
        """The same with nothing but some kinds of memory."""
        return Context(self.said, *(getattr(self, kind) if kind in kinds else None for kind in KINDS))


class ConversationEncoder:
    """Carries the state of conversations from turn to turn and compares answers with them; holds weights only.

    Kinds of memory that it was trained without are passed over.

    Args:
        weights: Weights by name.

    Raises:
        CheckpointError: If a weight is missing, of another size than the others want, or no number.

    Attributes:
        kinds: The kinds of memory that it was trained with.
        sharpness: What makes log-odds of cosines, up to a constant.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        own = {name: np.asarray(values, np.float32) for name, values in weights.items()}
        self.kinds = tuple(kind for kind in KINDS if f"{kind}.weight" in own)
        needed = [*NEEDED, *(f"{kind}.bias" for kind in self.kinds), *(_TURNS if "state" in self.kinds else ())]
        missing = [name for name in needed if name not in own]
        if missing:
            raise CheckpointError(f"the memory of conversations lacks {missing[0]}; {_REPAIR}")
        own = {name: own[name] for name in (*needed, *(f"{kind}.weight" for kind in self.kinds))}
        odd = [name for name, values in own.items() if not np.isfinite(values).all()]
        if odd:
            raise CheckpointError(f"the memory of conversations has weights that are no numbers, {odd[0]}; {_REPAIR}")
        self._own = own
        self.width = own["said.weight"].shape[-1]
        self.units = own["turns.weight_hh_l0"].shape[-1] if "state" in self.kinds else 0
        self.sharpness = min(float(np.exp(own["sharpness"])), SHARPEST) if own["sharpness"].shape == () else 0.0
        self._check_sizes()
        self._mark = zlib.crc32(b"".join(own[name].tobytes() for name in sorted(own)))

    def _check_sizes(self) -> None:
        own, width, units = self._own, self.width, self.units
        hidden, read, shared = (len(own[f"{layer}.bias"]) for layer in ("said", "read", "answers"))
        wanted = {
            "said": (hidden, width),
            "context": (shared, hidden),
            "read": (read, width),
            "answers": (shared, read),
        }
        wanted |= {kind: (hidden, units if kind == "state" else width) for kind in self.kinds}
        sizes: dict[str, tuple[int, ...]] = {f"{layer}.weight": size for layer, size in wanted.items()}
        sizes |= {f"{layer}.bias": size[:1] for layer, size in wanted.items()}
        sizes |= {"likeness.weight": (shared, width), "gains": (len(LIKE),), "sharpness": ()}
        if "state" in self.kinds:
            gates = 3 * units
            sizes |= dict(
                zip(_TURNS, ((SIDES, width), (gates, width), (gates, units), (gates,), (gates,)), strict=True)
            )
        odd = next((name for name, size in sizes.items() if own[name].shape != size), None)
        if odd is not None:
            raise CheckpointError(
                f"the memory of conversations: {odd} has the size {own[odd].shape}, not {sizes[odd]}; {_REPAIR}"
            )

    def begin(self) -> Floats:
        """The state before anything was said. Shape: (H,), nothing where it was trained without states."""
        return np.zeros(self.units, np.float32)

    def step(self, state: Floats, vector: Floats, speaker: Speaker) -> Floats:
        """The state after one more turn; a bot and a person who speak for the company are the same to it.

        Shape:
            state: (H,)
            vector: (V,)

        Raises:
            ValueError: If the state or the vector has another size, or is not made of numbers.
        """
        self._need(state, self.units, "state")
        self._need(vector, self.width, "vector of what was said")
        if not self.units:
            return self.begin()
        own, units = self._own, self.units
        heard = vector * _spread(self.width) + own["speakers.weight"][side_of(speaker)]
        fresh = own["turns.weight_ih_l0"] @ heard + own["turns.bias_ih_l0"]
        back = own["turns.weight_hh_l0"] @ state + own["turns.bias_hh_l0"]
        gates = 0.5 * (np.tanh(0.5 * (fresh[: 2 * units] + back[: 2 * units])) + 1)  # never overflows
        new = np.tanh(fresh[2 * units :] + gates[:units] * back[2 * units :])
        update = gates[units:]
        return np.asarray((1 - update) * new + update * state, np.float32)

    def payload(self, state: Floats) -> bytes:
        """A state as it is kept in memory: two bytes a unit, with what it takes to notice damage.

        Raises:
            ValueError: If it is no state of these weights.
        """
        self._need(state, self.units, "state")
        if np.abs(state).max(initial=0.0) > 1:
            raise ValueError("a state lies between -1 and 1")
        body = state.astype("<f2").tobytes()
        return _HEAD.pack(_NAME, _FORMAT, self._mark, self.units, zlib.crc32(body)) + body

    def read(self, payload: bytes) -> Floats:
        """What ``payload`` was given, to about a thousandth. Shape: (H,).

        Raises:
            StateError: If it is damaged, of another format or of other weights.
        """
        try:
            name, form, mark, units, checksum = _HEAD.unpack_from(payload)
        except (struct.error, TypeError) as error:
            raise StateError(f"a stored state is damaged: {error}") from error
        body = bytes(payload[_HEAD.size :])
        if name != _NAME or form != _FORMAT:
            raise StateError(f"a stored state is of the format {name!r} {form}, not {_NAME!r} {_FORMAT}")
        if mark != self._mark or units != self.units:
            raise StateError("a stored state was made with other weights")
        if len(body) != 2 * units or zlib.crc32(body) != checksum:
            raise StateError("a stored state is damaged: its checksum is another")
        state = np.frombuffer(body, "<f2").astype(np.float32)
        if not (np.abs(state) <= 1).all():  # also where there is something that is no number
            raise StateError("a stored state is damaged: it has something that is no number between -1 and 1")
        return state

    def context(self, context: Context) -> Floats:
        """What is known of a conversation, as a unit vector. Shape: (P,).

        Raises:
            ValueError: If a part has another size, or is not made of numbers.
        """
        own = self._own
        self._need(context.said, self.width, "vector of what was said")
        hidden = own["said.weight"] @ (context.said * _spread(self.width)) + own["said.bias"]
        like = context.said * own["gains"][0]
        for kind in self.kinds:
            values: Floats | None = getattr(context, kind)
            if values is None:
                continue
            self._need(values, self.units if kind == "state" else self.width, kind)
            spread = np.float32(1.0) if kind == "state" else _spread(self.width)
            hidden = hidden + own[f"{kind}.weight"] @ (values * spread) + own[f"{kind}.bias"]
            if kind in LIKE:
                like = like + values * own["gains"][LIKE.index(kind)]
        learned = own["context.weight"] @ np.maximum(hidden, 0) + own["context.bias"]
        return unit(learned + own["likeness.weight"] @ (like * _spread(self.width)))

    def answers(self, vectors: Floats) -> Floats:
        """Answers as unit vectors to be compared with contexts; they can be kept. Shape: (N, V) to (N, P).

        Raises:
            ValueError: If they have another width, or are not made of numbers.
        """
        own = self._own
        self._need(vectors, self.width, "vectors of answers")
        spread = vectors * _spread(self.width)
        hidden = spread @ own["read.weight"].T + own["read.bias"]
        learned = np.maximum(hidden, 0) @ own["answers.weight"].T + own["answers.bias"]
        return unit(np.asarray(learned + spread @ own["likeness.weight"].T, np.float32))

    def score(self, context: Context, answers: Floats) -> Floats:
        """How well each answer goes on with the conversation: cosines. Shape: (N, V) to (N,).

        Raises:
            ValueError: If a part has another size, or is not made of numbers.
        """
        return np.asarray(self.answers(answers) @ self.context(context), np.float32)

    @staticmethod
    def _need(values: Floats, size: int, what: str) -> None:
        if values.ndim == 0 or values.shape[-1] != size:
            raise ValueError(f"{what}: {size} numbers are wanted, not {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"{what}: has something that is no number")


def side_of(speaker: Speaker) -> int:
    """0 for the customer, 1 for whoever speaks for the company."""
    return int(speaker is not Speaker.CUSTOMER)


def of_topics(vectors: Sequence[Floats]) -> Floats | None:
    """Topics as one unit vector; the current topic, the last, weighs most. None where there is none.

    Shape: T vectors (V,) to (V,)
    """
    if not len(vectors):
        return None
    weights = RECENCY ** np.arange(len(vectors) - 1, -1, -1, dtype=np.float32)
    return unit(np.asarray(weights @ np.stack(list(vectors)), np.float32))


def of_slots(vectors: Sequence[Floats]) -> Floats | None:
    """Slots as one vector, longer the more of them say the same. None where there is none.

    Shape: S vectors (V,), each of a slot's name and value, to (V,)
    """
    if not len(vectors):
        return None
    return np.asarray(np.stack(list(vectors)).sum(axis=0) / np.float32(len(vectors) ** 0.5), np.float32)


def _spread(width: int) -> np.float32:
    """Brings the numbers of a unit vector to a spread of about 1, in which layers are trained."""
    return np.float32(width**0.5)


def unit(values: Floats) -> Floats:
    """Vectors brought to the length 1, along the last axis; nothing stays nothing."""
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12), np.float32)
