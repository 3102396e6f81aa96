"""How many customers the webhook serves at once: replies a second and waiting times, beside a bare aiohttp echo.

    python benchmarks/webhook.py --model FOLDER [--at-once 1 16 500] [--messages 4] [--workers 2] [--json FILE]

The server is ``attendant serve`` with the generic webhook and SQLite, in its own process; the customers are in this
one. Every conversation asks its questions one after the other and waits for each reply; all begin at once. The echo,
measured in the same run by the same customers, answers the same bodies with a text of the same length and does nothing
else: it is what the machine can do at most. How a reply came about is counted by its source.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import aiohttp
import numpy as np
from aiohttp import web

from benchmarks.faults import QUESTIONS, free_port

_KEY = secrets.token_urlsafe(32)
_ECHO = "You can send anything back within thirty days, and we pay the postage. " * 2


@dataclass
class Load:
    """What customers saw: seconds of each reply, and how many failed."""

    name: str
    conversations: int
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    sources: Counter[str] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Replies a second, over all."""
        return len(self.waits) / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, object]:
        """The figures as plain data."""
        counts = {
            "sources": dict(self.sources),
            "failed": {str(status): count for status, count in self.failed.items()},
        }
        return {
            "name": self.name,
            "conversations": self.conversations,
            "seconds": self.seconds,
            "waits": self.waits,
            **counts,
        }

    def __str__(self) -> str:
        p50, p99 = np.percentile(self.waits, (50, 99)) if self.waits else (0.0, 0.0)
        told = f"{self.name:<12}{self.conversations:>8,}{len(self.waits):>9,}{self.per_second:>10.1f}/s"
        told += f"{1000 * p50:>10,.0f} ms{1000 * p99:>10,.0f} ms   "
        failed = {str(status): count for status, count in self.failed.items()}
        return told + ", ".join(f"{name} {count}" for name, count in {**self.sources, **failed}.items())


async def ask(url: str, name: str, conversations: int, messages: int) -> Load:
    """All conversations at once, each asking one question after the other."""
    load = Load(name, conversations)
    timeout, connector = aiohttp.ClientTimeout(total=300), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:

        async def customer(number: int) -> None:
            for turn in range(messages):
                body = {"conversation": f"{name}-{number}", "text": QUESTIONS[(number + turn) % len(QUESTIONS)]}
                began = time.monotonic()
                async with session.post(url, json=body, headers={"Authorization": f"Bearer {_KEY}"}) as response:
                    answer = await response.json()
                if response.status == 200:
                    load.waits.append(time.monotonic() - began)
                    load.sources[answer["reply"]["source"]] += 1
                else:
                    load.failed[response.status] += 1

        began = time.monotonic()
        await asyncio.gather(*(customer(number) for number in range(conversations)))
        load.seconds = time.monotonic() - began
    return load


def _echo(ready: Connection) -> None:
    async def answer(request: web.Request) -> web.Response:
        await request.json()
        return web.json_response({"reply": {"text": _ECHO, "source": "echo"}})

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/messages", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


async def _measure(options: argparse.Namespace, folder: Path) -> list[Load]:
    ours, theirs = multiprocessing.Pipe()
    echo = multiprocessing.Process(target=_echo, args=(theirs,), daemon=True)
    echo.start()
    ceiling = f"http://127.0.0.1:{ours.recv()}/v1/messages"
    server, url = await _serve(options, folder)
    loads = []
    try:
        await ask(url, "warm", 4, 2)
        for count in options.at_once:
            loads.append(await ask(ceiling, "echo", count, options.messages))
            print(loads[-1], flush=True)
            loads.append(await ask(url, f"attendant{count}", count, options.messages))
            loads[-1].name = "attendant"
            print(loads[-1], flush=True)
            print(f"  {loads[-1].per_second / loads[-2].per_second:.3f} of the echo", flush=True)
    finally:
        server.terminate()
        await server.wait()
        echo.terminate()
    return loads


async def _serve(options: argparse.Namespace, folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    port = free_port()
    (folder / "config.toml").write_text(
        f'[bot]\ndata = "var"\n[model]\npath = {json.dumps(str(options.model.resolve()))}\n'
        f"[service]\nworkers = {options.workers}\nwaiting = 100000\n[serve]\nport = {port}\n"
        '[adapters.webhook]\napi_key_env = "LOAD_KEY"\nrate = 10000\nburst = 100000\n',
        "utf-8",
    )
    command = (sys.executable, "-m", "bot.cli.main", "serve", "--config", str(folder / "config.toml"))
    environment = {**os.environ, "LOAD_KEY": _KEY}
    server = await asyncio.create_subprocess_exec(
        *command, cwd=Path(__file__).parents[1], env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                    if response.status == 200:
                        return server, f"http://127.0.0.1:{port}/v1/messages"
            except aiohttp.ClientError:
                if server.returncode is not None:
                    raise
            await asyncio.sleep(0.1)


def main() -> int:
    """Print the table; 1 where a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a trained model folder, such as var/model")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16, 500], help="conversations at once")
    parser.add_argument("--messages", type=int, default=4, help="of each conversation")
    parser.add_argument("--workers", type=int, default=2, help="[service] workers")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    print(f"{'':<12}{'at once':>8}{'replies':>9}{'':>12}{'median':>13}{'99 %':>13}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        loads = asyncio.run(_measure(options, Path(folder)))
    if options.json is not None:
        options.json.write_text(json.dumps([one.to_json() for one in loads]), "utf-8")
    return 1 if any(one.failed for one in loads) else 0


if __name__ == "__main__":
    sys.exit(main())
