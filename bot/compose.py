"""The composition root: the one place that knows which part stands behind which port."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot import clock
from bot.config import Config, MemoryConfig
from bot.errors import NoModel
from bot.guard import Guard
from bot.mood_alerts import MoodAlerts
from bot.office import Office
from bot.remembered import lines, sections
from bot.retention import Retention
from bot.service import Service
from bot.turn import Limits, TurnTaker
from bot.watch import ModelWatch
from bot.wording import Wording
from engine.dialogue import ChannelEvent, ConversationKey
from engine.errors import CheckpointError
from engine.listen import LIFETIMES, Habits
from engine.respond import Engine, Settings
from engine.understand.slots import SlotFinder
from storage.errors import StorageError
from storage.ports import By, Store, StoredTurn

if TYPE_CHECKING:
    from bot.inbox import Inbox
    from bot.metrics import Metrics

log = logging.getLogger("attendant.compose")


@dataclass
class House:
    """Everything that is needed to answer, built and open. ``close`` lets go of it.

    ``watch`` sees that another model was put in use; None where nobody looks. ``retention`` forgets what is too old;
    None where everything is kept. ``inbox`` takes up events while the house serves channels.
    """

    config: Config
    store: Store
    engine: Engine | None
    wording: Wording
    taker: TurnTaker
    ready: str
    watch: ModelWatch | None = None
    retention: Retention | None = None
    inbox: Inbox | None = None

    @property
    def name(self) -> str:
        """How the bot calls itself."""
        return self.config.bot.name

    def history(self, key: ConversationKey, *, limit: int) -> Sequence[StoredTurn]:
        """The last turns of a conversation, oldest first; empty where they cannot be read."""
        try:
            return self.store.history(key, limit=limit)
        except StorageError:
            return ()

    def say(self, wording: str, locale: str | None = None) -> str:
        """A fixed sentence, in the language nearest to ``locale`` that the bot speaks, else in the main one."""
        return self.wording.say(wording, None if locale is None else _nearest(locale, self.config.bot.locales))

    def remembered(self, key: ConversationKey) -> Sequence[str]:
        """What is remembered of a conversation, in lines for people, but for the turns themselves."""
        try:
            memory = self.store.load(key).memory
        except StorageError:
            return ()
        engine = self.engine
        known = None if engine is None else engine.knowledge
        found = sections(memory, lambda entry: known[entry].questions[0] if known and entry in known else "")
        return lines(found, without=frozenset({"recent"}))

    async def receive(self, event: ChannelEvent) -> bool:
        """Store an event to be taken up; False where it was known.

        Raises:
            StorageError: If it could not be stored.
            RuntimeError: If the house does not serve.
        """
        if self.inbox is None:
            raise RuntimeError("events are received while the house serves")
        return await self.inbox.receive(event)

    def owner(self, key: ConversationKey) -> str:
        """Who may speak in a conversation."""
        return self.store.load(key).owner

    def conversation(self, key: ConversationKey) -> Mapping[str, Any] | None:
        """Turns, owner and memory as plain data; None where there is no such conversation."""
        found = self.store.load(key)
        if found.version == 0:
            return None
        turns = [
            {"role": turn.turn.speaker.value, "text": turn.turn.text, "at": turn.at.isoformat(), "id": turn.message_id}
            for turn in self.store.history(key)
            if turn.turn.text
        ]
        memory = {name: value for name, value in found.memory.to_json().items() if name != "neural"}
        return {"conversation": key.thread, "owner": found.owner, "turns": turns, "memory": memory}

    def forget(self, key: ConversationKey) -> int:
        """Remove the text of a conversation; a tombstone stays."""
        waiting = self.store.events(key=key, limit=10_000)
        with self.store.write() as work:
            for event in waiting:
                work.drop_event(event.id)
            gone = work.erase(key, by=By.CUSTOMER, at=clock.now())
            work.commit()
        return gone

    def begin(self) -> None:
        """Begin what goes on beside the channels: a model put in use is taken over, old conversations are forgotten."""
        for part in (self.watch, self.retention):
            if part is not None:
                part.start()

    def end(self) -> None:
        """End it again."""
        for part in (self.watch, self.retention):
            if part is not None:
                part.close()

    def service(self) -> Service:
        """A new bridge for asynchronous channels; whoever asked for it closes it."""
        settings = self.config.service
        return Service(self.taker, workers=settings.workers, waiting=settings.waiting)

    def warm_up(self) -> None:
        """Load in the background what is otherwise loaded while the first customer waits."""
        if self.engine is not None:
            threading.Thread(target=_warm_up, args=(self.engine,), name="warm-up", daemon=True).start()

    def use(self, engine: Engine) -> None:
        """Answer with another model from the next message on; turns that have begun end with the one before."""
        self.taker.engine = engine  # one step: a thread reads the old one or the new one
        self.engine, self.ready = engine, ""

    def close(self) -> None:
        """Let go of the store."""
        self.end()
        if self.taker.moods is not None:
            self.taker.moods.close()
        self.store.close()


def _nearest(locale: str, locales: Sequence[str]) -> str | None:
    """The one of ``locales`` that is ``locale``, else the first of the same language; None where there is none."""
    wanted = locale.lower().replace("_", "-")
    for length in (None, 1):
        for one in locales:
            if one.lower().split("-")[:length] == wanted.split("-")[:length]:
                return one
    return None


def _warm_up(engine: Engine) -> None:
    try:
        engine.warm_up()
    except Exception:
        log.exception("the generator cannot be loaded; entries will speak in their own words")


def compose(config: Config, *, model: Path | None = None, lasting: bool = True) -> House:
    """Build the house.

    Args:
        config: What to build.
        model: A model folder instead of the configured one; it must be there.
        lasting: False keeps conversations in memory only, touches no database and counts nothing.

    Raises:
        NoModel: If ``model`` is named and cannot be used, or the configured model is damaged.
        StorageError: If the database cannot be opened.
        ConfigError: If the wording overrides a sentence that does not exist.
    """
    wording = _wording(config)
    folder = model or config.model_path
    watch = ModelWatch(folder, lambda: Engine.load(folder, _settings(config, wording)))  # before the model is read
    engine, ready = _engine(config, model, wording)
    store = _store(config, lasting)
    limits = Limits(config.service.message_characters, config.answers.deadline_seconds)
    metrics = _metrics() if lasting else None
    moods = MoodAlerts(SlotFinder(config.slots), store=store, to=config.alerts.to) if lasting else None
    taker = TurnTaker(store, engine, Guard(wording), wording, clock.now, limits, config.bot.locales, metrics, moods)
    retention = _retention(config, store) if lasting else None
    house = House(config, store, engine, wording, taker, ready, watch, retention)
    watch.tell(engine.fingerprint if engine else "", house.use)
    return house


def load_engine(config: Config, model: Path | None = None) -> Engine:
    """The engine alone, for questions without a conversation.

    Raises:
        NoModel: If there is no model, or it cannot be used.
        ConfigError: If the wording overrides a sentence that does not exist.
    """
    engine, ready = _engine(config, model, _wording(config))
    if engine is None:
        raise NoModel(ready)
    return engine


def _wording(config: Config) -> Wording:
    """The fixed sentences; outside office hours a handoff says when somebody will be there."""
    office = Office(config.handoff.hours, ZoneInfo(config.memory.zone))

    def closed() -> str:
        return "" if office.is_open(clock.now()) else office.words

    return Wording(config.bot.name, config.bot.locales, config.wording, closed=closed)


def _engine(config: Config, model: Path | None, wording: Wording) -> tuple[Engine | None, str]:
    folder = model or config.model_path
    if model is None and not (folder / "manifest.json").exists():
        return None, f"there is no model in {folder}; `attendant train` makes one"
    try:
        return Engine.load(folder, _settings(config, wording)), ""
    except CheckpointError as error:
        raise NoModel(f"{error}; train again with `attendant train`, or name another model") from error


def _settings(config: Config, wording: Wording) -> Settings:
    return Settings(
        say=wording.say,
        choices=config.answers.choices,
        generate=config.answers.generate,
        slots=dict(config.slots),
        habits=_habits(config.memory),
        neural_state=config.memory.neural_state,
    )


def _habits(memory: MemoryConfig) -> Habits:
    own = {name: timedelta(hours=hours) for name, hours in memory.hours.items()}
    return Habits(
        silence=timedelta(hours=memory.silence_hours),
        zone=ZoneInfo(memory.zone),
        day_first=memory.day_first,
        lifetimes={**LIFETIMES, **own},
    )


def _retention(config: Config, store: Store) -> Retention | None:
    days = config.memory.retention_days
    return Retention(store, days, clock.now) if days else None


def _metrics() -> Metrics:
    from bot.metrics import Metrics  # the library takes a while to import, and a single question needs none

    return Metrics()


def _store(config: Config, lasting: bool) -> Store:
    if not lasting:
        from storage.in_memory import InMemoryStore

        return InMemoryStore()
    from storage.conversations import open_store

    return open_store(config.database_url)
