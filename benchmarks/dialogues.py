"""Service conversations as pairs for the composing network: what an agent reads, and what the agent says next.

Values stand as numbered placeholders, as in the product: ``<topic> restaurants <slots> city ⟨4⟩ <customer> … <entry>
address ⟨11⟩`` is read, and ``It is at ⟨11⟩.`` is to be written. A value's number is drawn for every pair anew, so that
which number says what is read, not learnt by heart. ``<slots>`` are what the customer has given so far. ``<entry>`` is
what the agent has looked up for this turn: the values that stand in it and nowhere before; a data set without the notes
of its agents cannot say what else they saw.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.datasets import DataError, Folders
from engine.knowledge.template import VALUE, placeholders
from engine.text.tokenise import VALUE_MARKS, PieceTokenizer
from engine.training.lesson import Example

SETS = {"sgd": "sgd/train.jsonl.gz", "crosswoz": "crosswoz/train.jsonl"}
HELD_OUT = 0.1  # of the conversations
_REMEMBERED = 2  # turns before the customer's last one
_LONGEST_TURN = 32  # pieces
_JOINTS = re.compile(r"[._]+")
_KINDS = (
    ("time", re.compile(r"\d{1,2}[:：]\d{2}(?:\s?[ap]\.?m\b)?|\d{1,2}\s?[ap]\.?m\b", re.IGNORECASE)),
    ("phone", re.compile(r"\+?\d[\d -]{6,}\d")),
    ("amount", re.compile(r"[$€£¥]\s?\d[\d,.]*|\d[\d,.]*\s?(?:dollars|bucks|元)")),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One agent's turn: what was read, what was said, both with placeholders, and the names behind the placeholders.

    ``facts`` are the placeholders that had to be said, ``known`` all that could be.
    """

    source: str
    text: str
    names: Mapping[str, str]
    facts: frozenset[str]
    known: frozenset[str]

    def named(self, text: str) -> str:
        """A reply with the names of its placeholders, as it is shown and compared."""
        return re.sub(r"⟨(\d+)⟩", lambda found: f"⟨{self.names.get(found.group(1), '?')}⟩", text)


@dataclass(frozen=True, slots=True)
class Dialogues:
    """A set: replies to learn from and replies that are asked, of different conversations."""

    name: str
    taught: tuple[Reply, ...]
    asked: tuple[Reply, ...]


def read(folders: Folders, name: str, *, asked: int, seed: int) -> Dialogues:
    """Read a set; of a tenth of its conversations, by seed, ``asked`` replies are drawn to measure with.

    Raises:
        DataError: If the file is missing or no conversations stand in it.
    """
    path = folders.need(SETS[name])
    conversations = list(_conversations(path))
    chance = random.Random(seed)
    chance.shuffle(conversations)
    kept = round(HELD_OUT * len(conversations))
    measured = [reply for one in conversations[:kept] for reply in replies(one, chance)]
    taught = [reply for one in conversations[kept:] for reply in replies(one, chance)]
    return Dialogues(name, tuple(taught), tuple(chance.sample(measured, min(asked, len(measured)))))


def _conversations(path: Path) -> Iterator[list[dict[str, Any]]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)["turns"]
            except (ValueError, KeyError) as error:
                raise DataError(f"{path}, line {number}: no conversation with turns") from error


def replies(turns: Sequence[Mapping[str, Any]], chance: random.Random) -> Iterator[Reply]:
    """The agent's turns of one conversation that answer a customer's."""
    every = {value: _words(name) for turn in turns for name, value in (turn.get("slots") or {}).items() if value}
    said = [_Said(turn["role"], turn["text"], _values(turn["text"], every)) for turn in turns]
    given: dict[str, str] = {}
    topic = ""
    for place, (asked, answer) in enumerate(pairwise(turns)):
        if asked["role"] == "customer":
            now = {name: value for name, value in (asked.get("slots") or {}).items() if value}
            new = next((name for name, value in now.items() if given.get(name) != value), "")
            topic, given = _words(new.partition(".")[0]) or topic, now
            if answer["role"] == "agent":
                earlier = said[max(0, place - _REMEMBERED) : place + 1]
                yield _reply(earlier, said[place + 1], topic, given, chance)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value in a text, at ``[start, end)``, and what kind of value it is."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Said:
    """A turn with the values in it, in order."""

    role: str
    text: str
    values: tuple[_Value, ...]


class _Numbers:
    """Gives values their numbers, drawn by chance; values for which none is left stay as they are."""

    def __init__(self, chance: random.Random) -> None:
        self._free = list(range(1, len(VALUE_MARKS) + 1))
        chance.shuffle(self._free)
        self._marks: dict[str, str] = {}
        self.names: dict[str, str] = {}

    def mark(self, value: str, kind: str) -> str:
        """The placeholder of a value; the same one for the same value."""
        key = value.casefold()
        if key not in self._marks:
            if not self._free:
                return value
            number = self._free.pop()
            self._marks[key] = f"⟨{number}⟩"
            self.names[str(number)] = kind
        return self._marks[key]

    def marked(self, said: _Said) -> str:
        """A turn with placeholders."""
        parts, end = [], 0
        for one in said.values:
            parts += [said.text[end : one.start], self.mark(said.text[one.start : one.end], one.kind)]
            end = one.end
        return "".join([*parts, said.text[end:]])


