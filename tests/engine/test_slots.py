"""Values that customers give, in English and Chinese, and what must not be taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.understand.slots import SlotFinder, any_of

FINDER = SlotFinder()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("write to anna.bell+shop@mail.example.", "anna.bell+shop@mail.example"),
        ("a@b.co.uk, thanks", "a@b.co.uk"),
        ("jürgen@müller.example", "jürgen@müller.example"),
        ("我的邮箱是liwei@youxiang.example谢谢", "liwei@youxiang.example"),
        ("邮箱：li.wei@youxiang.example。", "li.wei@youxiang.example"),
    ],
)
def test_an_address_is_found(text: str, value: str) -> None:
    assert FINDER.find(text)["email"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Where is FW-317042?", "FW-317042"),
        ("fw-317042 please", "fw-317042"),
        ("order 123456.", "123456"),
        ("Order number 4455667", "4455667"),
        ("my order number is 654321", "654321"),
        ("order number: 123456", "123456"),
        ("order no. 123456", "123456"),
        ("parcel #12345, please", "12345"),
        ("我的订单FW-317042到哪了", "FW-317042"),
        ("订单20250001到哪了", "20250001"),
        ("订单号：20250001", "20250001"),
        ("订单号是：20250001，谢谢", "20250001"),
    ],
)
def test_an_order_number_is_found(text: str, value: str) -> None:
    assert FINDER.find(text)["order_number"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I paid £3.95.", "£3.95"),
        ("it was € 1,000.50", "€ 1,000.50"),
        ("20 quid", "20 quid"),
        ("about 35 euros", "35 euros"),
        ("花了200元", "200元"),
        ("￥99.5一件", "￥99.5"),
        ("22英镑运费", "22英镑"),
    ],
)
def test_an_amount_is_found(text: str, value: str) -> None:
    assert FINDER.find(text)["amount"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on 24/12/2025.", "24/12/2025"),
        ("since 2025-12-24", "2025-12-24"),
        ("3.5.2025", "3.5.2025"),
        ("the 24th of December 2025", "24th of December 2025"),
        ("Dec 5th", "Dec 5th"),
        ("last Monday", "last Monday"),
        ("it came yesterday", "yesterday"),
        ("2025年3月5日下的单", "2025年3月5日"),
        ("3月5号到", "3月5号"),
        ("日期2025-03-05下单", "2025-03-05"),
        ("下周三能到吗", "下周三"),
        ("昨天买的", "昨天"),
    ],
)
def test_a_date_is_found(text: str, value: str) -> None:
    assert FINDER.find(text)["date"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("My name is Anna Bell and", "Anna Bell"),
        ("Hi, I'm Priya. Where", "Priya"),
        ("this is José", "José"),
        ("I am Anna-Maria O'Neil", "Anna-Maria O'Neil"),
        ("MY NAME IS BOB", "BOB"),
        ("我叫李雷，想退货", "李雷"),
        ("我的名字是张伟。", "张伟"),
        ("我叫欧阳小明", "欧阳小明"),
    ],
)
def test_a_name_is_found(text: str, value: str) -> None:
    assert FINDER.find(text)["name"] == value


@pytest.mark.parametrize(
    "text",
    [
        "", "Where is my parcel?", "我要退货",
        "a@b", "@example", "me at home.example",
        "call 020 7946 0123", "call 020-7946-12-34", "from 192.168.1.20", "in 2024", "AB-123", "COVID-2019",
        "my order is 12", "order 12 mugs", "order 123456789012345",
        "5 mayonnaise", "may I ask", "this march", "20 pounders", "Friday is fine",
        "I'm not sure", "I'm Vegan", "I am Waiting", "i'm British", "my name is secret", "I'm Fw-12", "this is Order 5",
        "我叫李雷想退货", "我叫你退货怎么不退", "一号门",
    ],
)  # fmt: skip
def test_nothing_is_found_where_a_pattern_is_not_sure(text: str) -> None:
    assert FINDER.find(text) == {}


def test_a_date_after_the_word_order_is_no_order_number() -> None:
    assert FINDER.find("order 2024-01-05") == {"date": "2024-01-05"}


def test_what_is_said_later_corrects_what_was_said_before() -> None:
    assert FINDER.find("FW-11111, sorry, FW-22222") == {"order_number": "FW-22222"}


def test_all_slots_of_a_message_are_found() -> None:
    text = "I'm Anna, a@b.example. I paid £5 for FW-31704 on 3/4/2025."
    assert FINDER.find(text) == {
        "name": "Anna",
        "email": "a@b.example",
        "amount": "£5",
        "order_number": "FW-31704",
        "date": "3/4/2025",
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [("订单 4512 多久能退款？", "4512"), ("订单号是 20250001", "20250001"), ("快递单号 20250001", None)],
)
def test_an_order_number_may_stand_apart_from_its_name(text: str, number: str | None) -> None:
    assert FINDER.find(text).get("order_number") == number


def test_own_patterns_replace_and_add() -> None:
    finder = SlotFinder({"order_number": r"\bT\d{3}\b", "tent": r"tent (\w+)"})
    assert finder.find("T123 for tent Fern, not FW-317042") == {"order_number": "T123", "tent": "Fern"}
    assert finder.masked("T123 and FW-317042") == "⟨order_number⟩ and FW-317042"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the MOSS GREEN one", "MOSS GREEN"),
        ("green, please", "green"),
        ("我要苔绿的", "苔绿"),
        ("我要green的", "green"),
        ("a greenish one", None),
        ("evergreen", None),
        ("C++ or Go?", "C++"),
        ("a (large) one", "(large)"),
    ],
)
def test_a_value_of_a_list_is_found_as_a_whole_word(text: str, found: str | None) -> None:
    finder = SlotFinder({"colour": any_of(["green", "moss green", "苔绿", "C++", "(large)"])})
    assert finder.find(text).get("colour") == found


@given(st.lists(st.text(min_size=1, max_size=9).map(str.strip).filter(bool), min_size=1, max_size=4))
def test_every_value_of_a_list_is_found_by_itself(values: list[str]) -> None:
    finder = SlotFinder({"own": any_of(values)})
    assert [finder.find(value).get("own") for value in values] == values


def test_addresses_and_order_numbers_are_masked_and_nothing_else() -> None:
    text = "I'm Anna, a@b.example, £5 for FW-31704 on 3/4/2025"
    assert FINDER.masked(text) == "I'm Anna, ⟨email⟩, £5 for ⟨order_number⟩ on 3/4/2025"
    assert FINDER.masked("邮箱li@b.example，订单20250001到哪了") == "邮箱⟨email⟩，订单⟨order_number⟩到哪了"


@given(st.text() | st.text("aA1.,-@#£ 月年订单I'm"))
def test_values_are_the_customers_own_words_and_short(text: str) -> None:
    for value in FINDER.find(text).values():
        assert value in text
        assert 0 < len(value) <= 80


@given(st.text() | st.text("a1.-@# order订单"))
def test_masking_leaves_no_address_and_no_order_number(text: str) -> None:
    assert not {"email", "order_number"} & SlotFinder().find(FINDER.masked(text)).keys()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +44 20 7946 0018 now", "call ⟨phone⟩ now"),
        ("我的电话13812345678", "我的电话⟨phone⟩"),
        ("card 4111 1111 1111 1111", "card ⟨card⟩"),
        ("it costs 4111 pounds", "it costs 4111 pounds"),
    ],
)
def test_numbers_that_say_who_it_is_are_read_as_what_they_are(text: str, masked: str) -> None:
    assert FINDER.masked(text) == masked
