"""What comes from outside is read within bounds; what is set is checked before it is used."""

from __future__ import annotations

import html
import math
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from desk_bodies import NOW, refusal
from hypothesis import given
from hypothesis import strategies as st

from adapters.desks.adapter import ChatwootAdapter, IntercomAdapter, SunshineAdapter
from adapters.desks.markup import to_html, to_text
from adapters.desks.reading import Node
from adapters.desks.wording import shortened

VARIABLES = {
    "CW_TOKEN": "bot-token",
    "CW_SECRET": "hook-secret",
    "CW_PATH": "0123456789abcdef",
    "SHORT": "0123",
    "STRANGE": "geheim-ü-0123456789",
    "BLANK": "  ",
}
CHATWOOT = {"base_url": "https://desk.example", "token_env": "CW_TOKEN", "secret_env": "CW_SECRET"}
SUNSHINE = {
    "base_url": "https://shop.zendesk.example/sc/",
    "app": "5d8cff3c",
    "key_id_env": "CW_TOKEN",
    "key_secret_env": "CW_SECRET",
    "webhook_secret_env": "CW_SECRET",
    "integration": "attendant",
    "path_token_env": "CW_PATH",
}
INTERCOM = {"token_env": "CW_TOKEN", "client_secret_env": "CW_SECRET", "admin": 111}


class Desk:
    name = "Fern"


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MISSING", raising=False)