def _reply(
    earlier: Sequence[_Said], answer: _Said, topic: str, given: Mapping[str, str], chance: random.Random
) -> Reply:
    numbers = _Numbers(chance)
    history = [(said.role, numbers.marked(said)) for said in earlier]
    slots = [f"{_words(name)} {numbers.mark(value, _words(name))}" for name, value in given.items()]
    before = set(numbers.names)
    text = numbers.marked(answer)
    facts = [number for number in numbers.names if number not in before]
    chance.shuffle(facts)
    parts = [f"<topic>{topic}"] if topic else []
    parts += [f"<slots>{'; '.join(slots)}"] if slots else []
    parts += [f"<{'customer' if role == 'customer' else 'bot'}>{words}" for role, words in history]
    parts += [f"<entry>{'; '.join(f'{numbers.names[number]} ⟨{number}⟩' for number in facts)}"]
    return Reply("".join(parts), text, numbers.names, frozenset(facts), frozenset(numbers.names))


def _words(name: str) -> str:
    """The name of a slot or service as words: ``Restaurants_1.party_size`` says "party size"."""
    last = name.rpartition(".")[2]
    return _JOINTS.sub(" ", re.sub(r"_\d+$", "", last)).casefold()


def _values(text: str, known: Mapping[str, str]) -> tuple[_Value, ...]:
    """The known values in a text, the longest first, and then everything else that has a digit."""
    found: list[_Value] = []
    taken = [False] * len(text)
    folded = text.casefold() if len(text.casefold()) == len(text) else text

    def take(start: int, end: int, kind: str) -> None:
        if not any(taken[start:end]):
            found.append(_Value(start, end, kind))
            taken[start:end] = [True] * (end - start)

    for value in sorted(known, key=len, reverse=True):
        if value.casefold() in folded:
            whole = re.escape(value.casefold())
            for one in re.finditer(rf"(?<!\w){whole}(?!\w)" if value.isascii() else whole, folded):
                take(*one.span(), known[value])
    for kind, pattern in (*_KINDS, ("number", VALUE)):
        for one in pattern.finditer(text):
            take(one.end() - len(one.group().lstrip()), one.end(), kind)
    return tuple(sorted(found, key=lambda one: one.start))


def tokenizer_of(sets: Iterable[Dialogues], size: int) -> PieceTokenizer:
    """One set of pieces for all texts that are taught."""
    texts = (text for one in sets for reply in one.taught for text in (reply.source, reply.text))
    return PieceTokenizer.train((re.sub(r"<\w+>", "\n", text) for text in texts), size=size)


def pieces_of(reply: Reply, tokenizer: PieceTokenizer) -> list[int]:
    """What is read for a reply; of a long turn the end."""
    found: list[int] = []
    for mark, words in re.findall(r"<(topic|slots|customer|bot|entry)>([^<]*)", reply.source):
        own = tokenizer.encode(words)
        cut = own[-_LONGEST_TURN:] if mark in ("customer", "bot") else own
        found += [getattr(tokenizer, mark), *cut]
    return found


def examples(of: Sequence[Reply], tokenizer: PieceTokenizer) -> list[Example]:
    """Replies as pieces."""
    return [Example(tuple(pieces_of(reply, tokenizer)), (*tokenizer.encode(reply.text), tokenizer.end)) for reply in of]


@dataclass(frozen=True, slots=True)
class Marks:
    """How well replies keep to what they were given, as shares of all replies.

    ``wrong``: says a placeholder for which nothing is at hand. ``missing``: leaves out something that was looked up for
    it. ``either``: one of the two. ``different``: its placeholders are not those of the agent's own words.
    """

    wrong: float
    missing: float
    either: float
    different: float


def marks(of: Sequence[Reply], written: Sequence[str]) -> Marks:
    """How well replies keep to what they were given."""
    counts: Counter[str] = Counter()
    for reply, text in zip(of, written, strict=True):
        said = set(placeholders(text))
        wrong, missing = bool(said - reply.known), bool(reply.facts - said)
        counts.update(wrong=wrong, missing=missing, either=wrong or missing)
        counts.update(different=said != set(placeholders(reply.text)))
    return Marks(*(counts[name] / max(1, len(of)) for name in ("wrong", "missing", "either", "different")))


def checked(of: Sequence[Reply], hypotheses: Sequence[Sequence[str]]) -> list[str]:
    """For every reply the best hypothesis that says what was looked up and nothing that is not at hand, as the product
    looks at what it composed; where none does, the best.
    """
    return [
        next((text for text in texts if reply.facts <= set(placeholders(text)) <= reply.known), texts[0])
        for reply, texts in zip(of, hypotheses, strict=True)
    ]


def distinct(texts: Sequence[str], size: int = 2) -> float:
    """Share of different ones among all runs of ``size`` words or Chinese characters (Li et al. 2016)."""
    runs = [
        run for text in texts for run in _runs(re.findall(r"⟨[^⟩]*⟩|[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+", text), size)
    ]
    return len(set(runs)) / max(1, len(runs))


def _runs(words: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def most_frequent(of: Sequence[Reply]) -> str:
    """The reply that agents write most often."""
    return Counter(reply.named(reply.text) for reply in of).most_common(1)[0][0]
