"""What bad days cost ``attendant serve``: messages sent, acknowledged, answered, lost and doubled.

    python benchmarks/faults.py --model FOLDER [--scenes kill,locked,429,…] [--kills 20] [--json FILE]

``kill``: the generic webhook with callbacks, the server killed with SIGKILL while customers write, and started again.
``locked``: somebody else holds the database for ten seconds. The other scenes are a Chatwoot that runs here and
answers 429 or 500, resets connections before or after carrying a request out, hangs for 30 seconds, delivers a fifth of
its events twice and a fifth in disorder, or has a clock that is ten minutes off.

A message counts as sent when it was written, as acknowledged when the server answered 2xx, as lost when it was
acknowledged and no reply ever came. Doubled are replies that arrived a second time: at the webhook, which has an
idempotency key, those that a receiver could not tell by it; at Chatwoot, which has none, all.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import secrets
import signal
import socket
import sqlite3
import sys
import tempfile
import time
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import aiohttp
from aiohttp import web

from adapters.sandbox.chatwoot import SECRET, TOKEN, ChatwootSandbox
from adapters.sandbox.faults import Answer, Hang, Reset
from adapters.webhook.signature import secret, sign

ROOT = Path(__file__).parents[1]
QUESTIONS = (
    "How long does delivery take?",
    "Do you ship to Ireland?",
    "How do I return something?",
    "What are your opening hours?",
    "多久能送到？",
    "怎么退货？",
)
SCENES = ("kill", "locked", "429", "500", "reset", "reset-after", "hang", "disorder", "clock")
_PATIENCE = 180.0  # seconds until what was acknowledged counts as lost
_KEY = "whsec_" + b64encode(secrets.token_bytes(32)).decode()


@dataclass
class Outcome:
    """What became of the messages of a scene."""

    scene: str
    sent: int = 0
    acknowledged: int = 0
    answered: int = 0
    doubled: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def lost(self) -> int:
        """Acknowledged and never answered."""
        return self.acknowledged - self.answered

    def __str__(self) -> str:
        figures = (self.sent, self.acknowledged, self.answered, self.lost, self.doubled)
        return f"{self.scene:<12}" + "".join(f"{one:>8,}" for one in figures) + f"{self.seconds:>8.0f} s  {self.note}"


class Server:
    """``attendant serve`` in a process that can be killed and started again."""

    def __init__(self, folder: Path, model: Path, adapter: str) -> None:
        self.port = free_port()
        self.folder = folder
        self._process: asyncio.subprocess.Process | None = None
        (folder / "config.toml").write_text(
            f'[bot]\ndata = "var"\n[model]\npath = {json.dumps(str(model.resolve()))}\n'
            f"[serve]\nport = {self.port}\nburst_seconds = 0.0\nattempts = 100\n{adapter}",
            "utf-8",
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        environment = {**os.environ, "FAULTS_KEY": _KEY, "FAULTS_TOKEN": TOKEN, "FAULTS_SECRET": SECRET}
        command = (sys.executable, "-m", "bot.cli.main", "serve", "--config", str(self.folder / "config.toml"))
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stderr=log)
        async with asyncio.timeout(120), aiohttp.ClientSession() as session:
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                if self._process.returncode is not None:
                    raise RuntimeError(f"the server ended: {(self.folder / 'log').read_text('utf-8')[-2000:]}")
                await asyncio.sleep(0.05)

    async def end(self, number: int = signal.SIGTERM) -> None:
        """End it with a signal."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()


