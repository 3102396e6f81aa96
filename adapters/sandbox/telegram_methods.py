"""The methods of the Bot API that a bot for customers needs, with the checks and the wording of the real one.

The error texts follow the open source of the Bot API server where it has them. Not confirmed by the vendor: the
checks of keyboards beyond the size of ``callback_data``, and what is said of bad commands and languages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from adapters.sandbox.server import Refusal
from adapters.sandbox.telegram_chats import Chats
from adapters.sandbox.telegram_flood import Flood
from adapters.sandbox.telegram_payloads import Data, Person, chat
from adapters.sandbox.telegram_text import TEXT_LIMIT, Unparsable, parse, units

_ACTIONS = frozenset(
    ("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
     "choose_sticker", "find_location", "record_video_note", "upload_video_note")
)  # fmt: skip
_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
_CALLBACK_LIMIT = 64
_BUTTON_ACTIONS = ("callback_data", "url", "login_url", "web_app", "switch_inline_query", "copy_text", "pay")
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_COMMANDS_LIMIT = 100


def refused(status: int, why: str = "", parameters: Mapping[str, Any] | None = None) -> Refusal:
    """An error as the Bot API says it."""
    reason = _REASONS.get(status, "Internal Server Error")
    body: Data = {"ok": False, "error_code": status, "description": f"{reason}: {why}" if why else reason}
    return Refusal(status, body if parameters is None else {**body, "parameters": dict(parameters)})


def too_many(seconds: int) -> Refusal:
    """Error 429, with the seconds in its text, its parameters and a header."""
    description = f"Too Many Requests: retry after {seconds}"
    body = {"ok": False, "error_code": 429, "description": description, "parameters": {"retry_after": seconds}}
    return Refusal(429, body, {"Retry-After": str(seconds)})


class Parameters:
    """What a method was called with: values of a form, where structures are JSON texts, or of a JSON object."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        """A text; numbers and truths of JSON as texts."""
        value = self._values.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def number(self, name: str, default: int = 0) -> int:
        """A whole number; what is none is ``default``, as the Bot API has it."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """True for any of the words for it."""
        return self.text(name).lower() in ("true", "yes", "1")

    def data(self, name: str) -> Any:
        """A structure; None where it was not given.

        Raises:
            Refusal: If it is no JSON.
        """
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise refused(400, f"can't parse {name.replace('_', ' ')} JSON object") from None


class Methods:
    """Methods by name, lower-cased as the Bot API compares them; each takes parameters and returns ``result``."""

    def __init__(self, chats: Chats, flood: Flood) -> None:
        self.chats, self.flood = chats, flood
        self.commands: dict[tuple[str, str], Sequence[Data]] = {}
        self.actions: list[tuple[int, str]] = []
        self.drafts: list[tuple[int, str]] = []
        self.queries: dict[str, str | None] = {}
        self._query = count(1)
        self.table: dict[str, Callable[[Parameters], Any]] = {
            "getme": lambda _: self._me(),
            "sendmessage": self._send,
            "sendmessagedraft": self._draft,
            "editmessagetext": self._edit_text,
            "editmessagereplymarkup": self._edit_keyboard,
            "deletemessage": self._delete,
            "answercallbackquery": self._answer,
            "sendchataction": self._act,
            "setmycommands": self._set_commands,
            "getmycommands": lambda given: list(self.commands.get(_shelf(given), ())),
            "deletemycommands": self._delete_commands,
            "getchat": lambda given: chat(self.chats.places[self._place(given)]),
            "getfile": self._file,
        }

    def query(self) -> str:
        """The number of a new callback query, open until it is answered."""
        number = str(next(self._query))
        self.queries[number] = None
        return number

    def _me(self) -> Data:
        return {
            **self.chats.bot,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def _place(self, given: Parameters) -> int:
        """The chat that is meant, if the bot may write there."""
        place = given.number("chat_id")
        if place == 0:
            raise refused(400, "chat_id is empty")
        if (moved := self.chats.moved.get(place)) is not None:
            why = "group chat was upgraded to a supergroup chat"
            raise refused(400, why, {"migrate_to_chat_id": moved})
        found = self.chats.places.get(place)
        if found is None:
            raise refused(400, "chat not found")
        if place in self.chats.blocked:
            raise refused(403, "bot was blocked by the user")
        if place in self.chats.left:
            kind = "user" if isinstance(found, Person) else f"{found.kind} chat"
            raise refused(403, f"bot was kicked from the {kind}")
        if place not in self.chats.said:
            raise refused(403, "bot can't initiate conversation with a user")
        return place

    def _pace(self, place: int) -> None:
        if wait := self.flood.wait(place):
            raise too_many(wait)

    def _send(self, given: Parameters) -> Data:
        place = self._place(given)
        content = {**_text(given), **_keyboard(given)}
        about = self._about(given, place)
        self._pace(place)
        return self.chats.keep(place, self.chats.bot, content, about)

    def _about(self, given: Parameters, place: int) -> int | None:
        reply = given.data("reply_parameters") or {"message_id": given.number("reply_to_message_id") or None}
        if not isinstance(reply, dict) or not isinstance(number := reply.get("message_id"), int | None):
            raise refused(400, "can't parse reply parameters JSON object")
        if number is None or number in self.chats.said[place]:
            return number
        if reply.get("allow_sending_without_reply") or given.flag("allow_sending_without_reply"):
            return None
        raise refused(400, "message to be replied not found")

    def _draft(self, given: Parameters) -> bool:
        place = self._place(given)
        if place < 0:
            raise refused(400, "PEER_ID_INVALID")
        if given.number("draft_id") == 0:
            raise refused(400, "invalid draft_id specified")
        self.drafts.append((place, given.text("text")))
        return True

    def _own(self, given: Parameters) -> tuple[int, int]:
        place, number = self._place(given), given.number("message_id")
        found = self.chats.said[place].get(number)
        if found is None:
            raise refused(400, "message to edit not found")
        if found["from"]["id"] != self.chats.bot["id"]:
            raise refused(400, "message can't be edited")
        return place, number

    def _edit_text(self, given: Parameters) -> Data:
        place, number = self._own(given)
        return self._changed(place, number, {**_text(given), **_keyboard(given)}, ("text", "entities", "reply_markup"))

    def _edit_keyboard(self, given: Parameters) -> Data:
        place, number = self._own(given)
        return self._changed(place, number, _keyboard(given), ("reply_markup",))

    def _changed(self, place: int, number: int, content: Data, parts: Sequence[str]) -> Data:
        before = self.chats.said[place][number]
        if all(before.get(part) == content.get(part) for part in parts):
            why = "message is not modified: specified new message content and reply markup are exactly the same"
            raise refused(400, f"{why} as a current content and reply markup of the message")
        self._pace(place)
        edited = {**content, "edit_date": int(self.chats.now().timestamp())}
        return self.chats.change(place, number, edited, without=parts)

    def _delete(self, given: Parameters) -> bool:
        place, number = self._place(given), given.number("message_id")
        if self.chats.said[place].pop(number, None) is None:
            raise refused(400, "message to delete not found")
        return True

    def _answer(self, given: Parameters) -> bool:
        number = given.text("callback_query_id")
        if self.queries.get(number, "") is not None:
            raise refused(400, "query is too old and response timeout expired or query ID is invalid")
        said = given.text("text")
        if units(said) > 200:
            raise refused(400, "MESSAGE_TOO_LONG")
        self.queries[number] = said
        return True

    def _act(self, given: Parameters) -> bool:
        place, action = self._place(given), given.text("action")
        if action not in _ACTIONS:
            raise refused(400, "wrong parameter action in request")
        self.actions.append((place, action))
        return True

    def _set_commands(self, given: Parameters) -> bool:
        commands = given.data("commands")
        if not isinstance(commands, list) or not all(isinstance(command, dict) for command in commands):
            raise refused(400, "can't parse commands: expected an Array of BotCommand")
        if len(commands) > _COMMANDS_LIMIT:
            raise refused(400, "BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not _COMMAND.fullmatch(str(command.get("command", "")).removeprefix("/")):
                raise refused(400, "BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise refused(400, "BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[_shelf(given)] = commands
        return True

    def _delete_commands(self, given: Parameters) -> bool:
        self.commands.pop(_shelf(given), None)
        return True

    def _file(self, given: Parameters) -> Data:
        number = given.text("file_id")
        if not number:
            raise refused(400, "file_id not specified")
        return {"file_id": number, "file_unique_id": f"u-{number}", "file_size": 11, "file_path": f"files/{number}"}


def _shelf(given: Parameters) -> tuple[str, str]:
    language = given.text("language_code")
    if language and not re.fullmatch("[a-z]{2}", language):
        raise refused(400, "LANGUAGE_CODE_INVALID")
    scope = given.data("scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), language


def _text(given: Parameters) -> Data:
    """``text`` and ``entities`` of a message, read and trimmed as Telegram does."""
    try:
        said, found = parse(given.text("text"), given.text("parse_mode"))
    except Unparsable as error:
        raise refused(400, f"can't parse entities: {error}") from None
    said, found = _trimmed(said, found if found else _entities(given))
    if not said:
        raise refused(400, "message text is empty" if not given.text("text") else "text must be non-empty")
    if units(said) > TEXT_LIMIT:
        raise refused(400, "message is too long")
    return {"text": said, "entities": list(found)} if found else {"text": said}


def _entities(given: Parameters) -> Sequence[Data]:
    found = given.data("entities") or []
    if not isinstance(found, list) or not all(map(_is_entity, found)):
        raise refused(400, "can't parse MessageEntity: expected objects with type, offset and length")
    return found


def _is_entity(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and all(isinstance(value.get(name), int) for name in ("offset", "length"))
    )


def _trimmed(said: str, entities: Sequence[Data]) -> tuple[str, Sequence[Data]]:
    short = said.strip()
    gone = len(said) - len(said.lstrip())
    last = units(short)
    moved = []
    for entity in entities:
        start = max(entity["offset"] - gone, 0)
        end = min(entity["offset"] - gone + entity["length"], last)
        if end > start:
            moved.append({**entity, "offset": start, "length": end - start})
    return short, moved


def _keyboard(given: Parameters) -> Data:
    markup = given.data("reply_markup")
    if markup is None:
        return {}
    if not isinstance(markup, dict):
        raise refused(400, "object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return {}  # keyboards of the customer's app leave no trace in the message
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise refused(400, "can't parse inline keyboard: expected an Array of Array of InlineKeyboardButton")
    for button in (button for row in rows for button in row):
        _check(button)
    return {"reply_markup": {"inline_keyboard": rows}} if any(rows) else {}


def _check(button: Any) -> None:
    if not isinstance(button, dict):
        raise refused(400, "can't parse inline keyboard button: expected an Object")
    if not button.get("text") or not isinstance(button["text"], str):
        raise refused(400, 'can\'t parse inline keyboard button: Field "text" must be of type String')
    if not any(action in button for action in _BUTTON_ACTIONS):
        why = "Text buttons are unallowed in the inline keyboard"
        raise refused(400, f"can't parse inline keyboard button: {why}")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= _CALLBACK_LIMIT:
        raise refused(400, "BUTTON_DATA_INVALID")
