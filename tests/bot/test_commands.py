"""What a customer can ask of the bot itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Command, parse, why
from engine.dialogue import Source
from tests.builders import a_reply


@pytest.mark.parametrize("command", Command)
@pytest.mark.parametrize("form", ["/{}", "  /{}\n", "/{}@FernBot"])
def test_a_command_is_known_however_it_is_written(command: Command, form: str) -> None:
    for word in (command.value, command.value.upper(), command.value.title()):
        assert parse(form.format(word)) is command


@pytest.mark.parametrize(
    "text", ["", "/", "help", "//help", "/help me", "a /help", "/help/", "/42", "1/2", "/a/b", "http://x", "／help"]
)
def test_what_only_looks_like_a_command_is_ordinary_text(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["/dance", "/start", "/Helpp"])
def test_an_unknown_command_is_given_back_as_written(text: str) -> None:
    found = parse(f" {text} ")
    assert found == text
    assert not isinstance(found, Command)


@given(st.text())
def test_any_text_is_a_command_or_not_and_nothing_is_raised(text: str) -> None:
    found = parse(text)
    assert found is None or isinstance(found, Command) or text.strip().startswith("/")


def test_what_a_customer_may_write_at_length_is_no_command() -> None:
    assert parse("/" + "a" * 5000) is None


@pytest.mark.parametrize("source", Source)
def test_every_source_can_be_explained(source: Source) -> None:
    lines = why(a_reply(source=source, origin="refund by 0123", reason="the best by far", confidence=0.934))
    assert lines.splitlines()[0].startswith(f"Source: {source.value} (")
    assert lines.splitlines()[1:] == ["Confidence: 93%", "Reason: the best by far", "Origin: refund by 0123"]


def test_the_first_five_considered_entries_are_named() -> None:
    text = why(a_reply(candidates=[(f"entry-{number}", 0.5 / (number + 1)) for number in range(7)]))
    assert text.splitlines()[4:7] == ["Considered:", "   50%  entry-0", "   25%  entry-1"]
    assert "entry-4" in text
    assert "entry-5" not in text
