"""Telegram's objects as plain data; they are read again by the bot's own library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.telegram_text import written_entities

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a Telegram account; ``language`` is that of the app, None where it tells none."""

    id: int
    name: str
    language: str | None = "en"
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group; the number of a supergroup begins with -100."""

    id: int
    title: str

    @property
    def kind(self) -> str:
        """``supergroup`` or ``group``."""
        return "supergroup" if str(self.id).startswith("-100") else "group"


def user(person: Person) -> Data:
    """A User who is no bot."""
    return _without_none(
        id=person.id,
        is_bot=False,
        first_name=person.name,
        username=person.username,
        language_code=person.language,
    )


def bot_user(number: int, name: str, username: str) -> Data:
    """The bot as a User."""
    return {"id": number, "is_bot": True, "first_name": name, "username": username}


def chat(place: Person | Group) -> Data:
    """The Chat with a person, or of a group."""
    if isinstance(place, Group):
        return {"id": place.id, "title": place.title, "type": place.kind}
    return _without_none(id=place.id, first_name=place.name, username=place.username, type="private")


def message(
    number: int, place: Data, sender: Data, at: int, content: Mapping[str, Any], reply_to: Data | None = None
) -> Data:
    """A Message; ``at`` is in Unix seconds, ``content`` what ``text`` and the others below make."""
    said: Data = {"message_id": number, "from": sender, "chat": place, "date": at, **content}
    if reply_to is not None:
        said["reply_to_message"] = {key: value for key, value in reply_to.items() if key != "reply_to_message"}
    return said


def text(said: str) -> Data:
    """A text with what Telegram finds in it."""
    return _with_entities({"text": said}, "entities", written_entities(said))


def photo(file_id: str, caption: str = "") -> Data:
    """A photo in two sizes."""
    sizes = [_file(f"{file_id}-{width}", width=width, height=width, file_size=width) for width in (90, 800)]
    return {"photo": sizes, **_caption(caption)}


def voice(file_id: str, seconds: int = 3) -> Data:
    """A voice message."""
    return {"voice": _file(file_id, duration=seconds, mime_type="audio/ogg", file_size=4_000)}


def video(file_id: str, caption: str = "") -> Data:
    """A video."""
    made = _file(file_id, width=640, height=360, duration=4, mime_type="video/mp4", file_size=90_000)
    return {"video": made, **_caption(caption)}


def document(file_id: str, name: str = "invoice.pdf", caption: str = "") -> Data:
    """A file."""
    made = _file(file_id, file_name=name, mime_type="application/pdf", file_size=12_000)
    return {"document": made, **_caption(caption)}


def sticker(file_id: str, emoji: str = "👍") -> Data:
    """A sticker that stands for an emoji."""
    made = _file(file_id, type="regular", width=512, height=512, is_animated=False, is_video=False, emoji=emoji)
    return {"sticker": made}


def location(latitude: float = 52.52, longitude: float = 13.405) -> Data:
    """A place on the map."""
    return {"location": {"latitude": latitude, "longitude": longitude}}


def callback_query(number: str, sender: Data, about: Data, data: str) -> Data:
    """A press on an inline button."""
    return {"id": number, "from": sender, "message": about, "chat_instance": str(about["chat"]["id"]), "data": data}


def bot_member(place: Data, sender: Data, bot: Data, at: int, before: str, after: str) -> Data:
    """The standing of the bot in a chat changed, from and to ``member``, ``kicked`` or ``left``."""
    return {
        "chat": place,
        "from": sender,
        "date": at,
        "old_chat_member": _member(bot, before),
        "new_chat_member": _member(bot, after),
    }


def addressed_to(said: Mapping[str, Any], bot: Mapping[str, Any]) -> bool:
    """Whether a bot in privacy mode sees a message of a group: commands, mentions and replies to it."""
    replied = said.get("reply_to_message")
    if replied is not None and replied["from"]["id"] == bot["id"]:
        return True
    name = f"@{bot['username']}".lower()
    words = str(said.get("text", said.get("caption", "")))
    for entity in (*said.get("entities", ()), *said.get("caption_entities", ())):
        part = _part(words, int(entity["offset"]), int(entity["length"])).lower()
        if entity["type"] == "mention" and part == name:
            return True
        if entity["type"] == "bot_command" and ("@" not in part or part.endswith(name)):
            return True
    return False


def _part(words: str, offset: int, length: int) -> str:
    return words.encode("utf-16-le", "surrogatepass")[offset * 2 : (offset + length) * 2].decode("utf-16-le", "replace")


def _member(bot: Data, status: str) -> Data:
    return {"user": bot, "status": status, **({"until_date": 0} if status == "kicked" else {})}


def _file(file_id: str, **more: Any) -> Data:
    return {"file_id": file_id, "file_unique_id": f"u-{file_id}", **more}


def _caption(caption: str) -> Data:
    return _with_entities({"caption": caption}, "caption_entities", written_entities(caption)) if caption else {}


def _with_entities(said: Data, name: str, entities: Sequence[Mapping[str, Any]]) -> Data:
    return {**said, name: list(entities)} if entities else said


def _without_none(**values: Any) -> Data:
    return {name: value for name, value in values.items() if value is not None}
