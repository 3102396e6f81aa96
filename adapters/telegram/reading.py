"""What an update of Telegram comes to: an event for the house, and what the channel does beside it.

Nothing is asked and nothing is sent here. Updates are the objects of the library, whose import is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.telegram import buttons, words
from adapters.telegram.buttons import Kind, Press
from adapters.telegram.places import Place, message_name, signed_for
from engine.dialogue import ChannelEvent, ConversationKey, EventKind

if TYPE_CHECKING:
    from telegram import CallbackQuery, ChatMemberUpdated, Message, Update

_COMMAND = re.compile(r"/(\w{1,64})(?:@(\w{1,64}))?(?=\s|$)", re.ASCII)
_ATTACHMENTS = {
    "photo": "photo",
    "voice": "voice",
    "video": "video",
    "video_note": "video",
    "animation": "video",
    "audio": "audio",
    "document": "file",
    "sticker": "sticker",
    "location": "location",
    "contact": "contact",
    "poll": "poll",
}
_KINDS_OF_CHAT = ("private", "group", "supergroup")
_GONE = ("kicked", "left")


@dataclass(frozen=True, slots=True)
class Me:
    """The bot, as Telegram knows it."""

    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Said:
    """Something the channel says by itself; ``force_reply`` opens the line for a reply in the reader's app."""

    place: Place
    text: str
    force_reply: bool = False


