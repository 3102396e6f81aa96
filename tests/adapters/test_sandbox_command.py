"""``attendant sandbox`` as people use it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import bot

ROOT = Path(bot.__file__).parents[1]


def sandbox(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "bot.cli.main", "sandbox", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("service", ["telegram", "chatwoot", "sunshine", "intercom"])
def test_it_says_where_it_is_serves_its_page_and_ends_on_an_interrupt(service: str) -> None:
    with sandbox(service, "--port", "0", "--url", "http://127.0.0.1:9/desks/x") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        name, _, address = running.stdout.readline().strip().partition(": ")
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the address of our own server
            page = answer.read().decode()
        running.send_signal(signal.SIGINT)
        said, notes = running.stdout.read(), running.stderr.read()
    assert running.returncode == 0
    assert f"<h1>{name}</h1>" in page
    assert "http://127.0.0.1:9/desks/x" in said
    assert "Ctrl-C ends it" in notes


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("whatsapp",), 2, "there are: chatwoot, intercom, sunshine, telegram"),
        (("chatwoot", "--url", "ftp://x"), 2, "begins with http"),
        (("telegram", "--unsigned"), 2, "telegram knows no signatures"),
        (("telegram", "--port", "70000"), 2, "70000"),
    ],
)
def test_wrong_use_is_explained(arguments: tuple[str, ...], code: int, why: str) -> None:
    with sandbox(*arguments) as running:
        _, notes = running.communicate(timeout=20)
    assert (running.returncode, why in " ".join(notes.split())) == (code, True)


def test_a_port_that_is_taken_is_said() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        sandbox("intercom", "--port", str(taken.getsockname()[1])) as running,
    ):
        _, notes = running.communicate(timeout=20)
    assert running.returncode == 1
    assert "address already in use" in notes