class Callback:
    """A company's own server: takes replies, and knows a delivery that it has seen by its id."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self.answered: set[str] = set()
        self.unknown = 0
        self.url = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Callback]:
        """Listen."""
        app = web.Application()
        app.router.add_post("/replies", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/replies"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        name, body = request.headers["webhook-id"], await request.json()
        message = str(body["data"]["message_id"])
        self.unknown += message in self.answered and not self.arrived[name]
        self.arrived[name] += 1
        self.answered.add(message)
        return web.Response()


async def killed(folder: Path, model: Path, options: argparse.Namespace) -> Outcome:
    """Customers write to the generic webhook while the server is killed again and again."""
    async with Callback().open() as callback:
        outcome, server = Outcome("kill"), Server(folder, model, _webhook(callback.url))
        await server.start()
        stop, chance = asyncio.Event(), random.Random(options.seed)
        writing = asyncio.ensure_future(_write(server, outcome, _TOGETHER, lambda: not stop.is_set()))
        for _ in range(options.kills):
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            await server.end(signal.SIGKILL)
            await server.start()
        stop.set()
        await writing
        await _until(lambda: len(callback.answered) >= outcome.acknowledged)
        await server.end()
    outcome.answered, outcome.doubled = len(callback.answered), callback.unknown
    again = sum(callback.arrived.values()) - len(callback.arrived)
    outcome.note = f"{options.kills} kills; {again} deliveries came twice under one webhook-id"
    return outcome


async def locked(folder: Path, model: Path, _options: argparse.Namespace) -> Outcome:
    """Somebody else holds the database for ten seconds."""
    async with Callback().open() as callback:
        outcome, server = Outcome("locked"), Server(folder, model, _webhook(callback.url))
        await server.start()
        stop = asyncio.Event()
        writing = asyncio.ensure_future(_write(server, outcome, _TOGETHER, lambda: not stop.is_set()))
        await asyncio.sleep(1.0)
        with sqlite3.connect(folder / "var" / "attendant.db", isolation_level=None) as database:
            database.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(10.0)
            database.execute("ROLLBACK")
        await asyncio.sleep(1.0)
        stop.set()
        await writing
        await _until(lambda: len(callback.answered) >= outcome.acknowledged)
        await server.end()
    outcome.answered, outcome.doubled = len(callback.answered), callback.unknown
    return outcome


_TOGETHER = 8  # conversations that are written in at once


async def _write(server: Server, outcome: Outcome, conversations: int, on: Callable[[], bool]) -> None:
    """Write to the webhook; what is not acknowledged is sent again under the same id, as services do."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:

        async def customer(number: int) -> None:
            # A conversation each: messages that wait together would be answered as one.
            for count in itertools.count():
                if not on():
                    return
                body = {"conversation": f"c{number}-{count}", "text": random.choice(QUESTIONS), "callback": True}
                outcome.sent += 1
                await _post(session, f"{server.url}/v1/messages", uuid.uuid4().hex, json.dumps(body).encode())
                outcome.acknowledged += 1

        await asyncio.gather(*(customer(number) for number in range(conversations)))


async def _post(session: aiohttp.ClientSession, url: str, name: str, body: bytes) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            moment = int(time.time())
            headers = {
                "webhook-id": name,
                "webhook-timestamp": str(moment),
                "webhook-signature": sign([secret(_KEY)], name, moment, body),
                "Content-Type": "application/json",
            }
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.post(url, data=body, headers=headers) as response:
                    if response.status < 300:
                        return
                    if response.status not in (429, 500, 503):
                        raise RuntimeError(f"refused with {response.status}: {await response.text()}")
            await asyncio.sleep(0.2)


def _webhook(url: str) -> str:
    return (
        '[adapters.webhook]\nsecret_env = "FAULTS_KEY"\nanswer = "callback"\nallow_private = true\n'
        f'rate = 10000\nburst = 100000\ncallback_url = "{url}"\n'
    )


Trouble = Callable[[ChatwootSandbox], None]
_TROUBLES: dict[str, tuple[Trouble, str]] = {
    "429": (lambda box: box.faults.add(Answer(429, 1), share=0.3, only="/messages"), "three in ten, Retry-After 1"),
    "500": (lambda box: box.faults.add(Answer(500), share=0.3, only="/messages"), "three in ten"),
    "reset": (
        lambda box: box.faults.add(Reset(), share=0.3, only="/messages"),
        "three in ten, before anything was done",
    ),
    "reset-after": (
        lambda box: box.faults.add(Reset(), share=0.1, only="/messages", after=True),
        "one in ten, after the message was posted",
    ),
    "hang": (lambda box: box.faults.add(Hang(30.0), times=3, only="/messages"), "30 s, three times"),
    "disorder": (lambda box: _disturbed(box), "a fifth of the events twice, a fifth overtaken"),
    "clock": (lambda box: setattr(box.faults, "clock", timedelta(minutes=10)), "ten minutes ahead"),
}


