"""Telegram's updates: kept until they are confirmed, fetched by long polling or pushed to a webhook, never both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.sandbox.faults import Faults
from adapters.sandbox.journal import Journal, Way
from adapters.sandbox.post import Letter, Postman, Receipt

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
FIRST_UPDATE = 100_000_001
_UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})  # only for those who ask for them
_TIMEOUT = 60.0
_LONGEST_WAIT = 60.0

Update = dict[str, Any]


class Interrupted(Exception):  # noqa: N818 - named after what happened
    """A poll was ended by somebody else; the message says by whom."""


@dataclass(slots=True)
class Webhook:
    """What ``setWebhook`` keeps, and how the last delivery went."""

    url: str = ""
    secret: str = ""
    max_connections: int = 40
    failed_at: int | None = None
    problem: str = ""


@dataclass(slots=True)
class Updates:
    """The queue of one bot. ``allowed`` is empty where the bot has never said what it wants."""

    faults: Faults
    journal: Journal
    allowed: Sequence[str] = ()
    webhook: Webhook = field(default_factory=Webhook)
    pending: list[Update] = field(default_factory=list)
    _next: int = FIRST_UPDATE
    _repeated: set[int] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _poll: asyncio.Future[str] | None = None

    @property
    def polled(self) -> bool:
        """True while a poll waits."""
        return self._poll is not None

    def add(self, kind: str, payload: Any) -> int | None:
        """Queue an update and return its number; None where the bot does not want this kind."""
        if kind not in self.allowed if self.allowed else kind in _UNASKED:
            return None
        number = self._next
        self._next += 1
        self.pending.append({"update_id": number, kind: payload})
        self.notice()
        return number

    def notice(self) -> None:
        """Let whoever waits for updates look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self.journal.wake()

    def confirm(self, offset: int) -> None:
        """Forget updates below ``offset``; a share of them, as the faults have it, is fetched once more."""
        if offset < 0:
            self.pending = self.pending[offset:]
            return
        self.pending = [update for update in self.pending if update["update_id"] >= offset or self._again(update)]

    async def poll(self, offset: int, limit: int, seconds: float) -> Sequence[Update]:
        """Fetch updates, waiting for the first one.

        Raises:
            Interrupted: If another poll or a webhook takes over meanwhile.
        """
        self.interrupt("terminated by other getUpdates request; make sure that only one bot instance is running")
        self.confirm(offset)
        poll = self._poll = asyncio.get_running_loop().create_future()
        self.journal.wake()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(seconds, 0.0)):
                    while not self.pending and not poll.done():
                        await self._changed.wait()
            if poll.done():
                raise Interrupted(poll.result())
            return self.pending[: min(max(limit, 1), 100)]
        finally:
            if self._poll is poll:
                self._poll = None

    def interrupt(self, why: str) -> None:
        """End a poll that is under way."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(why)
            self.notice()

    async def push(self, postman: Postman, now: Callable[[], datetime], scale: float) -> None:
        """Deliver to the webhook, one update after the other, each until it is taken; until cancelled."""
        failures = 0
        while True:
            while not (self.webhook.url and self.pending):
                await self._changed.wait()
            if await self._push_one(postman, now):
                failures = 0
                continue
            failures += 1
            with suppress(TimeoutError):  # a webhook that is set anew is tried at once
                async with asyncio.timeout(min(2.0 ** (failures - 1), _LONGEST_WAIT) * scale):
                    await self._set_anew(self.webhook)

    def _again(self, update: Update) -> bool:
        number = update["update_id"]
        if number in self._repeated or not self.faults.doubles():
            return False
        self._repeated.add(number)
        return True

    async def _set_anew(self, webhook: Webhook) -> None:
        while self.webhook is webhook:
            await self._changed.wait()

    async def _push_one(self, postman: Postman, now: Callable[[], datetime]) -> bool:
        webhook = self.webhook
        late = len(self.pending) > 1 and self.faults.misplaces()
        update = self.pending[1 if late else 0]
        copies = 2 if self.faults.doubles() else 1
        receipts = await asyncio.gather(*(_carry(postman, webhook, update) for _ in range(copies)))
        fine = any(receipt.fine for receipt in receipts)
        if fine:
            self.pending = [one for one in self.pending if one is not update]
        else:
            webhook.failed_at, webhook.problem = int(now().timestamp()), _problem(receipts[0])
        self.journal.wake()
        return fine


async def _carry(postman: Postman, webhook: Webhook, update: Update) -> Receipt:
    headers = {"Content-Type": "application/json"}
    if webhook.secret:
        headers[SECRET_HEADER] = webhook.secret
    letter = Letter(json.dumps(update, ensure_ascii=False).encode(), headers, update)
    kind = next(name for name in update if name != "update_id")
    return await postman.carry(webhook.url, f"update {update['update_id']} {kind}", letter, _TIMEOUT)


def _problem(receipt: Receipt) -> str:
    if receipt.status is None:
        return receipt.said
    return f"Wrong response from the webhook: {receipt.status}"


def shown(updates: Sequence[Update], journal: Journal) -> None:
    """Write fetched updates down as what was told to the bot."""
    for update in updates:
        kind = next(name for name in update if name != "update_id")
        journal.write(Way.TO_BOT, f"update {update['update_id']} {kind}", update, "fetched")
