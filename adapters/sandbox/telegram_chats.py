"""What Telegram knows: who is there, which groups, every message, and where the bot may not write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from adapters.sandbox.telegram_payloads import Data, Group, Person, bot_user, chat, message

BOT_ID = 1
FIRST_PERSON = 1001
FIRST_GROUP = 5001


@dataclass(slots=True)
class Chats:
    """The state of one Telegram with one bot; message numbers count within each chat, as in supergroups."""

    now: Callable[[], datetime]
    bot: Data = field(default_factory=lambda: bot_user(BOT_ID, "Attendant", "attendant_test_bot"))
    places: dict[int, Person | Group] = field(default_factory=dict)
    said: dict[int, dict[int, Data]] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    moved: dict[int, int] = field(default_factory=dict)
    _people: count[int] = field(default_factory=lambda: count(FIRST_PERSON))
    _groups: count[int] = field(default_factory=lambda: count(FIRST_GROUP))

    def person(self, name: str, language: str | None, username: str | None) -> Person:
        """Somebody new, whose chat with the bot begins with the first message."""
        made = Person(next(self._people), name, language, username)
        self.places[made.id] = made
        return made

    def group(self, title: str, *, supergroup: bool) -> Group:
        """A group that the bot is a member of."""
        number = next(self._groups)
        made = Group(-1_000_000_000_000 - number if supergroup else -number, title)
        self.places[made.id] = made
        self.said[made.id] = {}
        return made

    def upgrade(self, group: Group) -> Group:
        """The group becomes a supergroup with another number; the old one answers with the new one from now on."""
        made = self.group(group.title, supergroup=True)
        self.moved[group.id] = made.id
        return made

    def keep(self, place: int, sender: Data, content: Mapping[str, Any], reply_to: int | None = None) -> Data:
        """Store a message under the next number of its chat."""
        stored = self.said.setdefault(place, {})
        about = None if reply_to is None else stored.get(reply_to)
        number = max(stored, default=0) + 1
        said = message(number, chat(self.places[place]), sender, int(self.now().timestamp()), content, about)
        stored[number] = said
        return said

    def change(self, place: int, number: int, content: Mapping[str, Any], without: Sequence[str] = ()) -> Data:
        """Replace parts of a message; returns it as it is now."""
        before = {key: value for key, value in self.said[place][number].items() if key not in without}
        said = {**before, **content}
        self.said[place][number] = said
        return said

    def of_bot(self, place: int) -> Sequence[Data]:
        """What the bot has said in a chat, as it stands now."""
        return [said for said in self.said.get(place, {}).values() if said["from"]["id"] == self.bot["id"]]
