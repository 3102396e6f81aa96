"""Personal data in texts: what is found, and the many numbers that are none."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.personal import CARD, EMAIL, IBAN, ID_NUMBER, PHONE, find


def kinds(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in find(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ring me on 07700 900123 please", "07700 900123"),
        ("020 7946 0018", "020 7946 0018"),
        ("(020) 7946 0018", "(020) 7946 0018"),
        ("my office (020 7946 0018)", "020 7946 0018"),
        ("tel.020 7946 0018", "020 7946 0018"),
        ("call +44 (0)20 7946 0018 12 times", "+44 (0)20 7946 0018"),
        ("+1 (555) 123-4567", "+1 (555) 123-4567"),
        ("0044 20 7946 0018", "0044 20 7946 0018"),
        ("555-123-4567", "555-123-4567"),
        ("1-800-555-0199", "1-800-555-0199"),
        ("01 23 45 67 89", "01 23 45 67 89"),
        ("0151 23456789", "0151 23456789"),
        ("1. 07700 900123", "07700 900123"),
        ("my cell is 2125550187", "2125550187"),
        ("phone: 1234567", "1234567"),
        ("手机13812345678谢谢", "13812345678"),
        ("我的手机号是 138-1234-5678", "138-1234-5678"),
        ("１３８１２３４５６７８", "１３８１２３４５６７８"),
        ("+86 138 1234 5678", "+86 138 1234 5678"),
        ("电话：010-62345678", "010-62345678"),
        ("(010)62345678", "(010)62345678"),
        ("热线 400-123-4567", "400-123-4567"),
    ],
)
def test_telephone_numbers_are_found_as_people_write_them(text: str, value: str) -> None:
    assert kinds(text) == [(PHONE, value)]


@pytest.mark.parametrize(
    "text",
    [
        "it was £1,250.00, not £1,520", "order total 123.45", "13812345678元", "in 2024", "2024-2025",
        "2024-01-31 10:00", "01.02.2024 09:00", "on 05/08/2024", "Mon-Fri 9:00-17:30", "0900-1700, Sat 0900-1300",
        "call 9-17 daily", "version 0.10.2", "1.2.3-4", "FW-317042", "order 17345678901", "order number: 01234567890",
        "订单号是13812345678", "https://shop.example/p/02079460018", "#07700900123", "+15%", "+1 to 3 days",
        "200 x 300 x 4000 mm", "2-4 working days", "1Z999AA10123456784", "00123456789012", "1234567812345678",
        "220.5 cm", "100-120 km", "10.0.0.1", "user@host", "@fernwick", "a@b", "mail me @ 5", "", "…",
        "满250英镑包邮，最多14天",
    ],
)  # fmt: skip
def test_prices_years_hours_orders_and_versions_are_nothing_personal(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("write to a.b+c@x.co.uk.", "a.b+c@x.co.uk"),
        ("邮箱是zhang@qq.com谢谢", "zhang@qq.com"),
        ("<Joe.Bloggs@post.example>", "Joe.Bloggs@post.example"),
        ("13812345678@163.com", "13812345678@163.com"),
        ("ｊoe@post.example", "oe@post.example"),
    ],
)
def test_addresses_are_found_without_what_stands_around_them(text: str, value: str) -> None:
    assert kinds(text) == [(EMAIL, value)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4111 1111 1111 1111 12/27", [(CARD, "4111 1111 1111 1111")]),
        ("4111 1111 1111 1111 123", [(CARD, "4111 1111 1111 1111")]),
        ("3782-822463-10005", [(CARD, "3782-822463-10005")]),
        ("card 4111111111111111, 07700 900123", [(CARD, "4111111111111111"), (PHONE, "07700 900123")]),
        ("GB82 WEST 1234 5698 7654 32 is mine", [(IBAN, "GB82 WEST 1234 5698 7654 32")]),
        ("de89370400440532013000", [(IBAN, "de89370400440532013000")]),
        ("身份证11010519491231002X。", [(ID_NUMBER, "11010519491231002X")]),
        ("11010519491231002x", [(ID_NUMBER, "11010519491231002x")]),
        ("11010519491331002X", []),
        ("07700 900123 07700 900456", [(PHONE, "07700 900123"), (PHONE, "07700 900456")]),
    ],
)
def test_numbers_with_check_digits_are_told_from_others(text: str, found: list[tuple[str, str]]) -> None:
    assert kinds(text) == found


def test_of_two_that_overlap_the_longer_one_counts_and_then_the_surer() -> None:
    order = {"order_number": re.compile("FW-[0-9]+|[0-9]{16}")}
    assert [one.kind for one in find("FW-317042 and 4111111111111111", order)] == ["order_number", "order_number"]


def test_of_a_pattern_with_groups_the_value_is_the_group() -> None:
    [one] = find("membership AB12 is mine", {"member": re.compile("membership ([A-Z0-9]+)")})
    assert (one.kind, one.text, one.start) == ("member", "AB12", 11)


# --- laws

ISSUERS = [
    ("4", 16), ("4", 13), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("300", 14),
    ("36", 14), ("6011", 16), ("65", 16), ("3528", 16), ("62", 16), ("62", 19), ("6759", 18),
]  # fmt: skip
COUNTRIES = {"DE": 18, "AT": 16, "NL": 14, "FR": 23, "GB": 18, "NO": 11, "MT": 27, "SA": 20, "BE": 12}
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def luhn_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


@st.composite
def cards(draw: st.DrawFn) -> str:
    issuer, length = draw(st.sampled_from(ISSUERS))
    rest = length - len(issuer) - 1
    body = issuer + draw(st.text("0123456789", min_size=rest, max_size=rest))
    return body + luhn_digit(body)


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(COUNTRIES)))
    size = COUNTRIES[country]
    bank = draw(st.text("0123456789", min_size=size, max_size=size))
    if country in ("GB", "NL", "MT"):
        bank = "ABCD" + bank[4:]
    number = "".join(str(int(character, 36)) for character in f"{bank}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{bank}"


@st.composite
def id_numbers(draw: st.DrawFn) -> str:
    area = draw(st.sampled_from(["110105", "310104", "440300", "511702", "650104"]))
    born = draw(st.dates(date(1930, 1, 1), date(2020, 12, 31)))
    body = f"{area}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, body, strict=True)) % 11]


def grouped(number: str, mark: str) -> str:
    return mark.join(number[at : at + 4] for at in range(0, len(number), 4))


def one_digit_changed(data: st.DataObject, number: str) -> str:
    place = data.draw(st.sampled_from([at for at, character in enumerate(number) if character.isdigit()]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    return number[:place] + other + number[place + 1 :]


marks = st.sampled_from(["", " ", "-"])
around = st.sampled_from(["{}", "my card is {} thanks", "卡号{}。", "({})", "{}, 12/27", "paid with {}\nand so on"])


@given(cards(), marks, around)
def test_every_card_is_found(number: str, mark: str, text: str) -> None:
    written = grouped(number, mark)
    assert (CARD, written) in kinds(text.format(written))


@given(st.data(), cards(), marks)
def test_a_card_with_one_digit_changed_is_none(data: st.DataObject, number: str, mark: str) -> None:
    written = grouped(one_digit_changed(data, number), mark)
    assert (CARD, written) not in kinds(f"my card is {written} thanks")


@given(ibans(), marks, around)
def test_every_iban_is_found(number: str, mark: str, text: str) -> None:
    written = grouped(number, mark)
    assert (IBAN, written) in kinds(text.format(written))


@given(st.data(), ibans(), marks)
def test_an_iban_with_one_digit_changed_is_none(data: st.DataObject, number: str, mark: str) -> None:
    written = grouped(one_digit_changed(data, number), mark)
    assert IBAN not in {kind for kind, _ in kinds(written)}


@given(id_numbers(), around)
def test_every_id_number_is_found(number: str, text: str) -> None:
    assert (ID_NUMBER, number) in kinds(text.format(number))


@given(st.data(), id_numbers())
def test_an_id_number_with_one_digit_changed_is_none(data: st.DataObject, number: str) -> None:
    assert ID_NUMBER not in {kind for kind, _ in kinds(one_digit_changed(data, number))}


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["{}", "我的电话{}", "手机：{}，谢谢"]))
def test_every_chinese_mobile_is_found(number: str, text: str) -> None:
    assert kinds(text.format(number)) == [(PHONE, number)]


@given(st.text() | st.text("0123456789 +-()./@aX£元订单tel.", max_size=60))
def test_what_is_found_stands_in_order_apart_and_where_it_is_said(text: str) -> None:
    found = find(text)
    assert all(text[one.start : one.end] == one.text and one.text for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_a_long_text_of_digits_is_soon_read() -> None:
    assert find("1 " * 50_000) == ()
    assert find("9" * 100_000) == ()
    assert find("a." * 50_000 + "@") == ()
