"""Settings of channels: every mistake is named, and no secret is repeated."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.shared.table import Table, web_address

SECRET = "a-secret-of-24-characters"  # noqa: S105 - made up
VARIABLES = {
    "GOOD": f" {SECRET} ",
    "TWO": "first-secret\nsecond-secret",
    "STRANGE": "geheim-ü-0123456789",
    "BROKEN": "hunter2\thunter2-hunter2",
    "SHORT": "hunter2",
    "LONG": "h" * 257,
    "BLANK": "  ",
}
Read = Callable[[Table], object]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NOT_SET", raising=False)


def test_what_fits_is_read() -> None:
    table = Table({"a": " text ", "b": "two", "c": True, "d": 3, "e": "GOOD", "f": "TWO", "g": "https://x.example/?q"})
    assert (table.text("a"), table.one_of("b", ("one", "two")), table.flag("c")) == ("text", "two", True)
    assert (table.number("d", 1.0, 0, 5), table.secret("e"), table.token("e")) == (3.0, SECRET, SECRET)
    assert list(table.secrets("f")) == ["first-secret", "second-secret"]
    assert table.url("g", query=True, private=False) == "https://x.example/?q"
    table.finish()


def test_what_is_not_set_is_the_default() -> None:
    table = Table({})
    assert (table.text("a", "x"), table.one_of("b", ("one", "two")), table.one_of("b", ("one", "two"), "two")) == (
        "x",
        "one",
        "two",
    )
    assert (table.flag("c"), table.flag("c", True), table.number("d", 7.0, 0, 9)) == (False, True, 7.0)
    assert (table.secret("e", required=False), table.token("e", required=False), list(table.secrets("e"))) == (
        "",
        "",
        [],
    )
    assert (table.url("g", ""), table.url("g", "https://x.example", private=False)) == ("", "https://x.example")


@pytest.mark.parametrize(
    ("value", "read", "said"),
    [
        (None, lambda table: table.text("a"), "a is missing"),
        (7, lambda table: table.text("a"), "a must be a text"),
        (["hunter2"], lambda table: table.text("a"), "a must be a text"),
        ("  ", lambda table: table.text("a"), "a must be a text, not an empty one"),
        ("x", lambda table: table.one_of("a", ("one", "two")), "a must be one of one, two, not 'x'"),
        (["one"], lambda table: table.one_of("a", ("one", "two")), "a must be one of one, two"),
        ("yes", lambda table: table.flag("a"), "a must be true or false, not 'yes'"),
        (True, lambda table: table.number("a", 1.0, 0, 9), "a must be a number between 0 and 9, not True"),
        (float("nan"), lambda table: table.number("a", 1.0, 0, 9), "a must be a number between 0 and 9"),
        (10, lambda table: table.number("a", 1.0, 0, 9), "a must be a number between 0 and 9"),
        (None, lambda table: table.secret("a"), "a is missing"),
        ("", lambda table: table.secret("a"), "a must be the name of an environment variable"),
        (7, lambda table: table.secret("a", required=False), "a must be the name of an environment variable"),
        (["hunter2"], lambda table: table.secrets("a"), "never the secret itself"),
        ("hunter2-hunter2", lambda table: table.secret("a"), "never the secret itself"),
        ("NOT_SET", lambda table: table.secret("a"), "a names the environment variable NOT_SET, which is not set"),
        ("BLANK", lambda table: table.secrets("a"), "a names the environment variable BLANK, which is not set"),
        ("STRANGE", lambda table: table.secret("a"), "a: the value of STRANGE holds characters that no secret has"),
        ("STRANGE", lambda table: table.secrets("a"), "a: the value of STRANGE holds characters that no secret has"),
        ("BROKEN", lambda table: table.secret("a"), "a: the value of BROKEN holds characters that no secret has"),
        ("SHORT", lambda table: table.token("a"), "a: expected 16 to 256 letters, digits, - or _ in SHORT"),
        ("LONG", lambda table: table.token("a"), "a: expected 16 to 256 letters, digits, - or _ in LONG"),
        (
            "http://10.0.0.1",
            lambda table: table.url("a", private=False),
            "a leads into a private network; allow_private",
        ),
        ("https://x.example/?q=hunter2", lambda table: table.url("a"), "a must hold no password, no query"),
    ],
)
def test_a_mistake_is_named_and_no_secret_is(value: Any, read: Read, said: str) -> None:
    with pytest.raises(ValueError, match=r"^a\b") as refused:
        read(Table({} if value is None else {"a": value}))
    assert said in str(refused.value)
    assert not any(word in str(refused.value) for word in ("hunter2", "geheim", "hhh"))


def test_a_setting_that_nobody_reads_is_refused_with_the_nearest_one_and_all_of_them() -> None:
    table = Table({"token_env": "GOOD", "tokn": 1})
    table.secret("token_env")
    table.allow("mode")
    with pytest.raises(
        ValueError, match=r"^unknown setting tokn; did you mean token_env\? known here: mode, token_env$"
    ):
        table.finish()
    with pytest.raises(ValueError, match=r"^unknown setting xyzzy; known here: $"):
        Table({"xyzzy": 1}).finish()


def test_a_required_setting_that_is_spelt_otherwise_is_missing_for_a_reason() -> None:
    with pytest.raises(ValueError, match=r"^token_env is missing; is tokn_env meant to be it\?$"):
        Table({"tokn_env": "GOOD"}).secret("token_env")
    table = Table({"key_env": "GOOD"})
    table.secret("key_env")
    with pytest.raises(ValueError, match=r"^keys_env is missing$"):
        table.secret("keys_env")


def test_what_is_allowed_may_be_there_and_need_not() -> None:
    table = Table({"a": 1})
    table.allow("a", "b")
    table.finish()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("shop.example", "must begin with https:// or http://"),
        ("file:///etc/passwd", "must begin with https:// or http://"),
        ("https://", "and name a server"),
        ("https://x.example:0", "and name a server"),
        ("https://[::1", "is no address"),
        ("https://x.example:hunter2", "is no address"),
        ("https://x.example:70000", "is no address"),
        ("https://me:hunter2@x.example", "no password"),
        ("https://:@x.example", "no password"),
        ("https://x.example/#hunter2", "no fragment"),
        ("https://x.example/?hunter2", "no query"),
        ("https://x.example/a b\n", "written in ASCII"),
        ("https://①②⑦.⓪.⓪.①/", "written in ASCII"),
        ("https://bücher.example", "written in ASCII"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^hook ") as refused:
        web_address("hook", url)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


@given(st.text(max_size=30) | st.from_regex(r"https?://[a-z0-9.@:\[\]/?#-]{0,30}", fullmatch=True))
def test_whatever_is_set_is_an_address_or_refused(url: str) -> None:
    with suppress(ValueError):
        found = web_address("hook", url)
        assert found.hostname
        assert (found.username, found.password, found.query, found.fragment) == (None, None, "", "")
