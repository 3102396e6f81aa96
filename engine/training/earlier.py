"""Going on with a model that was trained before: what it knows, and what is new to it.

What is new is learnt with gentler rates from the earlier weights, and a share of what is old is mixed into every epoch,
so that it is not forgotten (rehearsal, Robins 1995).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine import checkpoint
from engine.base.base import TOKENIZER, Base
from engine.base.base import read as read_base
from engine.calibration import Thresholds
from engine.errors import CheckpointError
from engine.knowledge.entries import Entry, Knowledge
from engine.ranker import RankerWeights
from engine.seq2seq.model import ModelSizes, Seq2Seq, lay_changes
from engine.text.normalise import matching
from engine.text.tokenise import PieceTokenizer
from engine.training.options import Tuning
from engine.training.questions import Question
from engine.training.start import GENTLE, Start
from engine.training.steps import epochs_for, weights_of
from engine.understand.conversation_head import FILE as CONVERSATION
from engine.understand.encoders import NONE, check_known, encoder_named
from engine.understand.network import EncoderSizes, SentenceEncoder, initialise
from engine.understand.reader import PieceReader, QuestionReader, TextReader
from engine.understand.sentence import SentenceNetwork
from engine.understand.slots import SlotFinder
from engine.understand.words import WordReader

VALIDATION = "validation.json"
_SHOWN = 9_000  # questions that an encoder is shown in all
_COMPOSED = 2_500  # replies that a composer is taught in all
_HEAD = ("head.weight", "head.bias")
_BIAS, _SHORTLIST = "decoder.bias", "decoder.shortlist"

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A model that was trained before: its knowledge, the questions it was judged by, and its weights."""

    folder: Path
    fingerprint: str
    knowledge: Knowledge
    validation: tuple[Question, ...]
    facts: Mapping[str, Any]
    understanding: Arrays
    composing: Arrays
    known_words: tuple[str, ...]
    base: Base | None
    tokenizer: PieceTokenizer
    conversation: Arrays = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Earlier:
        """Read a model folder.

        Raises:
            CheckpointError: If it is missing, damaged, or of another version.
        """
        model = checkpoint.read(folder)
        try:
            base = None if model.facts["encoder"]["name"] == NONE else read_base(model.files)
            return cls(
                folder=folder,
                fingerprint=model.fingerprint,
                knowledge=Knowledge.from_json(json.loads(model.path("knowledge.json").read_bytes())),
                validation=_validation(model),
                facts=model.facts,
                understanding=model.arrays("understanding.safetensors"),
                composing=model.arrays("composing.safetensors"),
                known_words=() if base else tuple(json.loads(model.path("words.json").read_bytes())),
                base=base,
                tokenizer=base.tokenizer if base else PieceTokenizer.load(model.path(TOKENIZER)),
                conversation=model.arrays(CONVERSATION) if CONVERSATION in model.files else {},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{folder}: the model cannot be trained further: {error!r}") from error

    @property
    def encoder(self) -> str:
        """What it was started from, a name of ``engine.understand.encoders``."""
        return str(self.facts["encoder"]["name"])

    def ranker(self) -> tuple[RankerWeights, RankerWeights]:
        """Its weights for questions that stand alone, and for follow-ups."""
        alone, follow_up = (RankerWeights.from_json(self.facts["ranker"][kind]) for kind in ("alone", "follow_up"))
        return alone, follow_up

    def following(self, weights: RankerWeights) -> RankerWeights:
        """Other weights for questions that stand alone, with its own for how much the conversation so far counts."""
        return RankerWeights((*weights.candidate[:-1], self.ranker()[0].candidate[-1]), weights.none)

    def thresholds(self) -> Thresholds:
        """From which confidence on it answers."""
        return Thresholds.from_json(self.facts["thresholds"])


def _validation(model: checkpoint.Checkpoint) -> tuple[Question, ...]:
    if VALIDATION not in model.files:
        return ()
    rows = json.loads(model.path(VALIDATION).read_bytes())
    return tuple(Question(row["text"], frozenset(row["entries"]), locale=row["locale"]) for row in rows)


def validation_to_json(questions: Sequence[Question]) -> bytes:
    """The questions that a model was judged by, for its checkpoint."""
    rows = [{"text": one.text, "entries": sorted(one.entries), "locale": one.locale} for one in questions]
    return json.dumps(rows, ensure_ascii=False).encode()


def joined(old: Knowledge, new: Knowledge) -> tuple[Knowledge, frozenset[str]]:
    """What a model knew and what is new, as one knowledge, and the ids of entries that are new or changed.

    Questions of an entry with the same id, or with the same answer in the same language, are added to those it had; a
    new answer takes the place of the old one.
    """
    found = {entry.id: entry for entry in old}
    by_answer = {(entry.locale, matching(entry.answer)): entry.id for entry in old}
    fresh: dict[str, None] = {}
    for entry in new:
        place = entry.id if entry.id in found else by_answer.get((entry.locale, matching(entry.answer)), entry.id)
        before = found.get(place)
        after = entry if before is None else _added(before, entry)
        if after != before:
            found[place] = after
            fresh[place] = None
    unanswered = dict.fromkeys((*old.unanswered, *new.unanswered))
    return Knowledge(tuple(found.values()), tuple(unanswered)), frozenset(fresh)


def _added(old: Entry, new: Entry) -> Entry:
    """An entry with the questions of both, and the newer answer."""
    forms = {matching(question) for question in old.questions}
    more = tuple(question for question in new.questions if matching(question) not in forms)
    tags = tuple(dict.fromkeys((*old.tags, *new.tags)))
    return replace(old, answer=new.answer, questions=(*old.questions, *more), tags=tags)


@dataclass(frozen=True, slots=True)
class Continuing(Start):
    """What a run begins with that goes on with an earlier model.

    ``fresh`` are the ids of entries that are new or changed, ``replayed`` is the share of the old ones that is shown in
    every epoch, ``rate`` the share of the learning rate, ``frozen`` begins the names of weights that stay as they are.
    """

    earlier: Earlier = field(kw_only=True)
    fresh: frozenset[str] = field(kw_only=True)
    replayed: float = field(kw_only=True, default=0.2)
    rate: float = field(kw_only=True, default=0.5)
    frozen: tuple[str, ...] = field(kw_only=True, default=())

    @classmethod
    def after(cls, earlier: Earlier, fresh: frozenset[str], slots: SlotFinder, tuning: Tuning) -> Continuing:
        """Where a run goes on.

        Raises:
            CheckpointError: If the encoder that the model was started from is not there any more, or another one.
        """
        encoder = encoder_named(earlier.encoder, earlier.base, slots)
        check_known(encoder, earlier.facts["encoder"]["known_by"], earlier.encoder)
        questions = QuestionReader(earlier.tokenizer, slots)
        return cls(
            earlier.base, earlier.tokenizer, questions, encoder, "lstm",
            earlier=earlier, fresh=fresh, replayed=tuning.replayed, rate=tuning.rate, frozen=tuning.frozen,
        )  # fmt: skip

    def reader(self, questions: Sequence[str], slots: SlotFinder) -> TextReader:
        """How questions are read: as the earlier model reads them, whatever new words there are."""
        del questions
        return PieceReader(self.questions) if self.base else WordReader(self.earlier.known_words, slots)

    def network(
        self, reader: TextReader, knowledge: Knowledge, questions: Sequence[tuple[str, int]] = ()
    ) -> SentenceEncoder:
        """The earlier network; a new entry begins as the likeness with the mean of its questions."""
        own = {name: torch.from_numpy(np.array(values)) for name, values in self.earlier.understanding.items()}
        network = Start.network(self, reader, knowledge) if self.base else _from_nothing(own, reader, len(knowledge))
        network.load_state_dict({name: own[name] for name in network.state_dict() if name in own and name not in _HEAD},
                                strict=False)  # fmt: skip
        self._set_head(network, reader, knowledge, questions, own)
        freeze(network, self.frozen)
        return network

    def _set_head(
        self,
        network: SentenceEncoder,
        reader: TextReader,
        knowledge: Knowledge,
        questions: Sequence[tuple[str, int]],
        own: Mapping[str, torch.Tensor],
    ) -> None:
        old = self.earlier.knowledge
        weight, bias = network.head.weight.data, network.head.bias.data
        weight.zero_()
        bias.fill_(float(own["head.bias"][:-1].mean()))
        known = [(place, old.place(entry.id)) for place, entry in enumerate(knowledge) if entry.id in old]
        known.append((len(knowledge), len(old)))  # "none of them"
        places, before = (torch.tensor(side) for side in zip(*known, strict=True))
        weight[places], bias[places] = own["head.weight"][before], own["head.bias"][before]
        unmet = {place for place, entry in enumerate(knowledge) if entry.id not in old}
        new = [(text, place) for text, place in questions if place in unmet]
        if new and network.sizes.by_vector:
            vectors = SentenceNetwork(_complete(network, self.base), self.trunk).vectors_of(
                reader.read_all([text for text, _ in new])
            )
            rows = torch.tensor([place for _, place in new])
            weight.index_add_(0, rows, torch.from_numpy(vectors))
            counts = torch.bincount(rows, minlength=len(weight)).clamp_min(1)[:, None]
            weight /= counts

    def epochs(self, questions: int) -> int:
        """For how many epochs a network is trained, where that is not chosen."""
        return epochs_for(_SHOWN, questions, fewest=3, most=10)

    def composing_epochs(self, replies: int) -> int:
        """For how many epochs a composer is taught, where that is not chosen."""
        return epochs_for(_COMPOSED, replies, fewest=4, most=16)

    @property
    def rate_share(self) -> float:
        """The share of the learning rate for weights that were trained before."""
        return self.rate * (GENTLE if self.base else 1.0)

    @property
    def composing_rate(self) -> float:
        """The share of the learning rate of a composer."""
        return self.rate

    @property
    def replayed_share(self) -> float:
        """The share of what is old that is shown in every epoch."""
        return self.replayed

    def origin(self) -> dict[str, str]:
        """What the manifest says of where a run began."""
        return {"kind": "finetune", "parent": self.earlier.fingerprint}

    def is_fresh(self, entry: Entry) -> bool:
        """Whether what it is about is new; the rest is shown in part."""
        return entry.id in self.fresh

    def composer(self, shortlist: torch.Tensor) -> Seq2Seq:
        """The earlier composer, which may write new pieces too."""
        own = {name: torch.from_numpy(np.array(values)) for name, values in self.earlier.composing.items()}
        before = own.pop(_SHORTLIST)
        pieces = torch.unique(torch.cat([before, shortlist]))
        model = Seq2Seq(ModelSizes.from_json(self.earlier.facts["sizes"]), pieces, dropout=0.3)
        if self.base is not None:
            own["embedding.weight"] = torch.from_numpy(self.base.weights["words.weight"].copy())
            lay_changes(own)
        bias = own.pop(_BIAS)
        model.load_state_dict(own, strict=False)
        model.decoder.bias.data.fill_(float(bias.min()))
        model.decoder.bias.data[model.decoder.places[before]] = bias
        freeze(model, self.frozen)
        return model


def freeze(network: torch.nn.Module, names: Sequence[str]) -> None:
    """Let weights whose names begin like one of these stay as they are."""
    for name, parameter in network.named_parameters():
        if name.startswith(tuple(names)) and names:
            parameter.requires_grad_(False)


def _complete(network: SentenceEncoder, base: Base | None) -> dict[str, NDArray[np.generic]]:
    return {**(base.weights if base else {}), **weights_of(network)}


def _from_nothing(own: Mapping[str, torch.Tensor], reader: TextReader, entries: int) -> SentenceEncoder:
    """A network of the sizes of an earlier one that started from nothing."""
    rows, embedding = own["words.weight"].shape
    gates, hidden = own["onward.weight_hh_l0"].shape
    sizes = EncoderSizes(
        words=rows,
        entries=entries,
        embedding=embedding,
        hidden=hidden,
        heads=len(own["pooling.score.bias"]),
        vector=len(own["vector.bias"]),
        cell="lstm" if gates == 4 * hidden else "gru",
        grams=len(own["grams.weight"]),
    )
    if rows != reader.size:
        raise CheckpointError(f"the earlier model knows {rows} words, its list names {reader.size}")
    return initialise(SentenceEncoder(sizes))
