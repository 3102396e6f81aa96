"""The Bot API, asked through python-telegram-bot; every failure said as what to do about it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from telegram import (
    BotCommand,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

from adapters.telegram import words
from adapters.telegram.buttons import Rows
from adapters.telegram.places import Place
from adapters.telegram.reading import Me
from adapters.telegram.settings import Settings, Webhook
from bot.errors import AdapterError, NotNow, Refused

UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
LONG_POLL = 30
_TIMEOUT, _CLOSING = 10.0, 5.0  # seconds

log = logging.getLogger("attendant.telegram")


class Line:
    """A connection to Telegram as one bot. Every method raises ``NotNow``, ``Refused`` or another ``AdapterError``.

    Args:
        settings: The token, and where Telegram is.
    """

    def __init__(self, settings: Settings) -> None:
        _settle_the_library()
        self._bot: ExtBot[Any] = ExtBot(
            settings.token,
            base_url=settings.base_url,
            request=_client(settings),
            get_updates_request=_client(settings),
            rate_limiter=AIORateLimiter(),
        )
        self._moved: dict[int, int] = {}
        self._asked = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def open(self) -> Me:
        """Connect, and learn who the bot is."""
        async with self._asking():
            await self._bot.initialize()
            return Me(self._bot.id, self._bot.username)

    async def close(self) -> None:
        """Let go of the connections, after requests that have begun have ended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), _CLOSING)  # a connection that opens now would be left open
        await self._bot.shutdown()

    async def present(self) -> None:
        """Put the commands into the menu of the app; where that fails, the menu stays as it was."""
        try:
            async with self._asking():
                for language in words.LANGUAGES:
                    commands = [BotCommand(name, what) for name, what in words.menu(language)]
                    code = None if language == words.LANGUAGES[0] else language
                    await self._bot.set_my_commands(commands, language_code=code)
        except AdapterError as error:
            log.warning("the menu of commands could not be set: %s", error)

    async def reach(self, chat: int) -> int:
        """See whether the bot can write in a chat; returns its number, which is another one for a group that grew."""
        async with self._asking():
            try:
                await self._bot.send_chat_action(chat, "typing")
            except ChatMigrated as moved:
                log.warning("chat %s has another number now; /id, written there, shows it", chat)
                return moved.new_chat_id
        return chat

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """A request; errors of the library become those of the house.

        Their own errors are left out of the chain: one of them holds the token in its message.
        """
        self._asked += 1
        self._quiet.clear()
        try:
            yield
        except TelegramError as error:
            raise _meaning(error) from None
        finally:
            self._asked -= 1
            if self._asked == 0:
                self._quiet.set()

    # What comes in

    async def listen(self, webhook: Webhook | None) -> None:
        """Have updates delivered to a webhook, or kept until they are fetched; none that waits is dropped."""
        async with self._asking():
            if webhook is None:
                await self._bot.delete_webhook(drop_pending_updates=False)
            else:
                await self._bot.set_webhook(webhook.url, secret_token=webhook.secret, allowed_updates=UPDATES)

    async def updates(self, offset: int | None) -> Sequence[tuple[int, Update | None]]:
        """Wait for updates and fetch them with their numbers; those below ``offset`` are acknowledged by it.

        None stands for an update that the library cannot read.
        """
        async with self._asking():
            try:
                found = await self._bot.get_updates(offset, timeout=LONG_POLL, allowed_updates=UPDATES)
            except TelegramError:
                raise
            except Exception:
                log.exception("an update cannot be read")
                return await self._one_by_one(offset)
        return [(update.update_id, update) for update in found]

    async def acknowledge(self, offset: int) -> None:
        """Say that everything below ``offset`` was stored."""
        async with self._asking():
            await self._bot.get_updates(offset, limit=1, timeout=0)

    def parse(self, data: Any) -> Update | None:
        """An update as it came by webhook; None where it is none that the library can read."""
        try:
            update = Update.de_json(data, self._bot)
            return update if isinstance(update.update_id, int) else None
        except Exception:
            log.exception("an update cannot be read")
            return None

    async def _one_by_one(self, offset: int | None) -> Sequence[tuple[int, Update | None]]:
        """Updates one of which the library fails at, so that the others go on."""
        # In this spelling the library leaves the answer as it is, and Telegram does not mind.
        found = await self._bot.do_api_request("GetUpdates", {"offset": offset, "timeout": 0})
        return [(int(data["update_id"]), self.parse(data)) for data in found]

    # What goes out

    async def say(
        self, place: Place, text: str, rows: Rows = (), *, about: int | None = None, force_reply: bool = False
    ) -> int:
        """Send a text of at most 4096 units; returns the number of the message.

        Args:
            place: Where.
            text: What, without markup.
            rows: The buttons below it.
            about: The message that it replies to, if that is still there.
            force_reply: Whether the reader's app opens the line for a reply.
        """
        chat = self._moved.get(place.chat, place.chat)
        markup = ForceReply(selective=False) if force_reply else _keyboard(rows)
        replied = None if about is None else ReplyParameters(about, allow_sending_without_reply=True)
        async with self._asking():
            try:
                sent = await self._bot.send_message(
                    chat, text, message_thread_id=place.topic, reply_markup=markup, reply_parameters=replied
                )
            except ChatMigrated as moved:
                if chat != place.chat or moved.new_chat_id == chat:
                    raise
                self._moved[place.chat] = moved.new_chat_id
                log.warning("chat %s is now %s", place.chat, moved.new_chat_id)
                return await self.say(Place(place.chat), text, rows, force_reply=force_reply)
        return sent.message_id

    async def copy(self, place: Place, source: Place, message: int) -> None:
        """Send what stands in a message once more, elsewhere and as one's own."""
        async with self._asking():
            await self._bot.copy_message(place.chat, source.chat, message, message_thread_id=place.topic)

    async def forward(self, place: Place, source: Place, message: int) -> None:
        """Forward a message."""
        async with self._asking():
            await self._bot.forward_message(place.chat, source.chat, message, message_thread_id=place.topic)

    async def typing(self, place: Place) -> None:
        """Show for some seconds that somebody is writing."""
        async with self._asking():
            await self._bot.send_chat_action(place.chat, "typing", message_thread_id=place.topic)

    async def confirm(self, query: str, notice: str) -> None:
        """Answer a press on a button; one that waited too long cannot be answered, and need not."""
        async with self._asking():
            try:
                await self._bot.answer_callback_query(query, notice or None)
            except BadRequest as error:
                log.debug("a press on a button was not confirmed: %s", error)

    async def clear(self, place: Place, message: int) -> None:
        """Take the buttons below a message away, if they are still there."""
        async with self._asking():
            try:
                await self._bot.edit_message_reply_markup(place.chat, message, reply_markup=None)
            except BadRequest as error:
                log.debug("buttons were not taken away: %s", error)