def _disturbed(box: ChatwootSandbox) -> None:
    box.faults.duplicates = box.faults.disorder = 0.2


async def bad_day(name: str, folder: Path, model: Path, options: argparse.Namespace) -> Outcome:
    """Customers write in a Chatwoot that has a bad day."""
    trouble, note = _TROUBLES[name]
    outcome = Outcome(name, note=note)
    port = free_port()
    adapter = (
        f'[adapters.chatwoot]\nbase_url = "http://127.0.0.1:{port}"\ntoken_env = "FAULTS_TOKEN"\n'
        'secret_env = "FAULTS_SECRET"\nallow_private = true\n'
    )
    server = Server(folder, model, adapter)
    async with ChatwootSandbox(port=port, bot_url=f"{server.url}/desks/chatwoot", seed=options.seed) as box:
        await server.start()
        trouble(box)
        for number in range(options.conversations):
            box.customer_writes(QUESTIONS[number % len(QUESTIONS)])
            await asyncio.sleep(0.02)
        outcome.sent = options.conversations
        await _until(lambda: box.idle, seconds=60)
        outcome.acknowledged = outcome.sent - _refused(box)
        await _until(lambda: len(_keys(box)) >= outcome.acknowledged, seconds=options.patience)
        await asyncio.sleep(2.0)  # for what comes twice
        keys = _keys(box)
        outcome.answered, outcome.doubled = len(keys), sum(keys.values()) - len(keys)
        await server.end()
    return outcome


def _keys(box: ChatwootSandbox) -> Counter[str]:
    """The marks of the bot's replies, and how often each arrived."""
    return Counter(
        str(message.attributes.get("attendant"))
        for talk in box.conversations.values()
        for message in talk.messages
        if message.kind == "outgoing" and not message.private
    )


def _refused(box: ChatwootSandbox) -> int:
    """Customers' messages that the server did not take: their conversations are open without a person having come."""
    return sum(
        1
        for talk in box.conversations.values()
        for message in talk.messages
        if message.kind == "incoming" and talk.status == "open"
    )


async def _until(true: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:  # noqa: ASYNC110 - what is watched rings no bell
        await asyncio.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def _scene(name: str, options: argparse.Namespace) -> Outcome:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        scenes: dict[str, Callable[[], Awaitable[Outcome]]] = {
            "kill": lambda: killed(place, options.model, options),
            "locked": lambda: locked(place, options.model, options),
        }
        outcome = await (scenes[name]() if name in scenes else bad_day(name, place, options.model, options))
    outcome.seconds = time.monotonic() - began
    return outcome


def main() -> int:
    """Print the table; 1 where a message was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a trained model folder, such as var/model")
    parser.add_argument("--scenes", default=",".join(SCENES), help="by comma, all by default")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--conversations", type=int, default=120, help="of a bad day, a message each")
    parser.add_argument("--patience", type=float, default=_PATIENCE, help="seconds until a reply counts as lost")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    names = [name.strip() for name in options.scenes.split(",") if name.strip()]
    unknown = [name for name in names if name not in SCENES]
    if unknown:
        parser.error(f"there is no scene {unknown[0]!r}; known: {', '.join(SCENES)}")
    print(f"{'':<12}" + "".join(f"{one:>8}" for one in ("sent", "acked", "answered", "lost", "doubled")), flush=True)
    outcomes = []
    for name in names:
        outcomes.append(asyncio.run(_scene(name, options)))
        print(outcomes[-1], flush=True)
    if options.json is not None:
        figures = [{**asdict(one), "lost": one.lost} for one in outcomes]
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")
    return 1 if any(one.lost for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
