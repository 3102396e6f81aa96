"""The settings of Telegram: every mistake is named, no secret is repeated."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.settings import API, read

TOKEN = "123456789:AAF-a_token_that_nobody_ever_made_up"  # noqa: S105 - made up
SECRET = "a-secret-of-24-characters"  # noqa: S105 - made up
KNOWN = ("token_env", "mode", "webhook_url", "secret_env", "admin_chat", "base_url")
WEBHOOK = {"mode": "webhook", "webhook_url": "https://bot.example/telegram", "secret_env": "THE_SECRET"}


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", TOKEN)
    monkeypatch.setenv("THE_SECRET", SECRET)
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.setenv("NO_TOKEN", "hunter2")
    monkeypatch.delenv("NOT_SET", raising=False)


def settings(**more: Any) -> Any:
    return read({"token_env": "THE_TOKEN", **more})


def test_a_token_is_all_that_is_needed() -> None:
    found = settings()
    assert (found.token, found.webhook, found.admin_chat, found.base_url) == (TOKEN, None, None, API)


def test_a_webhook_has_an_address_and_a_secret() -> None:
    webhook = settings(**WEBHOOK).webhook
    assert (webhook.url, webhook.path, webhook.secret) == ("https://bot.example/telegram", "/telegram", SECRET)


def test_what_a_webhook_needs_may_stay_while_updates_are_fetched() -> None:
    assert settings(**{**WEBHOOK, "mode": "polling", "secret_env": "NOT_SET"}).webhook is None


def test_a_stand_in_may_be_called_without_encryption() -> None:
    found = settings(**{**WEBHOOK, "webhook_url": "http://127.0.0.1:9/t"}, base_url="http://127.0.0.1:8090/bot/")
    assert (found.base_url, found.webhook.path) == ("http://127.0.0.1:8090/bot", "/t")


@pytest.mark.parametrize(("value", "chat"), [(-1001, -1001), ("-1001", -1001), (7, 7)])
def test_the_admin_chat_is_a_number(value: Any, chat: int) -> None:
    assert settings(admin_chat=value).admin_chat == chat


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"tokn_env": "X"}, "unknown setting tokn_env; did you mean token_env?"),
        ({"adminchat": 1}, "unknown setting adminchat; did you mean admin_chat?"),
        ({"token_env": None}, "token_env is missing"),
        ({"token_env": 7}, "token_env must be the name of an environment variable"),
        ({"token_env": "NOT_SET"}, "NOT_SET, which is not set"),
        ({"token_env": "EMPTY"}, "EMPTY, which is not set"),
        ({"token_env": TOKEN}, "never the secret itself"),
        ({"token_env": "NO_TOKEN"}, "no token of a bot"),
        ({"mode": "push"}, "mode must be one of polling, webhook, not 'push'"),
        ({"mode": "webhook"}, "webhook_url is missing"),
        ({**WEBHOOK, "webhook_url": "http://bot.example/telegram"}, "must begin with https://"),
        ({**WEBHOOK, "webhook_url": "https://bot.example:9000/telegram"}, "one of the ports"),
        ({**WEBHOOK, "webhook_url": "https://bot.example"}, "must have a path"),
        ({**WEBHOOK, "webhook_url": "https://bot.example/{x}"}, "must have a path"),
        ({**WEBHOOK, "webhook_url": "https://bot.example:x/t"}, "webhook_url is no address"),
        ({**WEBHOOK, "webhook_url": "https://me:word@bot.example/t"}, "no password"),
        ({**WEBHOOK, "secret_env": "NOT_SET"}, "which is not set"),
        ({**WEBHOOK, "secret_env": "NO_TOKEN"}, "16 to 256"),
        ({"admin_chat": "team"}, "admin_chat must be the number of a chat"),
        ({"admin_chat": 0}, "admin_chat must be the number of a chat"),
        ({"admin_chat": True}, "admin_chat must be the number of a chat"),
        ({"base_url": "https://api.telegram.org"}, "base_url must look like"),
        ({"base_url": "ftp://x/bot"}, "base_url must begin with https://"),
    ],
)
def test_a_mistake_is_named(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        settings(**more)
    assert problem in str(caught.value)
    assert all(secret not in str(caught.value) for secret in (TOKEN, SECRET, "hunter2"))


@given(st.dictionaries(st.sampled_from(KNOWN), st.one_of(st.none(), st.booleans(), st.integers(), st.text())))
def test_whatever_is_set_is_taken_or_refused_with_a_reason(table: dict[str, Any]) -> None:
    with suppress(ValueError):
        assert read(table).token == TOKEN


def test_no_secret_stands_in_the_settings_as_they_are_shown() -> None:
    shown = repr(settings(**WEBHOOK))
    assert (TOKEN in shown, SECRET in shown) == (False, False)


def test_nothing_heavy_is_loaded_before_the_channel_is_opened() -> None:
    script = (
        "import sys, adapters.telegram.adapter\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'telegram', 'aiohttp', 'httpx', 'torch'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