@dataclass(frozen=True, slots=True)
class Tap:
    """A pressed button that wants to be confirmed with ``notice``; ``clear`` takes the buttons away."""

    query: str
    place: Place
    message: int
    notice: str = ""
    clear: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person wrote in message ``message`` at ``source`` and the customer at ``place`` is to get.

    ``copied`` is set where it holds more than text.
    """

    place: Place
    text: str
    source: Place
    message: int
    copied: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """An update, understood: the event to be stored first, then what is done.

    ``heard`` is the number of the customer's message that ``event`` holds, None where it holds none; ``moved`` the new
    number of the chat in which the company's people answer, None where it keeps its own.
    """

    event: ChannelEvent | None = None
    said: Said | None = None
    tap: Tap | None = None
    answer: Answer | None = None
    note: str = ""
    heard: int | None = None
    moved: int | None = None


NOTHING = Reading()


class Reader:
    """Reads updates.

    Args:
        channel: The name of the channel.
        me: The bot; its own messages are never an event.
        admin_chat: Where people of the company answer; None where nobody does. Its number may change later.
        language: The one of ``words.LANGUAGES`` in which people of the company are spoken to.
        welcome: Of the language of an app (None where it tells none), what ``/start`` is answered with.
    """

    def __init__(
        self, channel: str, me: Me, admin_chat: int | None, language: str, welcome: Callable[[str | None], str]
    ) -> None:
        self._channel = channel
        self._me = me
        self.admin_chat = admin_chat
        self._welcome = welcome
        self._language = language

    def read(self, update: Update, at: datetime) -> Reading:
        """What an update comes to; of a kind that means nothing here, nothing.

        Args:
            update: The update.
            at: When it arrived (aware UTC), for what bears no date itself.
        """
        if update.callback_query is not None:
            return self._pressed(update.callback_query, at)
        if update.my_chat_member is not None:
            return Reading(note=self._standing(update.my_chat_member))
        message = update.message if update.message is not None else update.edited_message
        if message is None:
            return NOTHING
        if message.chat.id == self.admin_chat:
            return self._of_people(message) if update.message is not None else NOTHING
        return self._of_customer(message, edited=update.message is None)

    def key(self, place: Place) -> ConversationKey:
        """The conversation of a place."""
        return ConversationKey(self._channel, place.thread)

    # What customers write

    def _of_customer(self, message: Message, *, edited: bool) -> Reading:
        user, kinds = message.from_user, _attachments(message)
        written = _text(message)
        if user is None or user.is_bot or message.chat.type not in _KINDS_OF_CHAT or not (written or kinds):
            return NOTHING
        if message.is_automatic_forward or (edited and not written):  # such as a place on the map that moves
            return NOTHING
        text = self._for_me(message, written)
        if text is None:
            return NOTHING
        said = None if edited else self._own_answer(text, Place.of(message), user.language_code)
        if said is not None:
            return Reading(said=said)
        return Reading(self._event(message, text, str(user.id), edited=edited), heard=message.message_id)

    def _event(self, message: Message, text: str, sender: str, *, edited: bool) -> ChannelEvent:
        key, kinds = self.key(Place.of(message)), _attachments(message)
        name = message_name(message.chat.id, message.message_id)
        if not edited:
            return ChannelEvent(key, name, EventKind.MESSAGE, message.date, text, sender, kinds)
        at = message.edit_date if message.edit_date is not None else message.date
        number = f"e{message.chat.id}:{message.message_id}:{int(at.timestamp())}"
        return ChannelEvent(key, number, EventKind.EDIT, at, text, sender, kinds, name)

    def _for_me(self, message: Message, text: str) -> str | None:
        """The text without the bot's name; None where it is not meant for the bot, as most is in groups."""
        command = _COMMAND.match(text)
        if command is not None:
            named = (command[2] or "").lower() == self._me.username.lower()
            meant = named if command[2] or message.chat.type != "private" else True
            return f"/{command[1]}{text[command.end() :]}".strip() if meant else None
        if message.chat.type == "private":
            return text.strip()
        without = self._without_mention(message, text)
        replied = message.reply_to_message
        to_me = replied is not None and replied.from_user is not None and replied.from_user.id == self._me.id
        return without if without is not None else text.strip() if to_me else None

    def _without_mention(self, message: Message, text: str) -> str | None:
        """The text without mentions of the bot; None where it is not mentioned. Entities count in UTF-16 units."""
        raw, found = text.encode("utf-16-le", "surrogatepass"), False
        for entity in sorted(message.entities or message.caption_entities, key=lambda one: -one.offset):
            start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
            named = raw[start:end].decode("utf-16-le", "replace").lower() == f"@{self._me.username.lower()}"
            linked = entity.type == "text_mention" and entity.user is not None and entity.user.id == self._me.id
            if linked or (entity.type == "mention" and named):
                raw, found = raw[:start] + raw[end:], True
        left = re.sub(r"[ \t]{2,}", " ", raw.decode("utf-16-le", "replace"))
        return left.strip().lstrip(",:;，：；、").strip() if found else None

    def _own_answer(self, text: str, place: Place, language: str | None) -> Said | None:
        command = _COMMAND.match(text)
        spoken = words.language_of_app(language)
        match command[1].lower() if command is not None else "":
            case "start":
                return Said(place, self._welcome(language))
            case "language":
                return Said(place, words.say("language", spoken))
            case "id":
                return Said(place, words.say("chat_number", spoken, place.chat))
        return None

    # What people of the company write

    def _of_people(self, message: Message) -> Reading:
        """A reply to a text that says which conversation it is about; all else is talk among themselves."""
        user, text, kinds = message.from_user, _text(message), _attachments(message)
        if message.migrate_to_chat_id:
            return Reading(note="the admin chat has another number now; /id shows it", moved=message.migrate_to_chat_id)
        as_the_chat = message.sender_chat is not None and message.sender_chat.id == message.chat.id
        if user is None or user.id == self._me.id or (user.is_bot and not as_the_chat) or not (text or kinds):
            return NOTHING
        if text.startswith("/"):
            said = self._own_answer(self._for_me(message, text) or "", Place.of(message), user.language_code)
            return Reading(said=said)
        replied = message.reply_to_message
        if replied is None or replied.from_user is None or replied.from_user.id != self._me.id:
            return NOTHING
        if replied.forward_origin is not None:  # a customer's own words, which may look signed
            return Reading(said=Said(Place.of(message), words.say("whose", self._language)))
        place = signed_for(_text(replied))
        if place is None:
            return NOTHING
        name = message_name(message.chat.id, message.message_id)
        # Without a sender: of a customer who wants to be forgotten, everything they sent goes, and this is not theirs.
        event = ChannelEvent(self.key(place), name, EventKind.PERSON, message.date, text, attachments=kinds)
        return Reading(event, answer=Answer(place, text, Place.of(message), message.message_id, bool(kinds)))

    # Buttons

    def _pressed(self, query: CallbackQuery, at: datetime) -> Reading:
        message, data = query.message, query.data
        if message is None or data is None:
            return NOTHING
        place, press = Place.of(message), buttons.pressed(data)
        tap = Tap(query.id, place, message.message_id)
        # Twice the same button of a message is once, whatever the update is called.
        name = f"b{place.chat}:{message.message_id}:{data}"
        if press is None:
            return Reading(tap=tap)
        if place.chat == self.admin_chat:
            return self._of_button_for_people(press, name, tap, at)
        language = words.language_of_app(query.from_user.language_code)
        kind, text, about, notice = EventKind.MESSAGE, "", None, ""
        match press.kind:
            case Kind.CHOICE:
                notice = text = _chosen(message, press.value, data)
            case Kind.HUMAN:
                text, notice = "/human", words.say("passed_on", language)
            case Kind.GOOD | Kind.BAD:
                kind, about, notice = EventKind.VERDICT, press.value, words.say("thanks", language)
                text = "good" if press.kind is Kind.GOOD else "bad"
            case _:
                return Reading(tap=tap)
        event = ChannelEvent(self.key(place), name, kind, at, text, str(query.from_user.id), about=about)
        return Reading(event, tap=Tap(tap.query, place, tap.message, buttons.notice(notice), clear=True))

    def _of_button_for_people(self, press: Press, name: str, tap: Tap, at: datetime) -> Reading:
        try:
            about = Place.parse(press.value)
        except ValueError:
            return Reading(tap=tap)
        match press.kind:
            case Kind.ANSWER:
                text = words.say("how_to_answer", self._language)
                return Reading(said=Said(tap.place, f"{text}\n\n#{about.thread}", force_reply=True), tap=tap)
            case Kind.GIVE_BACK:
                kind, notice = EventKind.GIVEN_BACK, words.say("given_back", self._language)
            case Kind.CLOSE:
                kind, notice = EventKind.CLOSED, words.say("closed", self._language)
            case _:
                return Reading(tap=tap)
        event = ChannelEvent(self.key(about), name, kind, at)
        return Reading(event, tap=Tap(tap.query, tap.place, tap.message, notice, clear=True))

    # Where the bot stands

    def _standing(self, change: ChatMemberUpdated) -> str:
        gone, chat = change.new_chat_member.status in _GONE, change.chat
        if chat.type == "private":
            return f"customer {chat.id} {'has blocked the bot' if gone else 'lets the bot write again'}"
        return f"the bot {'is no longer' if gone else 'is'} in {chat.type} {chat.id}"


def _text(message: Message) -> str:
    return message.text or message.caption or ""


def _attachments(message: Message) -> tuple[str, ...]:
    found = dict.fromkeys(word for name, word in _ATTACHMENTS.items() if getattr(message, name, None))
    if "video" in found and message.animation is not None:
        found.pop("file", None)  # Telegram sends an animation as a file too
    return tuple(found)


def _chosen(message: Any, number: str, data: str) -> str:
    """The choice behind a button, as far as the message that it stood below can still be read."""
    markup = getattr(message, "reply_markup", None)
    rows: Sequence[Any] = () if markup is None else markup.inline_keyboard
    label = next((button.text for row in rows for button in row if button.callback_data == data), "")
    return buttons.chosen(number, label, getattr(message, "text", None) or "")
