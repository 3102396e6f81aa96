"""One message, from the customer's text to the stored reply: the straight line of the house."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from bot import forgetting, handover, ownership
from bot.clock import Clock
from bot.commands import Command, parse, to_forget, wants_person, why
from bot.guard import Guard
from bot.mood_alerts import MoodAlerts
from bot.ownership import Event, Owner
from bot.wording import Wording
from engine.dialogue import (
    ChannelEvent,
    ConversationKey,
    EventKind,
    Message,
    Provenance,
    Reply,
    Source,
    Speaker,
    Turn,
)
from engine.knowledge.entries import Knowledge
from engine.memory import WorkingMemory
from engine.ports import Response
from engine.respond import Engine
from engine.text.language import detect
from engine.text.normalise import clean
from storage.errors import AlreadyAnswered, Conflict, Unavailable
from storage.ports import By, Conversation, DeliveryKind, Scope, Store, UnitOfWork

if TYPE_CHECKING:
    from bot.metrics import Metrics

PATIENCE_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 0.15
_HISTORY_FOR_WHY = 20
_MOST_UNDERWAY = 1000  # deliveries of one conversation
log = logging.getLogger("attendant.turn")
_CHINESE = re.compile("[\u4e00-\u9fff]+")
_STARTED_AFRESH = "fixed sentence: new"
_SILENCE = Reply("", Provenance(Source.FIXED, "bot", "a person has this conversation"), 1.0)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a message may be, in characters, and how long thinking may take, in seconds."""

    characters: int
    deadline: float


