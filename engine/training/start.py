"""What training starts from: the base that comes with the package, or nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.base.base import Base, BaseEncoder, shipped
from engine.knowledge.entries import Entry, Knowledge
from engine.knowledge.template import template
from engine.ports import TextEncoder
from engine.seq2seq.model import ModelSizes, Seq2Seq
from engine.seq2seq.model import initialise as initialise_composer
from engine.text.tokenise import PieceTokenizer
from engine.training.data import TrainingData
from engine.training.options import TrainingOptions
from engine.training.steps import epochs_for, weights_of
from engine.understand.encoders import NONE, encoder_named, known_by
from engine.understand.network import EncoderSizes, SentenceEncoder, initialise
from engine.understand.reader import PieceReader, QuestionReader, TextReader
from engine.understand.sentence import SentenceNetwork, Trunk
from engine.understand.slots import SlotFinder
from engine.understand.words import WordReader

MOST_PIECES = 4000  # of a tokenizer that is trained on the company's data alone
_ASKED, _ASKED_OF_BASE = 90_000, 30_000  # questions that an encoder is shown in all
_COMPOSED = 5_500  # replies that a composer is taught in all
GENTLE = 1 / 3
_LAYERS = ("onward", "backward_")
_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
FROZEN = ("words.weight", "salience.weight", *(f"{layer}.{part}" for layer in _LAYERS for part in _PARTS))
"""Weights of the base that training the understanding does not change: what the base makes of each piece in its place
stays, how a question is pooled and compared is learnt. Changing all of them was three times as slow and found no more
entries, with ten questions an entry as with a hundred; and so a question is read once for both."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a run begins with.

    ``base`` is None where it begins from nothing, ``tokenizer`` and ``questions`` are the pieces of the composer,
    ``encoder`` turns texts into vectors without further training, ``cell`` is the recurrent cell of a new network.
    """

    base: Base | None
    tokenizer: PieceTokenizer
    questions: QuestionReader
    encoder: TextEncoder | None
    cell: str

    @classmethod
    def of(cls, data: TrainingData, options: TrainingOptions) -> Start:
        """What the options ask for.

        Raises:
            CheckpointError: If the base or the encoder cannot be read.
        """
        slots = SlotFinder(options.slots)
        base = None if options.encoder == NONE else shipped()
        tokenizer = base.tokenizer if base else _tokenizer(data, slots)
        encoder = encoder_named(options.encoder, base, slots)
        return cls(base, tokenizer, QuestionReader(tokenizer, slots), encoder, options.cell)

    def reader(self, questions: Sequence[str], slots: SlotFinder) -> TextReader:
        """How questions are read: as pieces of the base, or as words that these questions hold."""
        return PieceReader(self.questions) if self.base else WordReader.train(questions, slots)

    def network(
        self, reader: TextReader, knowledge: Knowledge, questions: Sequence[tuple[str, int]] = ()
    ) -> SentenceEncoder:
        """A network to train, with the weights of the base where there is one.

        Then the score of an entry begins as the likeness with the mean of its ``questions``, texts with places.
        """
        entries = len(knowledge)
        if self.base is None:
            return initialise(SentenceEncoder(EncoderSizes(reader.size, entries, cell=self.cell)))
        network = initialise(SentenceEncoder(_sizes_of(self.base, entries), dropout=0.3, embedding_dropout=0.1))
        own = {name: torch.from_numpy(values) for name, values in self.base.weights.items()}
        network.load_state_dict(own, strict=False)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name not in FROZEN)
        network.head.weight.data.zero_()
        if questions:
            read = reader.read_all([text for text, _ in questions])
            vectors = torch.from_numpy(SentenceNetwork(self.base.weights, self.trunk).vectors_of(read))
            places = torch.tensor([place for _, place in questions])
            network.head.weight.data.index_add_(0, places, vectors)
            network.head.weight.data /= torch.bincount(places, minlength=entries + 1).clamp_min(1)[:, None]
        return network

    def epochs(self, questions: int) -> int:
        """For how many epochs a network is trained, where that is not chosen."""
        if self.base is None:
            return epochs_for(_ASKED, questions)
        return epochs_for(_ASKED_OF_BASE, questions, fewest=4, most=16)

    def composing_epochs(self, replies: int) -> int:
        """For how many epochs a composer is taught, where that is not chosen."""
        return epochs_for(_COMPOSED, replies)

    @property
    def composing_rate(self) -> float:
        """The share of the learning rate of a composer."""
        return 1.0

    def origin(self) -> dict[str, str]:
        """What the manifest says of where a run began."""
        return {"kind": "train", "parent": ""}

    def is_fresh(self, entry: Entry) -> bool:
        """Whether what an entry is about is shown in full, in every epoch."""
        del entry
        return True

    @property
    def replayed_share(self) -> float:
        """The share of all else that is shown in every epoch."""
        return 0.0

    @property
    def trunk(self) -> Trunk | None:
        """What reads pieces for the base and for every network that stands on it."""
        return self.encoder.trunk if isinstance(self.encoder, BaseEncoder) else None

    @property
    def rate_share(self) -> float:
        """The share of the learning rate for weights that know the language already."""
        return GENTLE if self.base else 1.0

    def composer(self, shortlist: torch.Tensor) -> Seq2Seq:
        """A composer to train; it begins with the embeddings of the base where there is one.

        Its recurrent layers begin afresh: what finds an entry reads otherwise than what writes from one, and with the
        layers of the base 90 instead of 95 % of its replies were faithful after the same training.
        """
        if self.base is None:
            sizes = ModelSizes(self.tokenizer.size, embedding=128, hidden=96, decoder=192)
            return initialise_composer(Seq2Seq(sizes, shortlist, dropout=0.3))
        own = _sizes_of(self.base, 0)
        sizes = ModelSizes(own.words, embedding=own.embedding, hidden=own.hidden, decoder=192)
        model = initialise_composer(Seq2Seq(sizes, shortlist, dropout=0.3))
        table = torch.from_numpy(self.base.weights["words.weight"] * self.base.shortening())
        met = table.abs().sum(dim=1) > 0  # marks and values are not met in plain sentences
        model.embedding.weight.data[met] = table[met]
        return model

    def composer_weights(self, model: Seq2Seq) -> dict[str, NDArray[np.generic]]:
        """The weights of a trained composer; of the base's embeddings the scale, and the rows that have changed."""
        weights = weights_of(model)
        if self.base is None:
            return weights
        table = np.asarray(weights.pop("embedding.weight"), np.float32)
        scale = self.base.shortening()
        rows = np.flatnonzero((table != self.base.weights["words.weight"] * scale).any(axis=1))
        changed = {"embedding.rows": rows.astype(np.int32), "embedding.values": table[rows]}
        return weights | changed | {"embedding.scale": np.array(scale, np.float32)}

    def files(self, reader: TextReader) -> dict[str, bytes]:
        """The files that tell how texts are read, for a checkpoint."""
        if self.base is not None:
            return dict(self.base.files)
        known = reader.known if isinstance(reader, WordReader) else ()
        return {
            "tokenizer.json": self.tokenizer.to_json().encode(),
            "words.json": json.dumps(known, ensure_ascii=False).encode(),
        }

    def fact(self, name: str) -> dict[str, object]:
        """What the manifest says of the encoder: its name, and the beginning of a vector, to know it again by."""
        return {"name": name, "known_by": known_by(self.encoder) if self.encoder else []}

    def own_weights(self, network: SentenceEncoder) -> dict[str, NDArray[np.generic]]:
        """The weights of a trained network that are not the base's."""
        frozen = FROZEN if self.base else ()
        return {name: values for name, values in weights_of(network).items() if name not in frozen}


def _sizes_of(base: Base, entries: int) -> EncoderSizes:
    words, embedding = base.weights["words.weight"].shape
    gates, hidden = base.weights["onward.weight_hh_l0"].shape
    return EncoderSizes(
        words=words,
        entries=entries,
        embedding=embedding,
        hidden=hidden,
        heads=len(base.weights["pooling.score.bias"]),
        vector=len(base.weights["vector.bias"]),
        cell="lstm" if gates == 4 * hidden else "gru",
        grams=0,
        by_vector=True,
    )


def _tokenizer(data: TrainingData, slots: SlotFinder) -> PieceTokenizer:
    reader = QuestionReader(PieceTokenizer.bytes_only(), slots)
    questions = [reader.form(question) for question, _ in data.knowledge.examples()]
    answers = [template(entry.answer).text for entry in data.knowledge]
    turns = [logged.turn.text for conversation in data.conversations for logged in conversation.turns]
    others = [reader.form(text) for text in data.background]
    return PieceTokenizer.train([*questions, *answers, *turns, *others], size=MOST_PIECES)
