"""Golden conversations: what customers write, turn by turn, and what a good answer has; written to be read by people.

Each file in ``conversations`` is one conversation with the shop of the sample, held with a model that is trained on its
FAQ. A file has ``language``, ``shows`` (what it is about) and ``turns``. A turn has the ``customer``'s words and, where
wanted:

- ``after``: how long after the turn before it was written (``90m``, ``13h``, ``2d``; a minute by default),
- ``restart``: the bot was started anew before it, with another engine and a memory that was stored,
- ``times``: the words are written so many times,
- ``entry``: the entry that answers; ``says``: what the reply says; ``source``: where it comes from,
- ``asks``: the slot that the bot waits for afterwards, or ``nothing``,
- ``topic`` or ``no_topic``: what the conversation is about afterwards,
- ``slots``: the values that are known then, no more and no fewer,
- ``handoff``: a person takes over; ``summary``: what that person reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.guard import Guard
from bot.turn import Limits, TurnTaker
from bot.wording import Wording
from engine.dialogue import ConversationKey, Message, Reply
from engine.memory import WorkingMemory
from engine.respond import Engine, Settings
from engine.summary import in_words, summarised
from storage.in_memory import InMemoryStore

FILES = sorted((Path(__file__).parent / "conversations").glob("*.yaml"))
LANGUAGES = ("en", "zh")
FIELDS = frozenset(
    "customer after restart times entry says source asks topic no_topic slots handoff summary".split()  # noqa: SIM905
)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
KEY = ConversationKey("terminal", "anna")
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
WORDING = Wording("Fern", LANGUAGES, {})

Engines = Callable[[], Engine]


@pytest.fixture(scope="module")
def engines(sample_model: Path) -> Engines:
    """Two engines of one model by turns; entries speak in their own words, so that all that varies is understanding."""
    settings = Settings(say=WORDING.say, generate=False)
    by_turns = cycle([Engine.load(sample_model, settings), Engine.load(sample_model, settings)])
    return lambda: next(by_turns)


@dataclass
class Talk:
    """A conversation that is being held: the house around it, the time, and what was said."""

    engines: Engines
    now: datetime = MONDAY
    said: list[str] = field(default_factory=list)
    store: InMemoryStore = field(init=False)
    taker: TurnTaker = field(init=False)

    def __post_init__(self) -> None:
        self._open(InMemoryStore(clock=lambda: self.now))

    def _open(self, store: InMemoryStore) -> None:
        self.store = store
        guard, limits = Guard(WORDING), Limits(4000, 60.0)
        self.taker = TurnTaker(store, self.engines(), guard, WORDING, lambda: self.now, limits, LANGUAGES)

    @property
    def memory(self) -> WorkingMemory:
        return self.store.load(KEY).memory

    def restart(self) -> None:
        """Nothing stays but what was stored as text."""
        before = self.store.load(KEY)
        stored = json.loads(json.dumps(before.memory.to_json()))
        store = InMemoryStore(clock=lambda: self.now)
        first = Message(KEY, "restart", "-", self.now)
        with store.write() as work:
            work.append(first, Reply("-", _last(self.store).provenance, 1.0), self.now)
            work.save(replace(store.load(KEY), owner=before.owner, memory=WorkingMemory.from_json(stored)))
            work.commit()
        self._open(store)
        self.said.append("(restart)")

    def take(self, turn: Mapping[str, Any]) -> Reply:
        """One turn of the customer."""
        self.now += _length(turn.get("after", "1m"))
        if turn.get("restart"):
            self.restart()
        text = turn["customer"] * turn.get("times", 1)
        reply = self.taker.take(Message(KEY, str(len(self.said)), text, self.now))
        after = f" ({turn['after']} later)" if "after" in turn else ""
        self.said += [f"customer{after}: {text[:200]}", f"bot: {reply.text}   [{reply.provenance.reason}]"]
        return reply


def _last(store: InMemoryStore) -> Reply:
    return next(turn.reply for turn in reversed(store.history(KEY, limit=9)) if turn.reply)


def _length(text: str) -> timedelta:
    return timedelta(**{UNITS[text[-1]]: float(text[:-1])})


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _wrong(turn: Mapping[str, Any], reply: Reply, talk: Talk, language: str) -> list[str]:
    """What a turn expects and did not get."""
    memory, found = talk.memory, []

    def expect(name: str, is_: Any) -> None:
        if name in turn and turn[name] != is_:
            found.append(f"{name} is {is_!r}, expected {turn[name]!r}")

    expect("entry", reply.entry)
    expect("source", reply.provenance.source.value)
    expect("handoff", reply.handoff)
    expect("asks", memory.form.slot if memory.form else "nothing")
    expect("topic", memory.topic.entry if memory.topic else None)
    expect("no_topic", memory.topic is None)
    expect("slots", memory.values())
    found += [f"the reply does not say {part!r}" for part in _list(turn.get("says", [])) if part not in reply.text]
    slot = turn.get("asks", "nothing")
    if slot != "nothing" and WORDING.say(f"ask_{slot}", language) not in reply.text:
        found.append(f"the reply does not ask for {slot}")
    summary = in_words(summarised(memory, talk.taker.engine.knowledge), WORDING.say, language)
    found += [
        f"{part!r} is not in the summary {summary!r}" for part in _list(turn.get("summary", [])) if part not in summary
    ]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_conversation(path: Path, engines: Engines) -> None:
    golden = yaml.safe_load(path.read_text("utf-8"))
    talk = Talk(engines)
    for number, turn in enumerate(golden["turns"], start=1):
        reply = talk.take(turn)
        wrong = _wrong(turn, reply, talk, golden["language"])
        heading = f"{golden['shows']}\nTurn {number}: {'; '.join(wrong)}"
        assert not wrong, "\n".join([heading, "The conversation so far:", *talk.said])


def test_there_are_twenty_conversations_in_each_language_and_every_field_is_known() -> None:
    read = [yaml.safe_load(path.read_text("utf-8")) for path in FILES]
    for language in LANGUAGES:
        assert sum(golden["language"] == language for golden in read) >= 20
    for path, golden in zip(FILES, read, strict=True):
        assert golden.keys() == {"language", "shows", "turns"}, path.name
        for turn in golden["turns"]:
            assert turn.keys() <= FIELDS, path.name
            assert turn["customer"], path.name
            assert len(turn.keys() - {"customer", "after", "restart", "times"}) > 0, f"{path.name} expects nothing"


def test_a_conversation_that_goes_otherwise_fails_and_is_shown(engines: Engines) -> None:
    talk = Talk(engines)
    turn = {"customer": "Hello", "entry": "refund-time", "says": "money", "asks": "email", "summary": "a parcel"}
    wrong = _wrong(turn, talk.take(turn), talk, "en")
    assert len(wrong) == 5
    assert wrong[0] == "entry is 'hello', expected 'refund-time'"
    assert talk.said[0] == "customer: Hello"