class TurnTaker:
    """Takes messages one at a time; safe to be called from several threads.

    ``engine`` is None while nothing was trained: the bot then still runs, and offers a person. It may be replaced at
    any time: a turn looks at it once, and ends with the one it began with. ``metrics`` is None where nobody counts,
    ``moods`` where nobody watches how customers sound.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine | None,
        guard: Guard,
        wording: Wording,
        clock: Clock,
        limits: Limits,
        locales: tuple[str, ...],
        metrics: Metrics | None = None,
        moods: MoodAlerts | None = None,
    ) -> None:
        self.store = store
        self.engine = engine
        self.guard = guard
        self.wording = wording
        self.clock = clock
        self.limits = limits
        self.locales = locales
        self.metrics = metrics
        self.moods = moods

    def take(self, message: Message, *, events: Sequence[int] | None = None) -> Reply:
        """Answer a message: exactly one reply for each, however often it is delivered.

        The text of the reply is empty while a person of the company has the conversation.

        Args:
            message: The message.
            events: The stored events that it was made from; they are done when the turn is, and the reply is put in the
                outbox. None where the channel waits for the reply.

        Raises:
            StorageError: If the turn could not be stored; then nothing was said and nothing changed.
        """
        began = time.monotonic()
        return self._patiently(message.key, began, lambda: self._take_once(message, began, events))

    def note(self, event: ChannelEvent, number: int) -> None:
        """Take up a stored event that is no message, under its number.

        Raises:
            StorageError: If it could not be stored; then nothing changed.
        """
        self._patiently(event.key, time.monotonic(), lambda: self._note_once(event, number))

    def _patiently(self, key: ConversationKey, began: float, work: Callable[[], T]) -> T:
        while True:
            try:
                return work()
            except (Conflict, AlreadyAnswered) as error:
                # Somebody else wrote first: look again at what stands there now, a moment later than they will.
                if time.monotonic() > began + PATIENCE_SECONDS:
                    raise Unavailable(f"somebody else keeps writing in conversation {key}") from error
                time.sleep(random.uniform(0.0, LONGEST_PAUSE_SECONDS))

    def _take_once(self, message: Message, began: float, events: Sequence[int] | None) -> Reply:
        earlier = self.store.find_reply(message.key, message.message_id)
        if earlier is not None:
            self._done(events)
            return forgetting.in_words(earlier, self.wording)
        conversation = self.store.load(message.key)
        heard = replace(message, text=clean(message.text).strip())
        scope = to_forget(heard.text)
        if scope is not None:
            return self._forget(heard, scope, self._locale(heard.text, conversation.memory), began, events)
        if parse(heard.text) is Command.FORGET:
            heard = replace(heard, text=f"/{Command.FORGET.value}")  # what else stands there is nothing to keep
        reply, after = self._answer(heard, conversation)
        with self.store.write() as work:
            work.append(_noted(heard), reply, self.clock())
            work.save(after)
            if events is not None:
                self._deliver(work, heard, reply, after.memory)
                work.done(events)
            work.commit()
        if self.metrics is not None:
            self.metrics.replied(reply, time.monotonic() - began)
        if self.moods is not None:
            self.moods.heard(heard, reply, conversation.memory, after.memory)
        return reply

    def _deliver(self, work: UnitOfWork, message: Message, reply: Reply, memory: WorkingMemory) -> None:
        """Put a reply in the outbox, and behind a handoff what the person reads."""
        if not reply.text:
            return
        work.enqueue(message, reply)
        if reply.handoff:
            locale = self._locale(message.text, memory)
            told = handover.note(memory, reply, self._knowledge(), self.wording.say, locale)
            work.enqueue(message, replace(reply, text=told, choices=(), candidates=()), DeliveryKind.HANDOFF)

    def _done(self, events: Sequence[int] | None) -> None:
        if events:
            with self.store.write() as work:
                work.done(events)
                work.commit()

    def _note_once(self, event: ChannelEvent, number: int) -> None:
        conversation = self.store.load(event.key)
        matters = event.kind is not EventKind.VERDICT and self._matters(event, conversation)
        with self.store.write() as work:
            if event.kind is EventKind.VERDICT:
                work.feedback(event.key, event.about or "", event.text, event.at)
            elif matters:
                locale = self._locale("", conversation.memory)
                if event.kind is EventKind.PERSON:
                    work.hear(event, Speaker.AGENT)
                    work.withdraw(event.key)  # what the bot had still to say would talk over them
                say = self.wording.say
                work.save(handover.after_event(conversation, event, self._knowledge(), say, locale))
            work.done([number])
            work.commit()

    def _matters(self, event: ChannelEvent, conversation: Conversation) -> bool:
        """False for what nobody knows, and for giving back what a person spoke in later or was not yet told of."""
        if conversation.version == 0:
            return event.kind is EventKind.PERSON
        if event.kind is not EventKind.GIVEN_BACK:
            return True
        if ownership.read(conversation.owner) is Owner.PERSON:
            turns = self.store.history(event.key, limit=_HISTORY_FOR_WHY)
            return not any(turn.at > event.at for turn in turns if turn.turn.speaker is Speaker.AGENT)
        underway = self.store.pending(key=event.key, limit=_MOST_UNDERWAY)
        return not any(one.kind is DeliveryKind.HANDOFF and not one.parked for one in underway)

    def _knowledge(self) -> Knowledge:
        engine = self.engine
        return Knowledge(()) if engine is None else engine.knowledge

    def _forget(self, message: Message, scope: Scope, locale: str, began: float, events: Sequence[int] | None) -> Reply:
        """Forget a conversation, or all of a person's, and keep no word of having been asked to."""
        whole = scope is Scope.CONVERSATION
        reply = forgetting.confirmation("forgotten_conversation" if whole else "forgotten_me", locale, self.wording)
        at = self.clock()
        with self.store.write() as work:
            if whole or not message.sender:
                work.erase(message.key, by=By.CUSTOMER, at=at)
            else:
                work.erase_person(message.key.channel, message.sender, by=By.CUSTOMER, at=at, also=message.key)
            emptied = replace(message, text="", sender=None)
            work.append(emptied, forgetting.wordless(reply), at)
            if events is not None:
                work.enqueue(emptied, reply)
                work.done(events)
            work.commit()
        if self.metrics is not None:
            self.metrics.replied(reply, time.monotonic() - began)
        if self.moods is not None:
            self.moods.forget()
        return reply

    def _answer(self, message: Message, conversation: Conversation) -> tuple[Reply, Conversation]:
        """The reply, and the conversation as it stands afterwards."""
        engine = self.engine  # once: it may be replaced while this turn thinks
        owner = ownership.after(ownership.read(conversation.owner), Event.CUSTOMER_WROTE)
        memory = conversation.memory
        locale = self._locale(message.text, memory)
        command = parse(message.text)
        if command is Command.NEW:
            reply = self._fixed("new", locale)
            fresh = WorkingMemory().hear(Turn(Speaker.BOT, reply.text))  # the language is all that stays
            return reply, replace(conversation, owner=Owner.BOT.value, memory=fresh)
        if owner is Owner.PERSON:
            heard = memory.hear(Turn(Speaker.CUSTOMER, _noted(message).text[: self.limits.characters]))
            return _SILENCE, replace(conversation, owner=owner.value, memory=heard)
        if command is Command.WHY:
            return self._why(message, locale), replace(conversation, owner=owner.value)
        if command is Command.HUMAN or (command is None and wants_person(message.text)):
            reply = self._handoff(owner, locale)
            owner = ownership.after(owner, Event.HANDED_OFF)
        elif command is Command.FORGET:
            reply = self._fixed("forget_which", locale)
        elif isinstance(command, Command):
            reply = self._fixed(command.value, locale)
        elif command is not None:
            reply = self._fixed("unknown_command", locale, command=command)
        elif not ownership.bot_may_speak(owner):
            reply = self._fixed("waiting", locale)
        elif not message.text:
            reply = self._fixed("attachment" if message.attachments else "empty", locale)
        elif len(message.text) > self.limits.characters:
            reply = self._fixed("too_long", locale, limit=self.limits.characters)
        elif engine is None:
            reply = self._fixed("no_model", locale)
        else:
            response = self._respond(engine, message, _without_foreign_state(memory, engine), locale)
            reply = self.guard.review(response, locale)
            owner = ownership.after(owner, Event.HANDED_OFF) if reply.handoff else owner
            if reply.provenance is response.provenance:  # else it was held back, and memory must not say it was said
                return reply, replace(conversation, owner=owner.value, memory=_handed(response.memory, reply))
        said = _handed(memory, reply).hear(Turn(Speaker.CUSTOMER, _noted(message).text[: self.limits.characters]))
        said = said.hear(Turn(Speaker.BOT, reply.text))
        return reply, replace(conversation, owner=owner.value, memory=said)

    def _respond(self, engine: Engine, message: Message, memory: WorkingMemory, locale: str) -> Response:
        deadline = time.monotonic() + self.limits.deadline
        return engine.respond(message.text, memory, heard=message.sent_at, locale=locale, deadline=deadline)

    def _why(self, message: Message, locale: str) -> Reply:
        turns = self.store.history(message.key, limit=_HISTORY_FOR_WHY)
        replies = [turn.reply for turn in reversed(turns) if turn.reply]
        since_new = takewhile(lambda reply: reply.provenance.reason != _STARTED_AFRESH, replies)
        last = next((reply for reply in since_new if reply.provenance.origin != "bot"), None)
        text = why(last) if last else self.wording.say("nothing_to_explain", locale)
        return Reply(text, Provenance(Source.FIXED, "bot", "the customer asked why"), 1.0)

    def _handoff(self, owner: Owner, locale: str) -> Reply:
        if not ownership.bot_may_speak(owner):
            return self._fixed("waiting", locale)
        provenance = Provenance(Source.HANDOFF, "bot", "the customer asked for a person")
        return Reply(self.wording.say("handoff", locale), provenance, 1.0, handoff=True)

    def _fixed(self, name: str, locale: str, **values: str | int) -> Reply:
        provenance = Provenance(Source.FIXED, "bot", f"fixed sentence: {name}")
        return Reply(self.wording.say(name, locale, **values), provenance, 1.0)

    def _locale(self, text: str, memory: WorkingMemory) -> str:
        """The language to answer in: that of the message, else of what the customer said before."""
        spoken = (detect(turn.text, self.locales) for turn in memory.recent if turn.speaker is Speaker.BOT)
        before = next(spoken, None)
        for turn in memory.recent:
            if turn.speaker is Speaker.CUSTOMER and not turn.text.startswith("/"):
                before = detect(turn.text, self.locales, default=before)
        return detect(_words_of(text), self.locales, default=before)


def _noted(message: Message) -> Message:
    """The message as it is kept, with what else came with it: "[photo] is this the right one?"."""
    kinds = " ".join(f"[{kind}]" for kind in message.attachments)
    return replace(message, text=f"{kinds} {message.text}".strip()) if kinds else message


def _handed(memory: WorkingMemory, reply: Reply) -> WorkingMemory:
    """The memory after a reply: whoever is handed over to a person is asked and offered nothing any more."""
    return memory.leave_form().offer(()) if reply.handoff else memory


def _words_of(text: str) -> str:
    """What of a text tells its language: the words after a slash are the same in all of them, but for Chinese ones."""
    return text if not text.startswith("/") else "".join(_CHINESE.findall(text))


def _without_foreign_state(memory: WorkingMemory, engine: Engine) -> WorkingMemory:
    """The memory without what the networks of another model left in it, which this one could only misread."""
    if memory.neural is None or memory.neural.fingerprint == engine.fingerprint:
        return memory
    log.info("the state of model %s was dropped: %s answers now", memory.neural.fingerprint, engine.fingerprint)
    return replace(memory, neural=None)
