"""The generator at work: composes replies from question, memory and entry. PyTorch is imported when it first speaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import GenerationError
from engine.knowledge.template import template
from engine.ports import Context, Generation
from engine.seq2seq.source import Before, SourceWriter
from engine.text.tokenise import PieceTokenizer

if TYPE_CHECKING:
    from engine.seq2seq.model import Seq2Seq

SIDE_BY_SIDE = 32
ROOM = 10  # pieces that a reply may have more than its entry


@dataclass(frozen=True, slots=True)
class _Source:
    """What is read for one context, its place among all, and how many pieces its reply may have."""

    place: int
    pieces: list[int]
    limit: int


class Seq2SeqGenerator:
    """Greedy decoding of a batch of contexts.

    Args:
        fingerprint: Of the checkpoint.
        sizes: Sizes of the network, as stored.
        weights: The weights by name. Where ``embedding.rows`` and what belongs to them are among them, see
            ``lay_changes``.
        tokenizer: The pieces.
        writer: Writes sources.
    """

    def __init__(
        self,
        fingerprint: str,
        sizes: Mapping[str, Any],
        weights: Mapping[str, NDArray[np.generic]],
        tokenizer: PieceTokenizer,
        writer: SourceWriter,
    ) -> None:
        self._fingerprint = fingerprint
        self._sizes = sizes
        self._weights = weights
        self._tokenizer = tokenizer
        self._writer = writer
        self._model: Seq2Seq | None = None
        self._loading = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """The checkpoint that it composes with."""
        return self._fingerprint

    def load(self) -> Seq2Seq:
        """The network, built when it is first needed.

        Raises:
            GenerationError: If the weights do not fit the sizes.
        """
        with self._loading:
            if self._model is None:
                self._model = _build(self._sizes, self._weights)
            return self._model

    def pieces(self, text: str) -> list[str]:
        """A question in the pieces that are read of it, as text."""
        return self._tokenizer.readable(self._writer.pieces(text))

    def generate(self, contexts: Sequence[Context], *, deadline: float | None = None) -> list[Generation | None]:
        """One generation a context, in order; None for an entry that cannot be composed from.

        The deadline does not run while the network is loaded for the first time. Contexts with replies of
        like length are decoded side by side; more than ``SIDE_BY_SIDE`` in several rounds.

        Raises:
            GenerationError: If the network cannot be built.
        """
        sources: list[_Source] = []
        for place, context in enumerate(contexts):
            pieces = self._writer.template(template(context.entry.answer))
            if pieces is not None:
                before = Before(context.memory.recent, context.topic, context.memory.slots)
                written = self._writer.write(context.question, pieces, before)
                sources.append(_Source(place, written, len(pieces) + ROOM))
        sources.sort(key=lambda source: source.limit)
        found: list[Generation | None] = [None] * len(contexts)
        if sources:
            deadline = self._after_loading(deadline)
        for at in range(0, len(sources), SIDE_BY_SIDE):
            part = sources[at : at + SIDE_BY_SIDE]
            for source, generation in zip(part, self._decode(part, deadline), strict=True):
                found[source.place] = generation
        return found

    def _after_loading(self, deadline: float | None) -> float | None:
        """Load what is missing, and give back the time that took: a deadline bounds thinking, not the first start."""
        began = time.monotonic()
        self.load()
        return None if deadline is None else deadline + time.monotonic() - began

    def _decode(self, sources: list[_Source], deadline: float | None) -> list[Generation]:
        model = self.load()
        import torch

        from engine.seq2seq.decode import greedy
        from engine.seq2seq.model import pad

        torch.set_num_threads(1)  # holds for this thread alone; two cores in step are slower than one where others work
        with torch.inference_mode():
            pieces, lengths = pad([source.pieces for source in sources])
            encoded = model.encoder(pieces, lengths)
        marks = self._tokenizer
        limit = sources[-1].limit
        written = greedy(
            model, encoded, begin=marks.begin, end=marks.end, limit=limit, source=pieces, deadline=deadline
        )
        return [Generation(marks.decode(one.pieces), one.confidence, one.finished) for one in written]


def _build(sizes: Mapping[str, Any], weights: Mapping[str, NDArray[np.generic]]) -> Seq2Seq:
    import torch

    from engine.seq2seq.model import ModelSizes, Seq2Seq, lay_changes

    own = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
    try:
        lay_changes(own)
        model = Seq2Seq(ModelSizes.from_json(sizes), own["decoder.shortlist"], dropout=0.0)
        missing, unknown = model.load_state_dict(own, strict=False)
        if unknown or set(missing) - {"encoder.embedding.weight", "decoder.embedding.weight"}:
            raise GenerationError(f"weights are missing or unknown: {[*missing, *unknown]}")
    except (IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise GenerationError(f"the weights do not fit the network: {error}") from error
    return model.eval()
