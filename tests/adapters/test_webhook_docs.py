"""The pages on the webhook: what is to be typed works, and all that can be set or answered stands there."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from webhook_house import SECRET, serving

import bot
from adapters.webhook.openapi import described
from adapters.webhook.settings import Settings, read
from adapters.webhook.signature import sign
from tests.builders import a_house, a_whole_house

DOCS = Path(bot.__file__).parents[1] / "docs"
HOW_TO = (DOCS / "how-to" / "connect-anything.md").read_text("utf-8")
REFERENCE = (DOCS / "reference" / "webhook.md").read_text("utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", HOW_TO, re.DOTALL)
TABLES = re.findall(r"```toml\n\[adapters\.webhook\]\n(.*?)```", HOW_TO, re.DOTALL)

needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("sh", "curl", "openssl"))), reason="the lines of the page need sh, curl and openssl"
)


def run(script: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-eu", "-c", script], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_tools
async def test_the_lines_of_the_page_work_as_they_stand_there(monkeypatch) -> None:
    exports, *lines = SHELL
    names = ("ATTENDANT_WEBHOOK_SECRET", "ATTENDANT_API_KEY")
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    made = run(exports + "".join(f'printf "%s\\n" "${name}"\n' for name in names), path).split("\n")
    environment = dict(zip(names, made, strict=False))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    named = {"secret_env": names[0], "api_key_env": names[1]}
    answer = shown("reply")["reply"]["text"]
    faq = {"How much is delivery in the UK?": answer, "And to Ireland?": "It costs more."}
    async with serving(monkeypatch, a_whole_house(a_house(faq)), **named) as caller:
        port = f"127.0.0.1:{caller.port}"
        answers = []
        for line in lines:
            said = await asyncio.to_thread(run, line.replace("127.0.0.1:8080", port), {**path, **environment})
            answers.append(json.loads(said))
    first, signed, person, judged, seen, gone = answers
    assert (first["reply"]["text"], first["owner"]) == (shown("reply")["reply"]["text"], "bot")
    assert kinds(first) == kinds(signed) == kinds(shown("reply"))
    assert kinds(shown("data")["data"]["reply"]) == kinds(first["reply"])
    assert person == shown("repeated")
    assert judged["repeated"] is False
    assert [turn["role"] for turn in seen["turns"]][:4] == ["customer", "bot", "customer", "bot"]
    assert gone["turns"] == len(seen["turns"])


def kinds(data: Any) -> Any:
    """Names and types of what stands in an answer."""
    return {name: kinds(value) for name, value in data.items()} if isinstance(data, dict) else type(data)


def shown(key: str) -> Any:
    """The answer on the page that has this key."""
    found = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", HOW_TO, re.DOTALL)]
    return next(one for one in found if key in one)


def test_the_check_of_the_page_believes_what_is_signed_and_nothing_else() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own lines
    secret, body, now = "whsec_" + base64.b64encode(SECRET).decode(), b'{"type": "reply.created"}', int(time.time())
    signature = sign([b"o" * 32, SECRET], "key-1", now, body)
    headers = {"webhook-id": "key-1", "webhook-timestamp": str(now), "webhook-signature": signature}
    assert names["is_from_attendant"](secret, headers, body)
    assert not names["is_from_attendant"](secret, headers, body + b" ")
    assert not names["is_from_attendant"](secret, {**headers, "webhook-timestamp": str(now - 999)}, body)


def test_the_settings_of_the_page_are_settings(monkeypatch) -> None:
    import tomllib

    monkeypatch.setenv("ATTENDANT_WEBHOOK_SECRET", base64.b64encode(SECRET).decode())
    monkeypatch.setenv("ATTENDANT_API_KEY", "k" * 48)
    found = [read(tomllib.loads(table)) for table in TABLES]
    assert [(one.by_callback, one.open) for one in found] == [(False, False), (True, False), (False, True)]


def test_every_setting_stands_in_the_reference() -> None:
    with pytest.raises(ValueError, match="known here") as error:
        read({"xyzzy": 1, "open": True})
    names = str(error.value).partition("known here: ")[2].split(", ")
    assert len(names) > 9
    assert [name for name in names if f"`{name}`" not in REFERENCE] == []


def test_every_route_and_status_stands_in_the_reference() -> None:
    document = described(Settings(keys=(b"k" * 20,), secrets=(SECRET,), callback_url="https://shop.example"))
    for path, operations in document["paths"].items():
        methods = [name for name in operations if name != "parameters"]
        assert [name for name in methods if f"`{name.upper()} {path}`" not in REFERENCE] == []
        statuses = {status for name in methods for status in operations[name]["responses"]} - {"200", "202", "500"}
        assert [status for status in statuses if f"\n| {status} |" not in REFERENCE] == []
