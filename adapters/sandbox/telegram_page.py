"""What the page of the stand-in for Telegram shows, and what one can do there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.sandbox.acts import Act, Field, Form, Line, Talk, filled, number
from adapters.sandbox.telegram_payloads import Data, Group, Person

if TYPE_CHECKING:
    from adapters.sandbox.telegram import TelegramSandbox

KINDS = ("photo", "voice", "video", "document", "sticker", "location")


def talks(telegram: TelegramSandbox) -> Sequence[Talk]:
    """Every chat with something in it."""
    return [_talk(telegram, place) for place, said in telegram.chats.said.items() if said]


def acts(telegram: TelegramSandbox) -> Sequence[Act]:
    """Writing, sending, changing, pressing, blocking."""
    people = [str(place) for place, found in telegram.chats.places.items() if isinstance(found, Person)]
    who = Field("person", "Who (a new name, or the number of a chat)", people[-1] if people else "Ann")
    there = Field("person", "Who (the number of a chat)", people[-1] if people else "")
    message = Field("message", "Number of the message")
    text = Field("text", "Text")

    def write(form: Form) -> None:
        said = filled(form, "text")
        telegram.write(_somebody(telegram, form), said)

    def send(form: Form) -> None:
        if (kind := form.get("kind", "")) not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}")
        telegram.send(_somebody(telegram, form), kind)

    def edit(form: Form) -> None:
        person, changed = _found(telegram, form), int(number(form, "message"))
        said = telegram.chats.said.get(person.id, {}).get(changed)
        if said is None or said["from"]["id"] != person.id:
            raise ValueError(f"{person.name} has written no message {changed}")
        telegram.edit(person, changed, filled(form, "text"))

    def tap(form: Form) -> None:
        telegram.tap(_found(telegram, form), int(number(form, "message")), form.get("data", ""))

    return (
        Act("write", "Write to the bot", (who, text), write),
        Act("send", "Send something else", (who, Field("kind", "What", "photo", KINDS)), send),
        Act("edit", "Change a message", (there, message, text), edit),
        Act("tap", "Press a button", (there, message, Field("data", "Its data")), tap),
        Act("block", "Block the bot", (there,), lambda form: telegram.block(_found(telegram, form))),
        Act("unblock", "Unblock the bot", (there,), lambda form: telegram.unblock(_found(telegram, form))),
    )


def _found(telegram: TelegramSandbox, form: Form) -> Person:
    place = telegram.chats.places.get(int(number(form, "person")))
    if not isinstance(place, Person):
        raise ValueError(f"there is no person {form.get('person', '')!r}")
    return place


def _somebody(telegram: TelegramSandbox, form: Form) -> Person:
    name = form.get("person", "").strip()
    return _found(telegram, form) if name.isdecimal() else telegram.person(name or "Ann")


def _talk(telegram: TelegramSandbox, place: int) -> Talk:
    found = telegram.chats.places[place]
    name = found.title if isinstance(found, Group) else found.name
    state = found.kind if isinstance(found, Group) else "blocked" if place in telegram.chats.blocked else "private"
    return Talk(f"{name} ({place})", state, tuple(map(_line, telegram.chats.said[place].values())))


def _line(said: Data) -> Line:
    kinds = ", ".join(kind for kind in KINDS if kind in said)
    rows = said.get("reply_markup", {}).get("inline_keyboard", [])
    buttons = ", ".join(f"[{button['text']}: {button.get('callback_data')}]" for row in rows for button in row)
    notes = (f"no. {said['message_id']}", "edited" if "edit_date" in said else "", kinds, buttons)
    text = str(said.get("text", said.get("caption", "")))
    return Line(said["from"]["first_name"], text, ", ".join(filter(None, notes)))
