"""Words and character n-grams as buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.features import BUCKETS, grams, grams_of, pairs, tokens, units, words, words_of
from engine.text.normalise import matching

kinds = pytest.mark.parametrize("feature", [words, grams, pairs])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("?! — …", []),
        ("Where's my_order No. 5?", ["where", "s", "my", "order", "no", "5"]),
        ("退货要多久？包邮吗", ["退货要多久", "包邮吗"]),
        ("iPhone手机2台", ["iphone", "手机", "2", "台"]),
        ("ＦＷ-３１７", ["fw", "317"]),
        ("Größe ÉTÉ", ["grösse", "été"]),
        ("x" * 100, ["x" * 64]),
    ],
)
def test_tokens_are_runs_of_letters_and_digits_and_chinese_runs(text: str, found: list[str]) -> None:
    assert list(tokens(text)) == found


def test_the_end_of_a_long_chinese_text_without_punctuation_is_seen() -> None:
    assert set(words("退货")) <= set(words("我上个星期买的东西" * 10 + "能退货"))


@kinds
@given(text=st.text())
def test_buckets_are_in_range_and_depend_on_the_matching_form_alone(feature, text: str) -> None:
    found = feature(text)
    assert all(0 <= bucket < BUCKETS for bucket in found)
    assert found == feature(text) == feature(matching(text))


@kinds
@given(text=st.text("  ?!.,…-_，。？\t\n"))
def test_a_text_without_letters_has_no_features(feature, text: str) -> None:
    assert feature(text) == []


def test_a_repeated_word_repeats() -> None:
    assert words("no no no") == words("no") * 3


def test_chinese_gives_characters_and_pairs() -> None:
    pair = sorted(set(words("退货")) - set(words("退")) - set(words("货")))
    assert len(pair) == 1
    assert sorted(words("退货")) == sorted(words("退") + words("货") + pair)
    assert sorted(words("退货退货")) == sorted(2 * (words("退") + words("货") + pair) + words("货退")[1:2])


@given(text=st.text("ab ß退货吗，.'\n9"))
def test_the_units_of_a_text_have_all_its_features(text: str) -> None:
    assert words(text) == [bucket for unit in units(text) for bucket in words_of(unit)]
    assert grams(text) == [bucket for unit in units(text) for bucket in grams_of(unit)]
    assert all(words_of(unit) and grams_of(unit) for unit in units(text))


def test_units_are_words_and_what_begins_at_each_chinese_character() -> None:
    assert units("My 退货单号 is 5!") == ("my", "退货单", "货单号", "单号", "号", "is", "5")


def test_bytes_are_cut_where_characters_would_be() -> None:
    assert grams("naive")[:3] == grams("naivé")[:3]
    assert grams("naive")[3:5] != grams("naivé")[3:5]


def test_a_typing_error_leaves_grams_in_common_but_no_word() -> None:
    assert not set(words("delivery")) & set(words("delivrey"))
    shared = set(grams("delivery")) & set(grams("delivrey"))
    assert len(shared) >= 5


def test_grams_know_where_a_word_begins_and_ends() -> None:
    assert set(grams("ship")) - set(grams("worship"))
    assert not set(grams("cat dog")) - set(grams("cat")) - set(grams("dog"))


def test_pairs_know_the_order_of_words() -> None:
    assert len(pairs("free delivery to 香港")) == 3
    assert set(pairs("delivery free")) != set(pairs("free delivery"))


@pytest.mark.parametrize("text", ["a", "I", "5", "退"])
def test_even_one_character_has_features(text: str) -> None:
    assert words(text)
    assert grams(text)