def test_missing_and_null_are_nothing_and_of_every_type() -> None:
    node = Node({"a": None})["a"]["b"]["c"]
    assert (node.is_nothing, node.path, node.text(), node.items(), node.flag()) == (True, "a.b.c", "", [], False)
    assert node.moment(NOW) == NOW


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-11-21T09:00:00.000Z", datetime(2026, 11, 21, 9, tzinfo=UTC)),
        ("2026-11-21T10:00:00+01:00", datetime(2026, 11, 21, 9, tzinfo=UTC)),
        ("2026-11-21T09:00:00", datetime(2026, 11, 21, 9, tzinfo=UTC)),
        (1795251600, datetime(2026, 11, 21, 9, tzinfo=UTC)),
        (1795251600.5, datetime(2026, 11, 21, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2036-01-01T00:00:00Z", NOW + timedelta(minutes=5)),
        (4102444800, NOW + timedelta(minutes=5)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_and_never_far_ahead(value, found) -> None:
    assert Node(value, "at").moment(NOW) == found


@pytest.mark.parametrize(
    "value", [[], True, "", "soon", 10**400, -(10**18), math.pi * 1e300, "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_is_none_is_refused(value) -> None:
    assert refusal(lambda: Node(value, "at").moment(NOW)).startswith("at: expected a time, found ")


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "a b", "é", "x" * 101, "a\n", 1.5, False, None, []])
def test_an_id_that_could_be_something_else_is_refused(value) -> None:
    assert refusal(lambda: Node(value, "id").identifier()).startswith("id: expected an id")


def test_no_value_from_outside_stands_in_a_refusal() -> None:
    assert "sekret" not in refusal(lambda: Node({"id": "sekret/sekret"})["id"].identifier())


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Hello</p><p>World</p>", "Hello\n\nWorld"),
        ("<p>one<br>two<br/>three</p>", "one\ntwo\nthree"),
        ("a &amp; b &lt;3 &#x41; &nosuch;", "a & b <3 A &nosuch;"),
        ('see <a href="https://x.example/a">our page</a>.', "see our page (https://x.example/a)."),
        ('<a href="https://x.example/a">https://x.example/a</a>', "https://x.example/a"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="https://x.example"></a>', "https://x.example"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<p>a</p>\n\n\n<p>  b   c </p>", "a\n\nb c"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("x<script>alert(1)</script>y<style>p{}</style>z", "xyz"),
        ("no markup at all", "no markup at all"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("", ""),
        ("<p></p>", ""),
        ("<![weird[x]]>text", "text"),
    ],
)
def test_markup_becomes_text(markup, text) -> None:
    assert to_text(markup)[0] == text


def test_pictures_are_counted() -> None:
    assert to_text('<img src="a.png">look<img>')[1] == 2


@given(st.text("<>/!-[]a=\"'&#;pbr \n", max_size=80) | st.text(max_size=80))
def test_any_markup_becomes_some_text(markup) -> None:
    text, images = to_text(markup)
    assert text == text.strip()
    assert images >= 0


@pytest.mark.parametrize("piece", ["<a ", "<a href='", "<!--", "<![", "&#", "<script>", "<p>", "</"])
def test_hostile_markup_takes_no_long_time(piece) -> None:
    started = time.perf_counter()
    to_text(piece * 300_000)
    assert time.perf_counter() - started < 5


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=60))
def test_text_survives_as_markup(text) -> None:
    assert to_text(to_html(text))[0] == text.strip()
    assert "<" not in to_html(text).replace("<p>", "").replace("</p>", "")
    assert html.unescape(to_html(text)[3:-4]) == text


@given(st.text(max_size=60), st.integers(1, 50))
def test_a_shortened_text_fits(text, longest) -> None:
    assert len(shortened(text, longest)) <= longest
    assert shortened(text, len(text)) == text


def test_settings_that_fit_make_an_adapter() -> None:
    assert [
        made.name
        for made in (
            ChatwootAdapter(CHATWOOT, Desk()),
            SunshineAdapter(SUNSHINE, Desk()),
            IntercomAdapter(INTERCOM, Desk()),
        )
    ] == [
        "chatwoot",
        "sunshine",
        "intercom",
    ]
    ChatwootAdapter({**CHATWOOT, "base_url": "http://127.0.0.1:3000", "allow_private": True}, Desk())
    ChatwootAdapter(
        {"base_url": "https://d.example", "token_env": "CW_TOKEN", "signature": "off", "path_token_env": "CW_PATH"},
        Desk(),
    )


@pytest.mark.parametrize(
    ("factory", "table", "said"),
    [
        (ChatwootAdapter, {}, "base_url is missing"),
        (
            ChatwootAdapter,
            {**CHATWOOT, "tokn": 1},
            "unknown setting tokn; did you mean token_env? known here: account, ",
        ),
        (ChatwootAdapter, {**CHATWOOT, "base_url": 7}, "base_url must be a text"),
        (ChatwootAdapter, {**CHATWOOT, "base_url": "desk.example"}, "base_url must begin with https:// or http://"),
        (
            ChatwootAdapter,
            {**CHATWOOT, "base_url": "file:///etc/passwd"},
            "base_url must begin with https:// or http://",
        ),
        (ChatwootAdapter, {**CHATWOOT, "base_url": "https://u:p@desk.example"}, "base_url must hold no password"),
        (ChatwootAdapter, {**CHATWOOT, "base_url": "https://desk.example:port"}, "base_url is no address"),
        (
            ChatwootAdapter,
            {**CHATWOOT, "base_url": "http://10.0.0.1"},
            "base_url leads into a private network; allow_private",
        ),
        (
            ChatwootAdapter,
            {**CHATWOOT, "token_env": "MISSING"},
            "token_env names the environment variable MISSING, which is not",
        ),
        (
            ChatwootAdapter,
            {**CHATWOOT, "secret_env": "BLANK"},
            "secret_env names the environment variable BLANK, which is not",
        ),
        (ChatwootAdapter, {**CHATWOOT, "secret_env": "STRANGE"}, "secret_env: the value of STRANGE holds characters"),
        (ChatwootAdapter, {"base_url": "https://d.example", "token_env": "CW_TOKEN"}, "secret_env is missing"),
        (ChatwootAdapter, {**CHATWOOT, "signature": "if_present"}, "path_token_env is missing"),
        (
            ChatwootAdapter,
            {**CHATWOOT, "signature": "maybe"},
            "signature must be one of required, if_present, off, not 'maybe'",
        ),
        (ChatwootAdapter, {**CHATWOOT, "path_token_env": "SHORT"}, "path_token_env: expected 16 to 256 letters"),
        (
            ChatwootAdapter,
            {**CHATWOOT, "tolerance_seconds": 0},
            "tolerance_seconds must be a number between 1 and 86400",
        ),
        (ChatwootAdapter, {**CHATWOOT, "buttons": "yes"}, "buttons must be true or false, not 'yes'"),
        (ChatwootAdapter, {**CHATWOOT, "account": "a/b"}, "account must be an id of letters and digits"),
        (
            SunshineAdapter,
            {**SUNSHINE, "path_token_env": ""},
            "path_token_env must be the name of an environment variable",
        ),
        (SunshineAdapter, {**SUNSHINE, "integration": " "}, "integration must be a text, not an empty one"),
        (IntercomAdapter, {**INTERCOM, "hand_to_kind": "crowd"}, "hand_to_kind must be one of admin, team"),
    ],
)
def test_a_setting_of_no_use_is_named(factory, table, said) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        factory(table, Desk())
    assert not any(value.strip() and value in str(refused.value) for value in VARIABLES.values())
