"""A Telegram that runs here: the Bot API over HTTP, and people who write to the bot.

    async with TelegramSandbox() as telegram:
        Application.builder().token(telegram.token).base_url(f"{telegram.url}/bot")
        telegram.write(telegram.person("Ann"), "Hello")

Other than the real one: webhooks may be plain HTTP on any port, as everything stays on this machine; updates are
kept for ever instead of a day; only the methods of ``telegram_methods`` and those for updates are there, any other
is answered 404. How often a webhook is tried again, and after what times, is not confirmed by the vendor.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from adapters.sandbox import telegram_page
from adapters.sandbox import telegram_payloads as payloads
from adapters.sandbox.acts import Act, Talk
from adapters.sandbox.server import Refusal, Sandbox, is_form
from adapters.sandbox.telegram_chats import Chats
from adapters.sandbox.telegram_flood import Flood
from adapters.sandbox.telegram_methods import Methods, Parameters, refused, too_many
from adapters.sandbox.telegram_payloads import Data, Group, Person
from adapters.sandbox.telegram_updates import Interrupted, Updates, Webhook, shown

TOKEN = "1:SANDBOX"  # noqa: S105 - made up
_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")
_LONGEST_POLL = 50
_FILES: Mapping[str, Callable[[str], Data]] = {
    "photo": payloads.photo,
    "voice": payloads.voice,
    "video": payloads.video,
    "document": payloads.document,
    "sticker": payloads.sticker,
    "location": lambda _: payloads.location(),
}


class TelegramSandbox(Sandbox):
    """One Telegram with one bot, which is in privacy mode unless ``privacy`` is set to False.

    Args:
        bot_url: A webhook that is set from the beginning; bots usually set it themselves.
        token: What the bot is known by.
    """

    title = "Telegram"

    def __init__(
        self,
        *,
        port: int = 0,
        bot_url: str | None = None,
        scale: float = 1.0,
        seed: int = 0,
        token: str = TOKEN,
    ) -> None:
        super().__init__(port=port, bot_url=bot_url, scale=scale, seed=seed)
        self.token = token
        self.privacy = True
        self.flood = Flood()
        self.chats = Chats(self.now)
        self.updates = Updates(self.faults, self.journal, webhook=Webhook(url=bot_url if bot_url is not None else ""))
        self.methods = Methods(self.chats, self.flood)
        self._files = 0
        self._updating = {
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._webhook_info,
        }

    # What people do

    def person(self, name: str = "Ann", *, language: str | None = "en", username: str | None = None) -> Person:
        """Somebody new; the bot cannot write to them before they write to it."""
        return self.chats.person(name, language, username)

    def group(self, title: str = "Team", *, supergroup: bool = True) -> Group:
        """A new group with the bot in it, which is told."""
        made = self.chats.group(title, supergroup=supergroup)
        self._membership(made, payloads.user(self.person("Owner")), "left", "member")
        return made

    def write(self, person: Person, text: str, *, group: Group | None = None, reply_to: int | None = None) -> int:
        """Somebody writes to the bot or into a group; returns the number of the message in that chat."""
        return self._say(person, payloads.text(text), group, reply_to)

    def send(self, person: Person, kind: str, *, caption: str = "", group: Group | None = None) -> int:
        """Somebody sends a ``photo``, ``voice``, ``video``, ``document``, ``sticker`` or ``location``."""
        self._files += 1
        made = _FILES[kind](f"{kind}{self._files}")
        return self._say(person, {**made, **({"caption": caption} if caption else {})}, group, None)

    def edit(self, person: Person, message: int, text: str, *, group: Group | None = None) -> None:
        """Somebody changes the text of a message of theirs."""
        place = _place(person, group)
        content = {**payloads.text(text), "edit_date": int(self.now().timestamp())}
        said = self.chats.change(place, message, content, without=("text", "entities"))
        if self._sees(said):
            self.updates.add("edited_message", said)

    def tap(self, person: Person, message: int, data: str, *, group: Group | None = None) -> str:
        """Somebody presses a button below a message of the bot; returns the number of the query.

        Raises:
            ValueError: If the message has no such button (any more).
        """
        said = self.chats.said.get(_place(person, group), {}).get(message, {})
        rows = said.get("reply_markup", {}).get("inline_keyboard", [])
        if not any(button.get("callback_data") == data for row in rows for button in row):
            raise ValueError(f"message {message} has no button {data!r}")
        query = self.methods.query()
        self.updates.add("callback_query", payloads.callback_query(query, payloads.user(person), said, data))
        return query

    def tap_again(self, person: Person, said: Data, data: str) -> str:
        """Somebody presses a button that their app still shows, whatever has become of the message since."""
        query = self.methods.query()
        self.updates.add("callback_query", payloads.callback_query(query, payloads.user(person), said, data))
        return query

    def block(self, person: Person) -> None:
        """Somebody stops the bot."""
        self.chats.blocked.add(person.id)
        self._membership(person, payloads.user(person), "member", "kicked")

    def unblock(self, person: Person) -> None:
        """Somebody lets the bot write again."""
        self.chats.blocked.discard(person.id)
        self._membership(person, payloads.user(person), "kicked", "member")

    def remove(self, group: Group) -> None:
        """The bot is thrown out of a group."""
        self.chats.left.add(group.id)
        self._membership(group, payloads.user(self.person("Owner")), "member", "left")

    def upgrade(self, group: Group) -> Group:
        """A group becomes a supergroup; both sides are told."""
        made = self.chats.upgrade(group)
        owner = payloads.user(self.person("Owner"))
        self.updates.add("message", self.chats.keep(group.id, owner, {"migrate_to_chat_id": made.id}))
        self.updates.add("message", self.chats.keep(made.id, owner, {"migrate_from_chat_id": group.id}))
        return made

    # What the bot did

    def texts(self, place: Person | Group) -> Sequence[str]:
        """What the bot has said in a chat, as it stands now."""
        return [str(said["text"]) for said in self.chats.of_bot(place.id)]

    def sent(self, place: Person | Group) -> Sequence[Data]:
        """The messages of the bot in a chat, as it stands now."""
        return self.chats.of_bot(place.id)

    # What the server needs

    @property
    def idle(self) -> bool:
        """True where every update was confirmed or taken."""
        return not self.updates.pending

    def routes(self) -> Iterable[web.RouteDef]:
        """``/bot{token}/{method}`` with GET or POST, and files."""
        return (
            web.route("*", "/bot{token}/{method}", self._call),
            web.get("/file/bot{token}/{path:.+}", self._download),
        )

    def label(self, request: web.Request) -> str:
        """The method; the path holds the token."""
        return request.match_info.get("method", "file")

    def routine(self, request: web.Request) -> bool:
        """Polls, as what they fetched is written down by itself."""
        return self.label(request).lower() == "getupdates"

    def refusal(self, status: int, retry_after: int | None) -> Refusal:
        """Errors as the Bot API says them."""
        return too_many(retry_after if retry_after is not None else 1) if status == 429 else refused(status)

    def particulars(self) -> Mapping[str, str]:
        """Where the bot finds this Telegram."""
        return {
            "base_url": f"{self.url}/bot",
            "token": self.token,
            "webhook": self.updates.webhook.url or "none; updates are fetched",
        }

    async def open(self, stack: AsyncExitStack) -> None:
        """Push updates to a webhook as long as the stand-in runs."""
        task = asyncio.create_task(self.updates.push(self.postman, self.now, self.scale))

        async def stop() -> None:
            self.updates.interrupt("terminated by other getUpdates request")
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        stack.push_async_callback(stop)

    def talks(self) -> Sequence[Talk]:
        """Every chat with something in it."""
        return telegram_page.talks(self)

    def acts(self) -> Sequence[Act]:
        """Writing, sending, changing, pressing, blocking."""
        return telegram_page.acts(self)

    # Below: how

    def _say(self, person: Person, content: Data, group: Group | None, reply_to: int | None) -> int:
        said = self.chats.keep(_place(person, group), payloads.user(person), content, reply_to)
        if self._sees(said):
            self.updates.add("message", said)
        return int(said["message_id"])

    def _sees(self, said: Data) -> bool:
        if said["chat"]["type"] == "private":
            return said["chat"]["id"] not in self.chats.blocked
        if said["chat"]["id"] in self.chats.left:
            return False
        return not self.privacy or payloads.addressed_to(said, self.chats.bot)

    def _membership(self, place: Person | Group, sender: Data, before: str, after: str) -> None:
        at = int(self.now().timestamp())
        update = payloads.bot_member(payloads.chat(place), sender, self.chats.bot, at, before, after)
        self.updates.add("my_chat_member", update)

    async def _call(self, request: web.Request) -> web.Response:
        name = request.match_info["method"].lower()
        if request.match_info["token"] != self.token:
            raise refused(401)
        given = Parameters(await _given(request))
        try:
            result = await self._result(name, given)
        except Interrupted as error:
            raise refused(409, str(error)) from None
        return web.json_response({"ok": True, "result": result})

    async def _result(self, name: str, given: Parameters) -> Any:
        if name in self._updating:
            return await self._updating[name](given)
        method = self.methods.table.get(name)
        if method is None:
            raise refused(404)
        return method(given)

    async def _get_updates(self, given: Parameters) -> Any:
        if self.updates.webhook.url:
            why = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            raise refused(409, why)
        self._allow(given)
        wait = min(max(given.number("timeout"), 0), _LONGEST_POLL)
        found = await self.updates.poll(given.number("offset"), given.number("limit", 100), wait)
        shown(found, self.journal)
        return found

    async def _set_webhook(self, given: Parameters) -> bool:
        url, secret = given.text("url"), given.text("secret_token")
        if not url:
            return await self._delete_webhook(given)
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise refused(400, "bad webhook: invalid URL specified")
        if not _SECRET.fullmatch(secret):
            raise refused(400, "secret token contains unallowed characters")
        self._allow(given)
        if given.flag("drop_pending_updates"):
            self.updates.pending.clear()
        self.updates.interrupt("terminated by setWebhook request")
        self.updates.webhook = Webhook(url, secret, given.number("max_connections", 40))
        self.updates.notice()
        return True

    async def _delete_webhook(self, given: Parameters) -> bool:
        if given.flag("drop_pending_updates"):
            self.updates.pending.clear()
        self.updates.webhook = Webhook()
        self.updates.notice()
        return True

    async def _webhook_info(self, _given: Parameters) -> Data:
        webhook = self.updates.webhook
        info: Data = {
            "url": webhook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates.pending),
        }
        if webhook.url:
            info |= {"max_connections": webhook.max_connections, "ip_address": "127.0.0.1"}
        if webhook.failed_at is not None:
            info |= {"last_error_date": webhook.failed_at, "last_error_message": webhook.problem}
        return info | ({"allowed_updates": list(self.updates.allowed)} if self.updates.allowed else {})

    def _allow(self, given: Parameters) -> None:
        allowed = given.data("allowed_updates")
        if isinstance(allowed, list):
            self.updates.allowed = [str(kind) for kind in allowed]

    async def _download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            raise refused(401)
        return web.Response(body=b"a test file", content_type="application/octet-stream")


def _place(person: Person, group: Group | None) -> int:
    return person.id if group is None else group.id


async def _given(request: web.Request) -> Mapping[str, Any]:
    values: dict[str, Any] = dict(request.query)
    if is_form(request):
        return {**values, **await request.post()}
    if not await request.read():
        return values
    try:
        found = await request.json()
    except ValueError:
        raise refused(400, "can't parse request JSON object") from None
    return {**values, **found} if isinstance(found, dict) else values
