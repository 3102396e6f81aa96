"""The terminal as an adapter: settings, serving, sending, leaving, and a real terminal."""

from __future__ import annotations

import asyncio
import functools
import os
import pty
import select
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from terminal_desk import HOSTILE, Bot, SmallDesk, a_delivery, shows, until, write

from adapters.tui.adapter import TerminalAdapter
from bot.errors import AdapterError
from engine.dialogue import ConversationKey

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio
from adapters.tui.adapter import TerminalAdapter
from terminal_desk import HOSTILE, Bot, SmallDesk, a_reply

async def main():
    texts = [HOSTILE[name] for name in ("action", "colour", "title", "clear", "bidi")]
    bot = Bot(lambda _: a_reply("\\n".join([*texts, "the end"])))
    async with TerminalAdapter({}, SmallDesk()) as adapter:
        await adapter.serve(bot.handle)
    print("left after", bot.texts)

asyncio.run(main())
"""


@pytest.fixture
def no_terminal(monkeypatch):
    """Let Textual draw nowhere, as it does in its own tests."""
    monkeypatch.setattr("textual.constants.DRIVER", "textual.drivers.headless_driver:HeadlessDriver")


async def serving(adapter, bot):
    """A task that serves, once the screen is up; and the screen."""
    task = asyncio.create_task(adapter.serve(bot.handle))
    await until(lambda: task.done() or (adapter._app and adapter._app.query(".saying")))
    return task, adapter._app


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"conversation": 5}, "conversation"),
        ({"conversation": ""}, "conversation"),
    ],
)
def test_a_setting_of_no_use_is_named(settings, named):
    with pytest.raises(ValueError, match=named):
        TerminalAdapter(settings, SmallDesk())


def test_the_conversation_is_a_thread_of_the_terminal():
    assert TerminalAdapter({}, SmallDesk()).key == ConversationKey("terminal", "default")
    assert TerminalAdapter({"conversation": "anna"}, SmallDesk()).key == ConversationKey("terminal", "anna")


def test_importing_the_adapter_is_light():
    code = "import sys, adapters.tui.adapter; print({'textual', 'rich', 'torch'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=_environment(), check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"


def test_without_a_terminal_it_says_so():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=_environment(),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert "AdapterError: the tui needs a terminal" in done.stderr


@pytest.mark.usefixtures("no_terminal")
async def test_serving_ends_quietly_when_cancelled_even_while_the_bot_thinks():
    bot = Bot()
    bot.open.clear()
    adapter = TerminalAdapter({}, SmallDesk())
    factory = asyncio.get_running_loop().get_task_factory()
    task, app = await serving(adapter, bot)
    await write(app, "slow")
    await until(lambda: bot.heard)
    task.cancel()
    assert await task is None
    assert asyncio.get_running_loop().get_task_factory() is factory


@pytest.mark.usefixtures("no_terminal")
async def test_serving_ends_when_the_user_leaves_and_can_begin_again():
    bot = Bot()
    adapter = TerminalAdapter({}, SmallDesk())
    for text in ("first", "second"):
        task, app = await serving(adapter, bot)
        await write(app, text)
        await until(functools.partial(bot.heard_last, text))
        await write(app, "/quit")
        assert await task is None
    assert bot.texts == ["first", "second"]


@pytest.mark.usefixtures("no_terminal")
async def test_sending_shows_the_reply_in_its_own_conversation_only():
    adapter = TerminalAdapter({}, SmallDesk())
    await adapter.send(a_delivery(adapter.key, "too early"))
    task, app = await serving(adapter, Bot())
    await adapter.send(a_delivery(ConversationKey("terminal", "other"), "not mine"))
    await adapter.send(a_delivery(adapter.key, "Anna here."))
    await until(lambda: shows(app, "Anna here."))
    assert not shows(app, "not mine")
    assert not shows(app, "too early")
    task.cancel()
    await task
    await adapter.send(a_delivery(adapter.key, "too late"))


@pytest.mark.usefixtures("no_terminal")
async def test_a_screen_that_fails_is_an_error(capsys):
    def fail(_):
        raise RuntimeError("a handle that breaks its promise")

    adapter = TerminalAdapter({}, SmallDesk())
    task, app = await serving(adapter, Bot(fail))
    await write(app, "x")
    with pytest.raises(AdapterError, match="the screen failed"):
        await task
    assert "breaks its promise" in capsys.readouterr().err


def test_a_real_terminal_gets_nothing_that_it_would_obey_and_is_left_as_it_was():
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    before = termios.tcgetattr(theirs)
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=_environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    try:
        shown = _read_until(ours, b"press Enter")
        os.write(ours, b"\x1b[200~hello\nthere\x1b[201~\r")
        shown += _read_until(ours, b"the end")
        os.write(ours, b"caf\xe9 is Latin-1\r")  # not UTF-8: shown as a replacement character, and no more than that
        shown += _read_until(ours, "caf\ufffd is Latin-1".encode())
        os.write(ours, b"/quit\r")
        shown += _read_until(ours, "left after ['hello there', 'caf\ufffd is Latin-1']".encode())
        assert program.wait(10) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        program.kill()
        program.wait()
        os.close(ours)
        os.close(theirs)
    for sign in (b"owned", b"\x1b]8;;https", b"\x1bc", "\u202e".encode(), "\x9b".encode()):
        assert sign not in shown
    assert HOSTILE["action"].encode() in shown


def _environment() -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return {**os.environ, "PYTHONPATH": paths, "TERM": "xterm-256color"}


def _read_until(terminal: int, what: bytes) -> bytes:
    read = b""
    while what not in read:
        assert select.select([terminal], [], [], 10)[0], f"no {what!r} in {read!r}"
        read += os.read(terminal, 65536)
    return read
