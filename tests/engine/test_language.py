"""Which of the configured languages a text is in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.language import detect, han_share


@given(st.text())
def test_the_share_of_chinese_is_a_share(text: str) -> None:
    assert 0 <= han_share(text) <= 1


@pytest.mark.parametrize(
    ("text", "share"),
    [("", 0.0), ("123 ?!", 0.0), ("hello", 0.0), ("退货", 1.0), ("退货 123！", 1.0), ("退ab", 2.5 / 4.5)],
)
def test_one_han_character_weighs_as_much_as_two_and_a_half_letters(text: str, share: float) -> None:
    assert han_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("Where is my parcel?", "en"),
        ("我的包裹在哪里？", "zh"),
        ("我想退 iPhone 手机壳", "zh"),
        ("订单FW-317042到哪了", "zh"),
        ("What does 退 mean on the label of my parcel?", "en"),
        ("où est mon colis", "en"),
        ("㐀㐁", "zh"),
    ],
)
def test_the_script_settles_english_against_chinese(text: str, locale: str) -> None:
    assert detect(text, ("en", "zh")) == locale
    assert detect(text, ("zh", "en")) == locale


@pytest.mark.parametrize("text", ["", "   ", "12345", "?!", "👍👍", "£3.95"])
def test_a_text_without_letters_does_not_say_its_language(text: str) -> None:
    assert detect(text, ("en", "zh")) == "en"
    assert detect(text, ("zh", "en")) == "zh"
    assert detect(text, ("en", "zh"), default="zh") == "zh"


def test_a_default_that_is_not_among_the_locales_is_not_taken() -> None:
    assert detect("123", ("en", "zh"), default="fr") == "en"


def test_the_default_settles_between_locales_of_one_script() -> None:
    assert detect("bonjour", ("en", "fr", "zh"), default="fr") == "fr"
    assert detect("bonjour", ("en", "fr", "zh"), default="zh") == "en"
    assert detect("退货", ("en", "zh-CN", "zh-TW"), default="zh-TW") == "zh-TW"


def test_regions_of_chinese_are_chinese() -> None:
    assert detect("我要退货", ("en-GB", "zh-CN")) == "zh-CN"
    assert detect("I want it back", ("zh-CN", "en-GB")) == "en-GB"


@given(st.text(), st.sampled_from([("en",), ("zh",), ("fr", "de"), ("en", "zh"), ("zh-CN", "zh-TW")]))
def test_what_is_found_is_always_one_of_the_locales(text: str, locales: tuple[str, ...]) -> None:
    assert detect(text, locales) in locales
