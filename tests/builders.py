"""What tests are about, built with one line; whatever a test does not name is ordinary."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from bot.compose import House
from bot.config import Config
from bot.guard import Guard
from bot.turn import Limits, TurnTaker
from bot.wording import Wording
from engine.dialogue import (
    Candidate,
    ChannelEvent,
    Choice,
    ConversationKey,
    EventKind,
    Message,
    Provenance,
    Reply,
    Source,
)
from engine.memory import WorkingMemory
from engine.ports import Response
from storage.in_memory import InMemoryStore
from storage.ports import Store
from tests.fakes import TableEngine

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = ConversationKey("shop", "anna")
FAQ = {"refund": "Within 14 days.", "hours": "From 9 to 17.", "几点开门": "早上九点开门。"}
_NUMBERS = itertools.count(1)


def a_message(
    text: str = "refund",
    *,
    key: ConversationKey = KEY,
    message_id: str | None = None,
    sent_at: datetime = NOON,
    sender: str | None = None,
) -> Message:
    """A message with an id of its own."""
    return Message(key, f"m{next(_NUMBERS)}" if message_id is None else message_id, text, sent_at, sender)


def an_event(
    text: str = "refund",
    kind: EventKind = EventKind.MESSAGE,
    *,
    key: ConversationKey = KEY,
    event_id: str | None = None,
    at: datetime = NOON,
    sender: str | None = None,
    about: str | None = None,
) -> ChannelEvent:
    """An event of a channel with an id of its own."""
    return ChannelEvent(key, f"e{next(_NUMBERS)}" if event_id is None else event_id, kind, at, text, sender, (), about)


def a_reply(
    text: str = "Within 14 days.",
    source: Source = Source.RETRIEVED,
    *,
    origin: str = "refund",
    reason: str = "sure",
    confidence: float = 0.9,
    entry: str | None = "refund",
    choices: Iterable[str] = (),
    candidates: Iterable[tuple[str, float]] = (),
    handoff: bool = False,
) -> Reply:
    """A reply; ``choices`` are questions, ``candidates`` entries with their confidence."""
    return Reply(
        text,
        Provenance(source, origin, reason),
        confidence,
        entry,
        tuple(Choice(f"entry-{number}", choice) for number, choice in enumerate(choices)),
        tuple(Candidate(name, f"answer of {name}", sure) for name, sure in candidates),
        handoff,
    )


def a_response(reply: Reply, memory: WorkingMemory | None = None) -> Response:
    """What an engine would have thought to give ``reply``."""
    return Response(
        reply.text,
        reply.provenance,
        reply.confidence,
        WorkingMemory() if memory is None else memory,
        reply.entry,
        reply.choices,
        reply.candidates,
        reply.handoff,
    )


def a_wording(
    locales: tuple[str, ...] = ("en", "zh"), overrides: Mapping[str, Mapping[str, str]] | None = None
) -> Wording:
    """The fixed sentences of a bot named Fern."""
    return Wording("Fern", locales, {} if overrides is None else overrides)


def a_house(
    faq: Mapping[str, str] = FAQ,
    *,
    engine: TableEngine | str | None = "of the faq",
    store: Store | None = None,
    locales: tuple[str, ...] = ("en", "zh"),
    characters: int = 4000,
    deadline: float = 3.0,
) -> TurnTaker:
    """A turn taker over a store in memory, which answers what stands in ``faq``; None as ``engine``: untrained."""
    wording = a_wording(locales)
    thinking = TableEngine(faq, wording.say) if isinstance(engine, str) else engine
    kept = InMemoryStore() if store is None else store
    return TurnTaker(
        kept,
        thinking,  # type: ignore[arg-type]  # the fake has the one method that a turn needs
        Guard(wording),
        wording,
        lambda: NOON,
        Limits(characters, deadline),
        locales,
    )


def a_whole_house(taker: TurnTaker | None = None, config: Config | None = None) -> House:
    """Everything around ``taker`` that adapters are served with."""
    taken = a_house() if taker is None else taker
    return House(Config() if config is None else config, taken.store, taken.engine, taken.wording, taken, "")
