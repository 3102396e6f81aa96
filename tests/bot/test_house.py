"""The life of the house: it ends when a channel ends, fails when one fails, and drains when a signal comes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest

import bot
from bot.errors import AdapterError
from bot.house import serve
from bot.ports import Handle
from tests.builders import KEY, a_house, a_message, a_whole_house
from tests.fakes import Lines

ROOT = Path(bot.__file__).parents[1]
SERVER = """
import asyncio, sys
from bot.house import serve
from tests.builders import FAQ, KEY, a_house, a_message, a_whole_house, a_wording
from tests.fakes import Lines, TableEngine

def think(text):
    print("thinking", flush=True)
    sys.stdin.readline()

class Channel(Lines):
    async def serve(self, handle):
        try:
            await super().serve(handle)
        finally:
            print("serve ended", flush=True)

house = a_house(engine=TableEngine(FAQ, a_wording().say, before=think))
channel = Channel([a_message("refund")])
asyncio.run(serve(a_whole_house(house), [channel]))
print("open" if channel.is_open else "closed")
print(*(turn.turn.text for turn in house.store.history(KEY)), sep="|")
"""


class Endless(Lines):
    """A channel that goes on until it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.serving = asyncio.Event()
        self.cancelled = False

    async def serve(self, handle: Handle) -> None:  # noqa: ARG002 - the port's signature
        self.serving.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class Locked(Lines):
    """A channel that cannot be opened."""

    async def __aenter__(self) -> Self:
        raise AdapterError("the port is taken")


@asynccontextmanager
async def within(seconds: float = 10) -> AsyncIterator[None]:
    async with asyncio.timeout(seconds):
        yield


async def test_the_house_ends_when_a_channel_ends_and_the_others_are_stopped() -> None:
    lines, endless = Lines([a_message("refund"), a_message("hours")]), Endless()
    async with within():
        await serve(a_whole_house(), [endless, lines])
    assert [reply.text for reply in lines.replies] == ["Within 14 days.", "From 9 to 17."]
    assert endless.cancelled
    assert [lines.is_open, endless.is_open] == [False, False]


async def test_the_failure_of_a_channel_comes_out_and_the_others_are_closed() -> None:
    def fail() -> None:
        raise AdapterError("the line is dead")

    endless, failing = Endless(), Lines(then=fail)
    with pytest.raises(ExceptionGroup) as caught:
        async with within():
            await serve(a_whole_house(), [endless, failing])
    assert caught.group_contains(AdapterError, match="the line is dead")
    assert endless.cancelled
    assert [endless.is_open, failing.is_open] == [False, False]


async def test_a_channel_that_cannot_be_opened_says_so_and_those_already_open_are_closed() -> None:
    first = Endless()
    with pytest.raises(AdapterError, match="the port is taken"):
        async with within():
            await serve(a_whole_house(), [first, Locked()])
    assert not first.serving.is_set()
    assert not first.is_open


async def test_a_turn_that_fails_does_not_end_the_house() -> None:
    lines = Lines([a_message(message_id="x" * 10_000), a_message("refund")])
    async with within():
        await serve(a_whole_house(), [lines])
    assert [reply.provenance.source.value for reply in lines.replies] == ["fixed", "retrieved"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_quietly_and_the_handlers_are_taken_down(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    endless = Endless()
    async with within():
        running = asyncio.create_task(serve(a_whole_house(), [endless]))
        await endless.serving.wait()
        os.kill(os.getpid(), number)
        await running
    assert endless.cancelled
    assert signal.getsignal(number) in (before, signal.SIG_DFL, signal.default_int_handler)


async def test_the_house_can_be_served_again() -> None:
    house = a_house()
    for text in ("refund", "hours"):
        async with within():
            await serve(a_whole_house(house), [Lines([a_message(text)])])
    assert len(house.store.history(KEY)) == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_when_the_signal_comes_is_finished_and_stored(number: signal.Signals) -> None:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "thinking\n"
            process.send_signal(number)
            assert process.stdout.readline() == "serve ended\n"
            out, err = process.communicate("go on\n", timeout=20)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")
    assert out.splitlines() == ["closed", "refund|Within 14 days."]
