"""Events on their way to the bot: attempts, repeats, doubles, and what overtakes what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from adapters.sandbox.faults import Faults
from adapters.sandbox.journal import Journal, Way

_PATIENCE = 1.0  # seconds that a held-back event waits for another to overtake it
_ANSWER_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Letter:
    """One attempt as it goes over the wire; ``shown`` is its body as data, for the journal."""

    body: bytes
    headers: Mapping[str, str]
    shown: Any = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """How the bot answered; ``status`` is None where it did not."""

    status: int | None
    said: str
    body: bytes = b""

    @property
    def fine(self) -> bool:
        """True for any 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a service is: seconds before an attempt fails, and before each further one; what is tried again."""

    timeout: float
    waits: tuple[float, ...]
    repeats: Callable[[Receipt], bool]


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event. ``letter`` makes the attempt of a number (from 1); ``lost`` is called when no attempt was taken.

    A service that knows no address of the bot has no bot, so nothing is lost.
    """

    what: str
    letter: Callable[[int], Letter]
    lost: Callable[[], None] | None = None


class Postman:
    """Carries single letters to the bot and writes each attempt down. Redirects are not followed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def carry(self, url: str | None, what: str, letter: Letter, timeout: float) -> Receipt:  # noqa: ASYNC109 - the client's own
        """One attempt; nothing is raised for what the bot does."""
        receipt = await self._attempt(url, letter, timeout)
        self._journal.write(Way.TO_BOT, what, letter.shown, receipt.said)
        return receipt

    async def _attempt(self, url: str | None, letter: Letter, seconds: float) -> Receipt:
        if url is None or self._session is None:
            return Receipt(None, "not sent: the address of the bot is not set")
        limit = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.post(
                url, data=letter.body, headers=letter.headers, timeout=limit, allow_redirects=False
            ) as answer:
                return Receipt(answer.status, str(answer.status), await answer.content.read(_ANSWER_LIMIT))
        except TimeoutError:
            return Receipt(None, f"no answer within {seconds:g} s")
        except (aiohttp.ClientError, ValueError) as error:
            return Receipt(None, f"not reached: {type(error).__name__}")


class Courier:
    """Delivers parcels in order, the first attempt of each after that of the one before; repeats do not hold up others.

    Args:
        url: The address of the bot at that moment; None where it is not known.
        scale: What waiting times are multiplied with; the time limit of an attempt stays.
    """

    def __init__(
        self,
        postman: Postman,
        url: Callable[[], str | None],
        policy: Policy,
        faults: Faults,
        journal: Journal,
        scale: float = 1.0,
    ) -> None:
        self._postman, self._url, self._policy = postman, url, policy
        self._faults, self._journal, self._scale = faults, journal, scale
        self._parcels: asyncio.Queue[Parcel] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = 0

    @property
    def idle(self) -> bool:
        """True once every parcel was taken or given up."""
        return self._open == 0

    async def __aenter__(self) -> Self:
        self._spawn(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def send(self, parcel: Parcel) -> None:
        """Put it at the end of the queue."""
        self._open += 1
        self._parcels.put_nowait(parcel)

    async def _work(self) -> None:
        while True:
            parcel = await self._parcels.get()
            if self._faults.misplaces() and (later := await self._next()) is not None:
                await self._deliver(later)
            await self._deliver(parcel)

    async def _next(self) -> Parcel | None:
        try:
            async with asyncio.timeout(_PATIENCE * self._scale):
                return await self._parcels.get()
        except TimeoutError:
            return None

    async def _deliver(self, parcel: Parcel) -> None:
        copies = 2 if self._faults.doubles() else 1
        receipts = await asyncio.gather(*(self._carry(parcel, 1) for _ in range(copies)))
        if any(receipt.fine for receipt in receipts):
            self._settle()
        elif self._policy.waits and any(map(self._policy.repeats, receipts)):
            self._spawn(self._repeat(parcel))
        else:
            self._give_up(parcel)

    async def _repeat(self, parcel: Parcel) -> None:
        for attempt, wait in enumerate(self._policy.waits, start=2):
            await asyncio.sleep(wait * self._scale)
            receipt = await self._carry(parcel, attempt)
            if receipt.fine:
                return self._settle()
            if not self._policy.repeats(receipt):
                break
        return self._give_up(parcel)

    async def _carry(self, parcel: Parcel, attempt: int) -> Receipt:
        what = parcel.what if attempt == 1 else f"{parcel.what} (attempt {attempt})"
        return await self._postman.carry(self._url(), what, parcel.letter(attempt), self._policy.timeout)

    def _give_up(self, parcel: Parcel) -> None:
        if parcel.lost is not None and self._url() is not None:
            parcel.lost()
        self._settle()

    def _settle(self) -> None:
        self._open -= 1
        self._journal.wake()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
