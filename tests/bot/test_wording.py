"""The fixed sentences: all of them in every language, and the operator's own in front."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bot
from bot.errors import ConfigError
from bot.wording import BUILT_IN, Wording
from tests.builders import a_wording

NAMES = sorted(BUILT_IN["en"])
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def test_every_sentence_exists_in_both_languages() -> None:
    assert set(BUILT_IN) == {"en", "zh"}
    assert set(BUILT_IN["zh"]) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_has_the_same_open_places_in_every_language(name: str) -> None:
    assert sorted(_PLACEHOLDER.findall(BUILT_IN["en"][name])) == sorted(_PLACEHOLDER.findall(BUILT_IN["zh"][name]))


@pytest.mark.parametrize("name", NAMES)
def test_chinese_sentences_are_chinese_and_english_ones_english(name: str) -> None:
    assert re.search("[一-鿿]", BUILT_IN["zh"][name])
    assert not re.search("[一-鿿]", BUILT_IN["en"][name])


@pytest.mark.parametrize("locale", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_stays_open_once_a_sentence_is_said(name: str, locale: str) -> None:
    assert "{" not in a_wording().say(name, locale, limit=4000, command="/dance")


def test_every_sentence_that_the_house_says_exists() -> None:
    said = set()
    for path in Path(bot.__file__).parent.glob("*.py"):
        said |= set(re.findall(r'(?:\.say|_fixed|_sentence)\(\s*"(\w+)"', path.read_text("utf-8")))
    assert {"new", "handoff", "busy", "trouble", "unsure"} <= said
    assert said <= set(NAMES)


def test_the_help_names_every_command_in_every_language() -> None:
    from bot.commands import Command

    for sentences in BUILT_IN.values():
        assert all(f"/{command.value}" in sentences["help"] for command in Command)


def test_the_bot_says_its_own_name() -> None:
    assert "Fern" in a_wording().say("welcome")
    assert "Fern" in a_wording().say("welcome", "zh")


def test_the_first_language_is_the_main_one() -> None:
    assert a_wording(("zh", "en")).say("busy") == BUILT_IN["zh"]["busy"]
    assert a_wording(("zh", "en")).say("busy", "en") == BUILT_IN["en"]["busy"]


def test_an_override_replaces_one_sentence_of_one_language() -> None:
    wording = a_wording(overrides={"en": {"busy": "Hold on, says {bot}."}})
    assert wording.say("busy") == "Hold on, says Fern."
    assert wording.say("busy", "zh") == BUILT_IN["zh"]["busy"]
    assert wording.say("trouble") == BUILT_IN["en"]["trouble"]


def test_an_override_may_bring_a_language_that_is_not_built_in() -> None:
    wording = Wording("Fern", ("de", "en"), {"de": {"busy": "Einen Moment."}})
    assert wording.say("busy") == "Einen Moment."
    assert wording.say("new", "de") == BUILT_IN["en"]["new"]


def test_a_region_takes_the_sentences_of_its_language() -> None:
    assert Wording("Fern", ("zh-TW",), {}).say("busy") == BUILT_IN["zh"]["busy"]


def test_an_unknown_language_gets_the_main_one() -> None:
    assert a_wording().say("busy", "fr") == BUILT_IN["en"]["busy"]


def test_an_override_of_a_sentence_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown key wording\.en\.helo; did you mean help\?"):
        a_wording(overrides={"en": {"helo": "x"}})


def test_values_with_braces_are_said_as_they_are() -> None:
    assert "/{x}" in a_wording().say("unknown_command", "en", command="/{x}")
