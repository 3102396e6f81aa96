"""Updates of Telegram for tests, as its own library reads them."""

from __future__ import annotations

import itertools
from typing import Any

from telegram import Update

from adapters.sandbox import telegram_payloads as payloads
from adapters.sandbox.telegram_payloads import Data, Group, Person

BOT: Data = payloads.bot_user(77, "Attendant", "Shop_bot")
ANN = Person(1001, "Ann")
LI = Person(1002, "Li", "zh-hans")
TEAM = Group(-1_000_000_005_001, "Team")
OFFICE = Group(-1_000_000_005_002, "Office")
SENT = 1_790_000_000
_NUMBERS = itertools.count(500)


def welcome(language: str | None) -> str:
    """What the bot greets with, and the language that it was asked for."""
    return f"Hello! ({language})"


def an_update(data: Data) -> Update:
    update = Update.de_json({"update_id": next(_NUMBERS), **data}, None)
    assert update is not None
    return update


def a_message(
    content: Data | str,
    *,
    number: int = 5,
    sender: Person | Data = ANN,
    place: Person | Group | None = None,
    reply_to: Data | None = None,
    **more: Any,
) -> Data:
    """A message of a customer to the bot, unless a place is named."""
    user = payloads.user(sender) if isinstance(sender, Person) else sender
    chat = payloads.chat(sender if place is None and isinstance(sender, Person) else place or ANN)
    said = payloads.text(content) if isinstance(content, str) else content
    return {**payloads.message(number, chat, user, SENT, said, reply_to), **more}


def written(content: Data | str, **more: Any) -> Update:
    return an_update({"message": a_message(content, **more)})


def edited(content: Data | str, **more: Any) -> Update:
    return an_update({"edited_message": a_message(content, edit_date=SENT + 60, **more)})


def of_bot(
    text: str, place: Person | Group, *, number: int = 9, buttons: list[list[tuple[str, str]]] | None = None
) -> Data:
    """A message of the bot with its buttons: labels with data."""
    rows = [[{"text": label, "callback_data": data} for label, data in row] for row in buttons or []]
    markup = {"reply_markup": {"inline_keyboard": rows}} if rows else {}
    return {**payloads.message(number, payloads.chat(place), BOT, SENT, payloads.text(text)), **markup}


def pressed(said: Data, data: str, sender: Person = ANN) -> Update:
    return an_update({"callback_query": payloads.callback_query("q1", payloads.user(sender), said, data)})