def _meaning(error: TelegramError) -> AdapterError:
    match error:
        case RetryAfter():
            wait = error.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
            return NotNow(f"Telegram wants {seconds:.0f} s of rest", seconds=seconds)
        case InvalidToken():
            return AdapterError("Telegram does not accept the token")
        case Conflict():
            return AdapterError(f"somebody else fetches the updates of this bot: {error.message}")
        case Forbidden() | ChatMigrated():
            return Refused(error.message)
        case BadRequest():  # before NetworkError, which it is too
            return Refused(error.message)
        case NetworkError():
            return NotNow(f"Telegram cannot be reached: {error.message}")
        case _:
            return NotNow(error.message)


def _keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    made = [[InlineKeyboardButton(button.label, callback_data=button.data) for button in row] for row in rows if row]
    return InlineKeyboardMarkup(made) if made else None


def _client(settings: Settings) -> HTTPXRequest:
    plain = settings.base_url.startswith("http://")
    # Certificates take a while to load, and without encryption nothing is checked with them.
    more: Mapping[str, Any] = {"verify": False} if plain else {}
    return HTTPXRequest(
        read_timeout=_TIMEOUT, write_timeout=_TIMEOUT, connect_timeout=_TIMEOUT, httpx_kwargs=dict(more)
    )


def _settle_the_library() -> None:
    """Durations in its new form, whose old one warns; no log lines with addresses, which hold the token."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("telegram.Bot", "telegram.ext.ExtBot", "telegram.ext.AIORateLimiter"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # it logs what customers write, and what we log too
