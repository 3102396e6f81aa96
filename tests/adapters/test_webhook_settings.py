"""The settings of the webhook: every mistake is named, and no secret is."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

import bot
from adapters.webhook.settings import read

ROOT = Path(bot.__file__).parents[1]
SECRET = base64.b64encode(b"s" * 32).decode()
ENVIRONMENT = {
    "SECRET": f"whsec_{SECRET}",
    "TWO": f"whsec_{SECRET}\n{SECRET}",
    "SHORT": "whsec_c2hvcnQ=",
    "KEY": "k" * 20,
    "WEAK": "letmein",
    "EMPTY": " ",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("UNSET", raising=False)


def test_secrets_come_from_the_environment_and_are_not_shown() -> None:
    found = read({"secret_env": "TWO", "api_key_env": "KEY", "callback_url": "https://shop.example/hook?token=abc"})
    assert found.secrets == (b"s" * 32, b"s" * 32) == found.callback_secrets
    assert found.keys == (b"k" * 20,)
    assert all(word not in repr(found) for word in ("sss", "kkk", "abc"))


def test_what_goes_out_may_have_a_secret_of_its_own() -> None:
    own = {"callback_url": "https://shop.example", "callback_secret_env": "SECRET"}
    assert read({"api_key_env": "KEY", **own}).callback_secrets == (b"s" * 32,)


def test_origins_are_as_browsers_write_them() -> None:
    found = read({"open": True, "cors": ["https://Shop.example:443", "http://localhost:3000", "http://[::1]:80"]})
    assert found.origins == {"https://shop.example", "http://localhost:3000", "http://[::1]"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "secret_env or api_key_env is missing"),
        ({"open": True, "api_key_env": "KEY"}, "open = true goes neither with"),
        ({"open": "yes"}, "open must be true or false"),
        ({"api_key_evn": "KEY"}, "unknown setting api_key_evn; did you mean api_key_env? known here: allow_private"),
        ({"open": True, "xyzzy": 1}, "unknown setting xyzzy; known here: allow_private"),
        ({"api_key_env": 7}, "api_key_env must be the name"),
        ({"api_key_env": "UNSET"}, "variable UNSET, which is not set"),
        ({"api_key_env": "EMPTY"}, "variable EMPTY, which is not set"),
        ({"api_key_env": "WEAK"}, "expected at least 20 characters in WEAK"),
        ({"secret_env": "SHORT"}, "secret_env: expected a secret of at least 24 bytes in SHORT"),
        ({"secret_env": "WEAK"}, "secret_env: expected"),
        ({"open": True, "answer": "both"}, "answer must be one of response, callback"),
        ({"open": True, "answer": ["response"]}, "answer must be one of"),
        ({"api_key_env": "KEY", "answer": "callback"}, "needs callback_url"),
        ({"api_key_env": "KEY", "callback_url": "https://shop.example"}, "what is sent there is signed"),
        ({"open": True, "rate": 0}, "rate must be a number"),
        ({"open": True, "burst": True}, "burst must be a number"),
        ({"open": True, "rate": float("nan")}, "rate must be a number"),
        ({"open": True, "cors": "https://shop.example"}, "cors must be a list"),
        ({"open": True, "cors": ["*"]}, "cors must begin with"),
        ({"open": True, "cors": ["https://shop.example/"]}, "without a path"),
        ({"open": True, "cors": ["null"]}, "cors must begin with"),
        ({"secret_env": "SECRET", "callback_url": 7}, "callback_url must be a text"),
        ({"secret_env": "SECRET", "callback_url": "ftp://shop.example"}, "must begin with"),
        ({"secret_env": "SECRET", "callback_url": "https://"}, "name a server"),
        ({"secret_env": "SECRET", "callback_url": "https://[::1"}, "callback_url is no address"),
        ({"secret_env": "SECRET", "callback_url": "https://u:secret@shop.example"}, "no password"),
        ({"secret_env": "SECRET", "callback_url": "http://shop.example"}, "must begin with https://"),
    ],
)
def test_a_setting_that_is_of_no_use_is_named(table, said) -> None:
    with pytest.raises(ValueError, match=r"\w") as error:
        read(table)
    assert said in str(error.value)
    assert "letmein" not in str(error.value)
    assert "u:secret" not in str(error.value)


PRIVATE = (
    *("localhost", "intranet", "127.0.0.1", "10.0.0.7", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "2130706433", "0x7f000001", "[::1]", "[::]", "[fe80::1]", "[fd00::1]"),  # noqa: S104
    *("[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
)


@pytest.mark.parametrize("host", PRIVATE)
def test_a_callback_in_a_private_network_has_to_be_allowed(host) -> None:
    table = {"secret_env": "SECRET", "callback_url": f"https://{host}/hook"}
    with pytest.raises(ValueError, match="private network"):
        read(table)
    assert read({**table, "allow_private": True}).callback_url


def test_nothing_heavy_is_imported_before_it_is_served() -> None:
    script = "import sys, adapters.webhook.adapter\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"aiohttp", "pydantic", "sqlalchemy", "numpy", "torch"} == set()
