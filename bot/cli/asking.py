"""Asking without a channel: one question, a file of independent ones, or the turns of a conversation."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.cli.output import TERMINAL, name_of
from bot.commands import parse
from bot.compose import House, compose
from bot.config import Config
from bot.errors import NoModel
from engine.dialogue import ConversationKey, Message, Reply
from engine.text.language import detect
from engine.text.normalise import clean

BATCH = 64
MOST_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and how many milliseconds it took; in a batch, its share of them."""

    reply: Reply
    ms: float


def open_house(config: Config, model: Path | None, *, lasting: bool) -> House:
    """A house that can answer.

    Raises:
        NoModel: If there is no model, or it cannot be used.
        StorageError: If conversations are to last and the database cannot be opened.
    """
    house = compose(config, model=model, lasting=lasting)
    if house.engine is None:
        house.close()
        raise NoModel(house.ready)
    return house


def ask_in_order(house: House, key: ConversationKey, questions: Sequence[str]) -> Iterator[Answer]:
    """Answer questions as turns of one conversation, each stored before it is handed on."""
    for question in questions:
        began = time.perf_counter()
        reply = house.taker.take(Message(key, uuid.uuid4().hex, question, house.taker.clock()))
        yield Answer(reply, (time.perf_counter() - began) * 1000)


def ask_apart(house: House, questions: Sequence[str]) -> Iterator[Answer]:
    """Answer questions each for itself, in batches, in their order; nothing is remembered between them."""
    for start in range(0, len(questions), BATCH):
        began = time.perf_counter()
        replies = _batch(house, questions[start : start + BATCH])
        ms = (time.perf_counter() - began) * 1000 / len(replies)
        yield from (Answer(reply, ms) for reply in replies)


def _batch(house: House, questions: Sequence[str]) -> list[Reply]:
    heard = [clean(question).strip() for question in questions]
    plain = [text for text in heard if _is_plain(house, text)]
    thought = iter(_think(house, plain))
    return [next(thought) if _is_plain(house, text) else _alone(house, text) for text in heard]


def _think(house: House, texts: Sequence[str]) -> list[Reply]:
    if house.engine is None or not texts:
        return []
    responses = house.engine.respond_many(texts)
    locales = house.config.bot.locales
    pairs = zip(texts, responses, strict=True)
    return [house.taker.guard.review(response, detect(text, locales)) for text, response in pairs]


def _alone(house: House, text: str) -> Reply:
    return next(ask_in_order(house, ConversationKey(TERMINAL, uuid.uuid4().hex), [text])).reply


def _is_plain(house: House, text: str) -> bool:
    """True for what the engine may see; commands, empty and overlong texts are the turn taker's."""
    return 0 < len(text) <= house.taker.limits.characters and parse(text) is None


def reply_json(key: ConversationKey | None, answer: Answer) -> dict[str, Any]:
    """A reply as others script against it."""
    reply = answer.reply
    return {
        "conversation": name_of(key) if key else None,
        "text": reply.text,
        "source": reply.provenance.source.value,
        "grade": reply.provenance.grade.value if reply.provenance.grade else None,
        "confidence": round(reply.confidence, 4),
        "entry": reply.entry,
        "choices": [{"entry": choice.entry, "text": choice.text} for choice in reply.choices],
        "candidates": [
            {"entry": candidate.entry, "text": candidate.text, "confidence": round(candidate.confidence, 4)}
            for candidate in reply.candidates[:MOST_CANDIDATES]
        ],
        "ms": round(answer.ms, 1),
    }
