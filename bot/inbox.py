"""Events of channels: stored before they are acknowledged, then taken up one conversation at a time."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

from bot import handover, ownership
from bot.clock import Clock
from bot.service import Service
from bot.turn import TurnTaker
from engine.dialogue import ChannelEvent, ConversationKey, EventKind, Message, Provenance, Reply, Source, Speaker
from storage.errors import StorageError, TakenUp
from storage.ports import Store, StoredEvent, UnitOfWork

log = logging.getLogger("attendant.inbox")
_MOST_AT_ONCE = 50
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0  # seconds before an event is tried again
_LOOK = 5.0  # seconds between two looks for events that another process left behind


@dataclass(frozen=True, slots=True)
class Habit:
    """How events are taken up: messages within ``burst`` of each other are one (0: never), but none waits longer than
    ``longest``; what failed ``attempts`` times is parked.
    """

    burst: timedelta = timedelta(seconds=1.5)
    longest: timedelta = timedelta(seconds=6)
    attempts: int = 5


class Inbox:
    """Takes up events in the order in which they came, conversations side by side.

    Args:
        store: Keeps them.
        taker: Takes the turns.
        service: Runs them in its workers, in order with what else happens in a conversation.
        clock: Tells the time.
        habit: How.
        answered: Called after each turn with its channel: something may wait in the outbox.
        typing: Called when a turn begins.
    """

    def __init__(
        self,
        store: Store,
        taker: TurnTaker,
        service: Service,
        clock: Clock,
        habit: Habit,
        *,
        answered: Callable[[str], None] = lambda _channel: None,
        typing: Callable[[ConversationKey], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._taker = taker
        self._service = service
        self._clock = clock
        self._habit = habit
        self._answered = answered
        self._typing = typing
        self._storing = ThreadPoolExecutor(2, thread_name_prefix="inbox")  # nobody who acknowledges waits for a backlog
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._forgot = clock()
        self._running: dict[ConversationKey, asyncio.Task[None]] = {}
        self._again: set[ConversationKey] = set()
        self._asides: set[asyncio.Future[None]] = set()

    async def receive(self, event: ChannelEvent) -> bool:
        """Store an event and see that it is taken up; False where it was known.

        Raises:
            StorageError: If it could not be stored.
        """
        new = await asyncio.get_running_loop().run_in_executor(self._storing, self._keep, event)
        if new:
            self._wake(event.key)
        return new

    async def settled(self, key: ConversationKey) -> None:
        """Wait until what was received in a conversation is taken up: an answer is to build on it."""
        running = self._running.get(key)
        if running is not None:
            await asyncio.wait([running])

    async def run(self) -> None:
        """Take up what was left behind, by an earlier run or another process, until cancelled."""
        while True:
            try:
                for key in await asyncio.to_thread(self._store.waiting):
                    self._wake(key)
                await self._forget_done()
            except Exception as error:  # whatever it is, the next look may find it gone
                log.error("the inbox cannot be read: %s", error, exc_info=not isinstance(error, StorageError))
            await asyncio.sleep(_LOOK)

    async def _forget_done(self) -> None:
        """Once a day: services do not send again what was acknowledged so long ago."""
        now = self._clock()
        if abs(now - self._forgot) > _DAY:
            self._forgot = now
            await asyncio.to_thread(self._store.forget_done, now - _GUARDED)

    async def drain(self, seconds: float) -> bool:
        """Wait until what was received is taken up, at most so long; False where some is left for the next start."""
        running = [*self._running.values()]
        if running:
            await asyncio.wait(running, timeout=seconds)
        for task in [*self._running.values()]:
            task.cancel()
        return not self._running

    def close(self) -> None:
        """Store nothing any more."""
        self._storing.shutdown(wait=True)

    def _keep(self, event: ChannelEvent) -> bool:
        with self._store.write() as work:
            new = work.receive(event)
            work.commit()
        return new

    def _wake(self, key: ConversationKey) -> None:
        if key in self._running:
            self._again.add(key)
            return
        task = asyncio.get_running_loop().create_task(self._take_all(key), name=f"inbox {key}")
        self._running[key] = task
        task.add_done_callback(lambda _task: self._ended(key))

    def _ended(self, key: ConversationKey) -> None:
        self._running.pop(key, None)
        if key in self._again:
            self._again.discard(key)
            self._wake(key)

    async def _take_all(self, key: ConversationKey) -> None:
        while True:
            self._again.discard(key)
            try:
                async with self._reading:
                    events = self._store.events
                    open_ = await asyncio.to_thread(events, key=key, limit=_MOST_AT_ONCE, parked=False)
            except StorageError as error:
                log.error("the inbox cannot be read: %s", error)
                return  # the next look will find what is there
            if not open_:
                return
            person = _person_first(open_)
            if person is not None:
                await self._take([person])
                continue
            pause = self._pause(open_)
            if pause > 0:
                await asyncio.sleep(pause)
                continue
            await self._take(self._together(open_))

    def _pause(self, events: Sequence[StoredEvent]) -> float:
        """Seconds until the first events may be taken up: a burst may go on, or an attempt that failed may wait."""
        now, first = self._clock(), events[0]
        if first.due is not None and first.attempts:
            return min(_LONGEST_PAUSE * 1.2, max(0.0, (first.due - now).total_seconds()))
        together = self._together(events)
        if len(together) < len(events) or first.event.kind is not EventKind.MESSAGE or not _joins(first):
            return 0.0
        quiet = min(together[-1].received_at + self._habit.burst, first.received_at + self._habit.longest)
        # No longer than the longest, whatever the clock of whoever received it said.
        return min(self._habit.longest.total_seconds(), max(0.0, (quiet - now).total_seconds()))

    def _together(self, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """Those that are taken up as one: a burst, or after a failure the first alone, since one of them is ill."""
        alone = events[0].attempts or not self._habit.burst
        return events[:1] if alone else events[: handover.burst([one.event for one in events])]

    async def _take(self, events: Sequence[StoredEvent]) -> None:
        key = events[0].event.key
        if self._typing is not None and events[0].event.kind is EventKind.MESSAGE:
            aside = asyncio.ensure_future(self._typing(key))
            self._asides.add(aside)
            aside.add_done_callback(self._asides.discard)
        try:
            await self._service.run(key, lambda: self._take_up(events))
        except TakenUp:
            return  # another process has answered
        except Exception as error:
            log.exception("events of %s could not be taken up", key)
            if not await asyncio.to_thread(self._failed, events, error):
                await asyncio.sleep(_FIRST_PAUSE)  # nobody could write down that it has to wait
        else:
            self._answered(key.channel)

    def _take_up(self, events: Sequence[StoredEvent]) -> None:
        first, numbers = events[0].event, [one.id for one in events]
        if first.kind is EventKind.MESSAGE:
            self._taker.take(handover.joined([one.event for one in events]), events=numbers)
        elif first.kind is EventKind.EDIT:
            self._edited(first, numbers)
        else:
            self._taker.note(first, numbers[0])

    def _edited(self, event: ChannelEvent, numbers: Sequence[int]) -> None:
        """An edit of the last message is answered as a correction; one of an earlier message changes nothing."""
        turns = self._store.history(event.key, limit=_RECENT)
        last = next((turn for turn in reversed(turns) if turn.turn.speaker is Speaker.CUSTOMER), None)
        if last is not None and last.message_id == event.about and last.turn.text != event.text:
            message = Message(event.key, event.event_id, event.text, event.at, event.sender, event.attachments)
            self._taker.take(message, events=numbers)
        else:
            with self._store.write() as work:
                work.done(numbers)
                work.commit()

    def _failed(self, events: Sequence[StoredEvent], error: Exception) -> bool:
        """Try again later, or park what failed too often and tell the customer; False where that cannot be stored."""
        try:
            with self._store.write() as work:
                for one in events:
                    if one.attempts + 1 >= self._habit.attempts:
                        work.park_event(one.id, str(error))
                    else:
                        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**one.attempts) * random.uniform(0.8, 1.2)
                        work.put_off(one.id, self._clock() + timedelta(seconds=pause), str(error))
                if events[0].attempts + 1 >= self._habit.attempts and events[0].event.kind is EventKind.MESSAGE:
                    self._apologise(work, events[0].event)
                work.commit()
        except StorageError as again:
            log.error("the inbox cannot be written: %s", again)
            return False
        self._answered(events[0].event.key.channel)
        return True

    def _apologise(self, work: UnitOfWork, event: ChannelEvent) -> None:
        """Tell the customer, under an id of its own: the message may be tried again and answered."""
        if not ownership.bot_may_speak(ownership.read(self._store.load(event.key).owner)):
            return
        sentence = self._taker.wording.say("trouble", None)
        reason = f"message {event.event_id} failed too often; `attendant outbox list` shows it"
        message = replace(handover.joined([event]), message_id=f"{event.event_id[:_SHORT]}:trouble")
        work.enqueue(message, Reply(sentence, Provenance(Source.FIXED, "bot", reason), 0.0))


_RECENT = 6  # turns
_SHORT = 480  # characters of an id, to which something is added
_READ_AT_ONCE = 8
_DAY, _GUARDED = timedelta(days=1), timedelta(days=30)


def _person_first(events: Sequence[StoredEvent]) -> StoredEvent | None:
    """What a person said meanwhile: the bot has not answered yet, and is to know before it does."""
    for one in events:
        if one.event.kind is EventKind.PERSON:
            return one
        if one.event.kind in (EventKind.GIVEN_BACK, EventKind.CLOSED):
            return None
    return None


def _joins(one: StoredEvent) -> bool:
    """A command is taken up at once: nobody goes on with one."""
    return not one.event.text.startswith("/")
