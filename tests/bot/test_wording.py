"""The fixed sentences: all of them in every language, and the operator's own in front."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bot
import engine
from bot.errors import ConfigError
from bot.wording import BUILT_IN, Wording
from engine.text.tokenise import SLOT_NAMES
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
    assert re.search("[一-鿿]", BUILT_IN["zh"][name]) or name == "slot_iban"  # the same everywhere
    assert not re.search("[一-鿿]", BUILT_IN["en"][name])


@pytest.mark.parametrize("locale", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_stays_open_once_a_sentence_is_said(name: str, locale: str) -> None:
    said = a_wording().say(
        name, locale, limit=4000, command="/dance", part="how?", slot="hat size", text="x", hours="Mon 09:00-17:00"
    )
    assert "{" not in said


def test_every_sentence_that_the_house_says_exists() -> None:
    said = set()
    for path in Path(bot.__file__).parent.glob("*.py"):
        said |= set(re.findall(r'(?:\.say|_fixed|_sentence)\(\s*"(\w+)"', path.read_text("utf-8")))
    assert {"new", "handoff", "busy", "trouble", "unsure"} <= said
    assert said <= set(NAMES)


def test_every_sentence_that_the_engine_says_exists() -> None:
    pattern = r'(?:self\._fixed\(|declined\(Grade\.\w+, |reason, |best, reason, )"(\w+)"'
    said = set()
    for path in Path(engine.__file__).parent.glob("*.py"):
        said |= set(re.findall(pattern, path.read_text("utf-8")))
    assert said == {
        "clarify", "near_miss", "unsure", "wordless", "puzzled", "meaningless", "hostile", "upset", "left_open",
        "handoff", "ask_slot", "offer_person",
    }  # fmt: skip
    asked = {f"ask_{slot}" for slot in SLOT_NAMES}
    assert said | asked | {"noted", "form_left", "summary_upset", "summary_angry"} <= set(NAMES)


def test_every_sentence_stands_in_the_reference_with_its_open_places() -> None:
    text = (Path(bot.__file__).parents[1] / "docs" / "reference" / "config.md").read_text("utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    for name in NAMES:
        assert name in table
        assert all(
            "{" + place + "}" in table[name] for place in _PLACEHOLDER.findall(BUILT_IN["en"][name]) if place != "bot"
        )


@pytest.mark.parametrize("locale", ["en", "zh"])
@pytest.mark.parametrize("name", ["unsure", "near_miss", "hostile", "puzzled", "left_open", "no_model"])
def test_who_gets_no_answer_is_offered_a_person(name: str, locale: str) -> None:
    assert "/human" in BUILT_IN[locale][name]


def test_what_the_customer_wrote_is_quoted_as_it_is() -> None:
    assert "“{bot} {part}”" in a_wording().say("left_open", "en", part="{bot} {part}")


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
