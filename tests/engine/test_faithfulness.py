"""A composed reply says only what its sources say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faithfulness import check, review
from engine.knowledge.template import own_words, template
from engine.training.data import read_training_data, sample_sources

DELIVERY = (
    "Standard delivery within the UK costs £3.95, and it is free from £60. It takes 14 working days. "
    "See https://shop.example/delivery or write to help@shop.example."
)
RETURNS = "You can return a tent within 30 days. We do not take back socks. Opened food cannot be returned."
CHINESE = "订单满250英镑包邮，一般8至14个工作日送达。食品不可以退货。"


@pytest.mark.parametrize(
    ("entry", "reply"),
    [
        (DELIVERY, DELIVERY),
        (DELIVERY, "Standard delivery costs £3.95."),
        (DELIVERY, "Yes, sure! Delivery within the UK is free from £60."),
        (DELIVERY, "Please see https://shop.example/delivery."),
        (RETURNS, "We do not take back socks, sorry."),
        (RETURNS, "You can return a tent within 30 days."),
        (CHINESE, "您好，订单满250英镑包邮。"),
        (CHINESE, "食品不可以退货。"),
        ("10–14 days", "10-14 days"),
        ("If it does not fit, we take the tent back for free.", "We take the tent back for free."),
    ],
)
def test_a_reply_from_the_words_of_its_entry_is_faithful(entry: str, reply: str) -> None:
    verdict = check(reply, entry, [])
    assert verdict.faithful, verdict.reason


@pytest.mark.parametrize(
    ("entry", "reply", "value"),
    [
        (DELIVERY, "Standard delivery within the UK costs £4.95.", "£4.95"),
        (DELIVERY, "Standard delivery within the UK takes 4 working days.", "4"),
        (DELIVERY, "Standard delivery within the UK costs £3.9.", "£3.9"),
        (DELIVERY, "Standard delivery within the UK is free from £6.", "£6"),
        (DELIVERY, "See https://shop.example/deliver.", "https://shop.example/deliver"),
        (DELIVERY, "Write to elp@shop.example.", "elp@shop.example"),
        (DELIVERY, "Standard delivery within the UK costs £3.95, see FW-2.", "FW-2"),
        (CHINESE, "订单满25英镑包邮。", "25"),
        (CHINESE, "一般4个工作日送达。", "4"),
    ],
)
def test_a_value_that_stands_in_no_source_is_a_slip(entry: str, reply: str, value: str) -> None:
    verdict = check(reply, entry, [])
    assert not verdict.faithful
    assert verdict.reason == f"{value!r} stands in no source"


def test_a_value_may_come_from_what_the_customer_said() -> None:
    reply = "Thank you, Anna, delivery within the UK costs £3.95 for FW-31704."
    assert not check(reply, DELIVERY, []).faithful
    assert check(reply, DELIVERY, ["I'm Anna, it is about FW-31704"]).faithful


def test_a_name_that_stands_in_no_source_is_a_slip() -> None:
    verdict = check("Standard delivery within Wales costs £3.95.", DELIVERY, [])
    assert verdict.reason == "the name 'Wales' stands in no source"


@pytest.mark.parametrize(
    ("entry", "reply", "how"),
    [
        (RETURNS, "We take back socks.", "less"),
        (RETURNS, "You can not return a tent within 30 days.", "more"),
        (RETURNS, "You can't return a tent within 30 days.", "more"),
        ("We do not ship there.", "We ship there.", "less"),
        ("We do not ship there.", "Ship there.", "less"),
        ("We refund nothing.", "We refund.", "less"),
        ("不可以退货。", "可以退货。", "less"),
        ("食品不可以退货。", "可以退货。", "less"),
        ("可以退货。", "不可以退货。", "more"),
        ("包裹没有寄出。", "包裹寄出。", "less"),
    ],
)
def test_a_not_neither_appears_nor_vanishes(entry: str, reply: str, how: str) -> None:
    verdict = check(reply, entry, [])
    assert not verdict.faithful
    assert verdict.reason.endswith(f"denies {how} than its source")


def test_nearly_every_word_comes_from_the_sources() -> None:
    verdict = check("Return a tent within days, purple elephants dance tonight happily.", RETURNS, [])
    assert verdict.reason == "only 44% of its words stand in the sources"
    assert check("You can return a tent within 30 days, definitely.", RETURNS, []).faithful
    assert not check("大象今晚跳舞", CHINESE, []).faithful


def test_words_of_courtesy_need_no_source() -> None:
    assert check("Hello, sure, thanks: you can return a tent within 30 days!", RETURNS, []).faithful
    assert check("您好，感谢您！订单满250英镑包邮。", CHINESE, []).faithful


@pytest.mark.parametrize("reply", ["", "Yes, sure.", "You can return it."])
def test_a_reply_that_says_nothing_of_its_entry_is_a_slip(reply: str) -> None:
    assert check(reply, RETURNS, []).reason == "it says too little of what the entry says"


@pytest.mark.parametrize("word", ["谢谢，", "请看看，", "常常"])
def test_a_doubled_character_of_chinese_is_no_stammer(word: str) -> None:
    assert check(f"{word}订单满250英镑包邮。", CHINESE, []).faithful


def test_a_stammer_is_a_slip() -> None:
    assert not check("You can return return a tent within 30 days.", RETURNS, []).faithful


def test_a_faithful_reply_has_no_reason_and_a_slip_has_one() -> None:
    assert check(DELIVERY, DELIVERY, []).reason == ""
    assert check("Ring 999.", DELIVERY, []).reason


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=10), max_size=2))
def test_whatever_is_compared_has_a_verdict(reply: str, entry: str, said: list[str]) -> None:
    verdict = check(reply, entry, said)
    assert verdict.faithful == (not verdict.reason)


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_a_number_is_taken_from_its_entry_only_as_a_whole(said: int, meant: int) -> None:
    entry = f"Standard delivery to every address within this country takes {meant} working days"
    verdict = check(f"Standard delivery to every address within this country takes {said} working days", entry, [])
    assert verdict.faithful == (said == meant)


def test_every_answer_of_the_sample_is_faithful_to_itself() -> None:
    for entry in read_training_data(sample_sources()).knowledge:
        own = own_words(entry.answer, {})
        verdict = check(own, own, [])
        assert verdict.faithful, (entry.id, verdict.reason)


COST = template("Standard delivery costs £3.95 and takes 14 days, {name|friend}.")


def test_what_was_composed_is_filled_in_and_reviewed() -> None:
    written = "Standard delivery costs ⟨1⟩ and takes ⟨2⟩ days, ⟨name⟩."
    text, verdict = review(written, COST, {"name": "Anna"}, [], whole=True)
    assert (text, verdict.faithful) == ("Standard delivery costs £3.95 and takes 14 days, Anna.", True)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("Standard delivery costs ⟨3⟩.", "there is no value for ⟨3⟩"),
        (" ", "nothing was composed"),
        ("Standard delivery costs ⟨1⟩, ⟨name⟩.", "is no sentence of the entry"),
        ("Standard delivery costs ⟨2⟩ and takes ⟨1⟩ days, ⟨name⟩.", "is no sentence of the entry"),
        ("Standard delivery costs ⟨1⟩ and takes ⟨2⟩ days, ⟨name⟩, not 5.", "is no sentence of the entry"),
        ("Standard delivery costs ⟨1⟩ (and takes ⟨2⟩ days, ⟨name⟩.", "its brackets do not match"),
    ],
)
def test_what_was_composed_wrongly_is_not_spoken(written: str, reason: str) -> None:
    assert reason in review(written, COST, {}, [], whole=True)[1].reason


CARDS = template("Yes, you can pay by card from £5. We do not accept cheques. 约200元人民币（含税）。")


@pytest.mark.parametrize(
    "written",
    [
        "You can pay by card from ⟨1⟩.",
        "Sure, you can pay by card from ⟨1⟩.",
        "You can pay by card from ⟨1⟩. We do not accept cheques.",
        "约⟨2⟩元人民币（含税）。",
    ],
)
def test_a_follow_up_may_be_answered_with_some_sentences_of_the_entry(written: str) -> None:
    assert review(written, CARDS, {}, ["how do I pay"], whole=False)[1].faithful


@pytest.mark.parametrize(
    "written",
    [
        "You can pay by card.",
        "You can pay from ⟨1⟩.",
        "⟨2⟩元人民币（含税）。",
        "We do accept cheques.",
    ],
)
def test_no_word_of_a_sentence_may_go(written: str) -> None:
    assert "no sentence of the entry" in review(written, CARDS, {}, ["how do I pay"], whole=False)[1].reason


def test_a_not_about_what_was_asked_may_not_be_left_out() -> None:
    verdict = review("You can pay by card from ⟨1⟩.", CARDS, {}, ["what about cheques?"], whole=False)[1]
    assert verdict.reason == "it leaves out 'We do not accept cheques.'"


def test_a_first_answer_leaves_out_no_sentence() -> None:
    verdict = review("You can pay by card from ⟨1⟩.", CARDS, {}, ["how do I pay"], whole=True)[1]
    assert verdict.reason == "it leaves out 'We do not accept cheques.'"


def test_every_answer_of_the_sample_may_be_spoken_as_it_is() -> None:
    for entry in read_training_data(sample_sources()).knowledge:
        form = template(entry.answer)
        text, verdict = review(form.text, form, {}, [], whole=True)
        assert (text, verdict.reason) == (own_words(entry.answer, {}).strip(), ""), entry.id


FACTS = (
    "Delivery costs £3.95 and takes fourteen days from 1 May. It is free from £60, if the parcel is below 20 kg. "
    "See https://shop.example/delivery or write to help@shop.example. Ask Anna in the Leeds store. "
    "We do not ship batteries. Orders > £100 are insured."
)
FACTS_ZH = (
    "运费22英镑，三天内送达，最晚5月1日。满250英镑且不超过20公斤时包邮。详见https://shop.example/zh，或写邮件到help@shop.example。"
    "可以找利兹门店的小王。我们不寄电池。金额>100英镑的订单有保险。"
)


def told(facts: str, *changes: tuple[str, str], whole: bool = True) -> str:
    """Why a reply that says the facts with some changes is a slip; empty where it is faithful."""
    written = facts
    for old, new in changes:
        assert old in written
        written = written.replace(old, new)
    form = template(facts)
    known = {value: f"⟨{place}⟩" for place, value in enumerate(form.values, 1)}
    if known:
        longest_first = "|".join(re.escape(value) for value in sorted(known, key=len, reverse=True))
        written = re.sub(longest_first, lambda found: known[found.group()], written)
    return review(written, form, {}, ["what does delivery cost"], whole=whole)[1].reason


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("facts", [FACTS, FACTS_ZH])
def test_the_facts_as_they_are_may_be_told(facts: str, whole: bool) -> None:
    assert told(facts, whole=whole) == ""


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("facts", "old", "new"),
    [
        (FACTS, "20 kg", "25 kg"),
        (FACTS, "fourteen", "fifteen"),
        (FACTS, "£3.95", "£4.95"),
        (FACTS, "£3.95", "€3.95"),
        (FACTS, "£60", "£3.95"),
        (FACTS, "1 May", "2 May"),
        (FACTS, "1 May", "1 June"),
        (FACTS, "shop.example/delivery", "shop.example/deliveries"),
        (FACTS, "help@", "hello@"),
        (FACTS, "Anna", "Emma"),
        (FACTS, "Leeds", "York"),
        (FACTS, "do not ship", "ship"),
        (FACTS, "Delivery costs", "Delivery never costs"),
        (FACTS, ", if the parcel is below 20 kg", ""),
        (FACTS, "if the", "when the"),
        (FACTS, "Orders >", "Orders <"),
        (FACTS, "Orders >", "Orders"),
        (FACTS, "We do not ship batteries.", "We do not ship batteries?"),
        (FACTS, "We do not ship", "We do not, however, ship"),
        (FACTS_ZH, "20公斤", "25公斤"),
        (FACTS_ZH, "三天", "两天"),
        (FACTS_ZH, "22英镑", "23英镑"),
        (FACTS_ZH, "22英镑", "22欧元"),
        (FACTS_ZH, "250", "22"),
        (FACTS_ZH, "5月1日", "5月2日"),
        (FACTS_ZH, "shop.example/zh", "shop.example/en"),
        (FACTS_ZH, "help@", "hello@"),
        (FACTS_ZH, "小王", "小李"),
        (FACTS_ZH, "利兹", "约克"),
        (FACTS_ZH, "我们不寄", "我们寄"),
        (FACTS_ZH, "运费22", "没有运费22"),
        (FACTS_ZH, "且不超过20公斤", ""),
        (FACTS_ZH, "金额>", "金额<"),
        (FACTS_ZH, "有保险。", "有保险？"),
        (FACTS_ZH, "最晚", ""),
    ],
)
def test_one_changed_fact_is_a_slip(facts: str, old: str, new: str, whole: bool) -> None:
    """A number, in digits or words, money, a date, a link, an address, a name, a not, a condition, a sign."""
    assert told(facts, (old, new), whole=whole)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Delivery costs", "Yes, delivery costs"),
        ("Delivery costs", "Sure. Delivery costs"),
        ("We do not ship", "Of course, we do not ship"),
        ("We do not ship batteries.", "We do not ship batteries. Yes, you can."),
        ("We do not ship batteries.", "We do not ship batteries. We will do so for you."),
    ],
)
def test_a_yes_that_the_entry_does_not_give_is_a_slip(old: str, new: str) -> None:
    assert told(FACTS, (old, new))


def test_a_yes_of_the_entry_may_be_said_in_other_words_or_left_out() -> None:
    entry = "Yes, you can pay by card."
    for new in ("Sure, you", "Of course, you", "Yes. You", "You"):
        assert told(entry, ("Yes, you", new)) == ""
    assert told(entry, ("Yes, you", "No, you"))


@pytest.mark.parametrize("courtesy", ["Thank you!", "Hello,", "Sorry,", "Please,", "We are glad to help you.", "Hi!"])
def test_courtesy_may_come_and_go(courtesy: str) -> None:
    assert told(FACTS, ("Delivery costs", f"{courtesy} Delivery costs")) == ""
    assert told(f"{courtesy} {FACTS}", (f"{courtesy} ", "")) == ""


@pytest.mark.parametrize("clause", ["if you can", "we will", "you have it", "it is for you", "when we can"])
def test_a_clause_of_small_words_is_no_courtesy(clause: str) -> None:
    assert told(f"You get a refund, {clause}.", (f", {clause}", ""))
    assert told("You get a refund.", ("refund.", f"refund, {clause}."))
