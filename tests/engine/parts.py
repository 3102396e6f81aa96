"""Small honest parts for the tests of the engine: tiny networks, knowledge, and stand-ins that keep their promises."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.arbiter import ThresholdArbiter
from engine.base.base import ENCODER, TOKENIZER, Base, pack, unpack
from engine.calibration import Thresholds
from engine.checkpoint import arrays_to_bytes
from engine.dialogue import Candidate
from engine.errors import GenerationError
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Context, Evidence, Generation, Reading, Understanding
from engine.respond import Engine, Settings
from engine.seq2seq.attention import AttentionKind
from engine.seq2seq.decode import Hypothesis
from engine.seq2seq.decoder import Layout
from engine.seq2seq.encoder import Encoded
from engine.seq2seq.model import ModelSizes, Seq2Seq, pad
from engine.text.features import tokens
from engine.text.normalise import matching
from engine.text.tokenise import PieceTokenizer
from engine.understand.network import Cell, EncoderSizes, SentenceEncoder, initialise
from engine.understand.slots import SlotFinder
from engine.understand.words import NGRAM_ROWS, PADDING, WordReader

torch.set_num_threads(1)

BEGIN, END = 1, 2


def a_model(
    *,
    shortlist: Sequence[int] = (2, 3, 4),
    pieces: int = 8,
    attention: AttentionKind = AttentionKind.GENERAL,
    layout: Layout = Layout.AFTER,
    depth: int = 1,
    seed: int = 0,
) -> Seq2Seq:
    """A tiny network with every weight drawn at random, so that nothing is zero by luck."""
    torch.manual_seed(seed)
    sizes = ModelSizes(
        pieces, embedding=6, hidden=4, decoder=8, attention=attention.value, layout=layout.value, depth=depth
    )
    model = Seq2Seq(sizes, torch.tensor(list(shortlist)), dropout=0.3).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.6)
    return model


WORDS = WordReader.train(["when are you open", "when do you close", "几点开门", "几点关门"], SlotFinder())


def an_encoder(cell: str = Cell.LSTM, *, entries: int = 3, seed: int = 0, grams: int = NGRAM_ROWS) -> SentenceEncoder:
    """A tiny sentence encoder with every weight drawn at random but those of padding, which are always zero."""
    torch.manual_seed(seed)
    sizes = EncoderSizes(WORDS.size, entries, embedding=6, hidden=4, heads=2, vector=5, cell=cell, grams=grams)
    encoder = SentenceEncoder(sizes).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(0, 0.6)
        encoder.words.weight[PADDING] = 0.0
        if encoder.grams is not None:
            encoder.grams.weight[PADDING] = 0.0
    return encoder


@torch.inference_mode()
def encode(model: Seq2Seq, texts: list[list[int]]) -> tuple[Encoded, Tensor]:
    """A batch of texts as the decoder sees it, and its padded pieces."""
    pieces, lengths = pad(texts)
    return model.encoder(pieces, lengths), pieces


@torch.inference_mode()
def next_log_probabilities(
    model: Seq2Seq, encoded: Encoded, source: Tensor | None, written: Sequence[int]
) -> dict[int, float]:
    """Log-probability of every piece that may come next, with all that was written read again from the beginning."""
    decoder = model.decoder
    keys = decoder.prepare(encoded, source)
    scores, _, _ = decoder(torch.tensor([[BEGIN, *written]]), decoder.begin(encoded.last), keys)
    return dict(zip(decoder.shortlist.tolist(), scores[0, -1].tolist(), strict=True))


def greedy_slowly(model: Seq2Seq, encoded: Encoded, source: Tensor | None, limit: int) -> Hypothesis:
    """Greedy search that keeps no state: all that was written is read again for each piece."""
    written: list[int] = []
    worth: list[float] = []
    while len(written) < limit:
        chances = next_log_probabilities(model, encoded, source, written)
        piece = max(chances, key=lambda one: chances[one])
        worth.append(chances[piece])
        if piece == END:
            return Hypothesis(tuple(written), tuple(worth), finished=True)
        written.append(piece)
    return Hypothesis(tuple(written), tuple(worth), finished=False)


def alike(found: Hypothesis, expected: Hypothesis) -> bool:
    """Whether two hypotheses are the same but for what single precision rounds away."""
    return (found.pieces, found.finished) == (expected.pieces, expected.finished) and (
        found.log_probabilities == pytest.approx(expected.log_probabilities, abs=1e-4)
        and found.missed == pytest.approx(expected.missed, abs=1e-4)
    )


def some_evidence(size: int, *, known: float = 0.0, **found: Sequence[float]) -> Evidence:
    """Evidence for the first so many entries: what is named, and nothing of every other kind."""
    kinds = [field.name for field in fields(Evidence) if field.name not in ("known", "places")]
    columns = {kind: np.asarray(found.get(kind, [0.0] * size), np.float32) for kind in kinds}
    return Evidence(np.arange(size), known=known, **columns)


class ThemeEncoder:
    """Encodes what words are about: those of one theme lie on one axis, all others on the last one."""

    def __init__(self, *themes: str) -> None:
        self._axes = {word: axis for axis, theme in enumerate(themes) for word in theme.split()}
        self.width = len(themes) + 1

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        found = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(found, texts, strict=True):
            for word in tokens(text) or [""]:
                row[self._axes.get(word, -1)] += 1
        return found / np.linalg.norm(found, axis=1, keepdims=True)


class DrawnEncoder:
    """Draws a vector for every text, always the same one for the same form: nothing is near to anything by meaning."""

    def __init__(self, seed: int = 0, width: int = 6) -> None:
        self._seed = seed
        self.width = width

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = [zlib.crc32(matching(text).encode("utf-8", "surrogatepass"), self._seed) for text in texts]
        drawn = [np.random.default_rng(seed).normal(size=self.width) for seed in seeds]
        found = np.asarray(drawn, np.float32).reshape(len(texts), self.width)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def a_base(cell: str = Cell.LSTM) -> Base:
    """A tiny base that reads bytes, as it is after a journey through its two files."""
    tokenizer = PieceTokenizer.bytes_only()
    torch.manual_seed(0)
    sizes = EncoderSizes(tokenizer.size, 0, embedding=6, hidden=4, heads=2, vector=5, cell=cell, grams=0)
    weights = {name: value.numpy() for name, value in initialise(SentenceEncoder(sizes)).state_dict().items()}
    never_met = [tokenizer.pad, tokenizer.begin, tokenizer.number("⟨1⟩")]
    weights["words.weight"][never_met] = 0.0
    weights["salience.weight"] += np.linspace(-1, 1, tokenizer.size, dtype=np.float32)[:, None]
    packed = pack({name: value for name, value in weights.items() if not name.startswith("head")})
    files = {ENCODER: arrays_to_bytes(packed), TOKENIZER: tokenizer.to_json().encode()}
    return Base(tokenizer, unpack(packed), files)


REFUND = Entry(
    "refund", "You get your money back within 14 days.", ("How do I get a refund?", "money back"), locale="en"
)
HOURS = Entry("hours", "We are open from 9 to 17.", ("When are you open?",), locale="en", tags=("shop",))
HOLIDAYS = Entry("holidays", "We are closed on holidays.", ("Are you open on holidays?",), locale="en", tags=("shop",))
THREAT = Entry("threat", "A person will see to this.", ("I will sue you",), locale="en", tags=("person",))
HELLO = Entry("hello", "Hello {name|there}!", ("Hello",), locale="en", tags=("smalltalk",))
GREETING = Entry("greeting", "Dear {name|customer}, here we are.", ("Greet me by name",), locale="en")
CHINESE = Entry("zh-hours", "早上九点到下午五点。", ("几点开门", "营业时间"), locale="zh")
KNOWLEDGE = Knowledge((REFUND, HOURS, HOLIDAYS, THREAT, HELLO, GREETING, CHINESE))


class EvenUnderstander:
    """Finds every entry as likely as any other, and none of them as well."""

    def __init__(self, size: int) -> None:
        self._size = size

    def understand(self, readings: Sequence[Reading]) -> list[Understanding]:
        even = -float(np.log(self._size + 1))
        scores, vector = np.full(self._size, even, np.float32), np.ones(1, np.float32)
        return [Understanding(scores, even, vector) for _ in readings]


class BlindRetriever:
    """Finds nothing, of any entry."""

    def __init__(self, size: int) -> None:
        self._size = size

    def retrieve(self, readings: Sequence[Reading], understandings: Sequence[Understanding]) -> list[Evidence]:
        return [some_evidence(self._size) for _ in zip(readings, understandings, strict=True)]


class TableRanker:
    """Ranks as the table says, by the text of the reading, for a follow-up by ``text @topic`` where the table has that.

    A text that is not in it has no candidates.
    """

    def __init__(self, knowledge: Knowledge, table: Mapping[str, Mapping[str, float]]) -> None:
        self._knowledge = knowledge
        self._table = table

    def rank(self, reading: Reading, understanding: Understanding, evidence: Evidence) -> list[Candidate]:
        del understanding, evidence
        found = self._table.get(reading.text, {})
        if reading.topic is not None:
            found = self._table.get(f"{reading.text} @{reading.topic.id}", found)
        chances = sorted(found.items(), key=lambda item: -item[1])
        return [Candidate(name, self._knowledge[name].answer, chance) for name, chance in chances]


class TableGenerator:
    """Composes what the table holds for an entry; None for every other one. Keeps the contexts that it was given."""

    fingerprint = "f" * 32

    def __init__(self, table: Mapping[str, Generation]) -> None:
        self._table = table
        self.seen: list[Context] = []
        self.deadline: float | None = None

    def generate(self, contexts: Sequence[Context], *, deadline: float | None = None) -> list[Generation | None]:
        self.seen.extend(contexts)
        self.deadline = deadline
        return [self._table.get(context.entry.id) for context in contexts]


class SilentGenerator:
    """Cannot compose anything."""

    fingerprint = "0" * 32

    def generate(self, contexts: Sequence[Context], *, deadline: float | None = None) -> list[Generation | None]:
        raise GenerationError(f"nothing can be composed from {len(contexts)} contexts until {deadline}")


def an_engine(
    table: Mapping[str, Mapping[str, float]],
    *,
    generator: TableGenerator | SilentGenerator | None = None,
    knowledge: Knowledge = KNOWLEDGE,
    settings: Settings | None = None,
    follow_up: float = 0.0,
) -> Engine:
    """An engine that ranks by a table; it answers from 0.6 on, asks back from 0.3, and speaks for itself from 0.9."""
    chosen = settings or Settings()
    return Engine(
        fingerprint="f" * 32,
        knowledge=knowledge,
        understander=EvenUnderstander(len(knowledge)),
        retriever=BlindRetriever(len(knowledge)),
        ranker=TableRanker(knowledge, table),
        arbiter=ThresholdArbiter(knowledge, Thresholds(0.6, 0.3, 0.9, follow_up), choices=chosen.choices),
        generator=generator,
        settings=chosen,
    )
