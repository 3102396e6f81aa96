"""How a message is said: without words, without meaning, in anger; and all that is none of these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.data import read_training_data, sample_sources
from engine.understand.tone import Tone, tone


@pytest.mark.parametrize(
    "text", ["", " \n", "?", "。。。", "？？？", "!!!", "👍", "👨‍👩‍👧 🏳️‍🌈", "...", "—", "^_^;", "<>"]
)
def test_nothing_but_signs_has_no_words(text: str) -> None:
    assert tone(text) is Tone.WORDLESS


@pytest.mark.parametrize(
    "text",
    [
        "asdfgh", "ASDF jkl;", "qwerty", "qwe asd zxc", "lkjhgf", "sdkfjhsd", "dfg hjklm", "aaaaaaa", "hhhhhhhhjjjjjjk",
        "hahaha", "hahahah!!!", "哈哈哈哈哈", "哈哈哈", "啊啊啊啊", "呵呵呵。", "lalala", "fghfghfgh",
        "ａｓｄｆｇ", "zzzzzz" * 3000,
    ],
)  # fmt: skip
def test_mashed_keys_and_the_same_again_and_again_mean_nothing(text: str) -> None:
    assert tone(text) is Tone.MEANINGLESS


@pytest.mark.parametrize(
    "text",
    [
        "fuck you", "f*ck off!!", "you are stupid", "ur so dumb", "what a useless bot", "idiot", "STUPID", "shut up",
        "this is shit", "wtf", "you piece of shit", "go to hell, you idiots", "I hate you",
        "傻逼", "你这个垃圾机器人", "你是不是傻", "滚", "去死吧", "笨蛋！", "什么破机器人", "sb", "他妈的",
    ],
)  # fmt: skip
def test_insults_and_swearing_alone_are_hostile(text: str) -> None:
    assert tone(text) is Tone.HOSTILE


@pytest.mark.parametrize(
    "text",
    [
        "you never answer anything you stupid bot",
        "go jump in a lake, idiot",
        "答非所问，蠢死了",
        "youtube is for morons",
    ],
)
def test_insults_beside_other_words_without_a_question_are_rude(text: str) -> None:
    assert tone(text) is Tone.RUDE


@pytest.mark.parametrize(
    "text",
    [
        "this is shit, where is my order", "where the fuck is my parcel", "this tent is crap", "WHERE IS MY ORDER!!!",
        "I am really fed up. Where is it?", "this is ridiculous, I want my money back", "I want a refund you bastards",
        "you idiots, how do I cancel?", "气死我了，包裹在哪", "你妈的怎么还没到货", "太过分了，我要退款",
        "你们这些骗子，差劲",
    ],
)  # fmt: skip
def test_anger_about_a_matter_is_no_hostility(text: str) -> None:
    assert tone(text) is Tone.UPSET


@pytest.mark.parametrize(
    "text",
    [
        "Where is my order?", "hello", "ok", "lol", "88", "666", "1234", "x", "no", "AAA batteries", "hmm", "DHL",
        "xxl",
        "Schmidt", "Knightsbridge", "were we", "power", "html https", "FW-203948", "PLEASE", "GPS WATCH!",
        "stupid question, but how do I wash it", "do you sell rubbish bags", "dumbbells", "weather be damned",
        "my wife was furious with another shop", "垃圾袋有吗", "滚轮怎么换", "操作说明书在哪", "傻瓜相机有吗",
        "女朋友生气了", "呵呵",
        "⟨1⟩", "a@b.example",
    ],
)  # fmt: skip
def test_ordinary_messages_are_plain(text: str) -> None:
    assert tone(text) is Tone.PLAIN


def test_questions_of_the_sample_are_never_taken_for_nonsense_and_hardly_ever_for_hostility() -> None:
    knowledge = read_training_data(sample_sources()).knowledge
    found = {entry.id for entry in knowledge for text in entry.questions if tone(text) not in (Tone.PLAIN, Tone.UPSET)}
    assert found <= {"insult", "zh-smalltalk-insult"}


@given(st.text())
def test_any_text_has_a_tone(text: str) -> None:
    assert tone(text) in Tone
