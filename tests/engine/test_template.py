"""Answers as templates: no digit is generated, and filling gives the author's own words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.knowledge.template import against, own_words, placeholders, template, values_in
from engine.text.tokenise import SLOT_NAMES, VALUE_MARKS
from engine.training.data import read_training_data, sample_sources

parts = st.lists(
    st.text(max_size=8)
    | st.text("0123456789.,:/-–×£€%+ ", max_size=10)
    | st.sampled_from(
        ["{name}", "{name|there}", "{amount|£5}", "{date|}", "{unknown|7}", "{name|{date}}", "⟨1⟩", "个工作日"]
    )
    | st.sampled_from(
        ["https://shop.example/a?b=1.", "www.shop.example/2,", "help@shop.example.", "FW-317042", "12.5 kg", "18 °C"]
    ),
    max_size=8,
).map("".join)


@given(parts)
@example("{name|there} and {name|friend}")
@example("www.a.b.5.6.")
@example("{name|5}5{name|5}")
@example("{size|5} and {size|6} of {size|5}")
def test_a_filled_template_is_the_answer_in_its_own_words(answer: str) -> None:
    made = template(answer)
    if made.whole:
        assert made.fill({}) == own_words(answer, {})


@given(parts, st.dictionaries(st.sampled_from(SLOT_NAMES), st.text(min_size=1, max_size=9)))
def test_a_template_filled_with_slots_is_the_answer_with_them(answer: str, slots: dict[str, str]) -> None:
    made = template(answer)
    if made.whole:
        assert made.fill(slots) == own_words(answer, slots)


@given(parts)
def test_no_digit_is_left_in_the_text_of_a_whole_template(answer: str) -> None:
    made = template(answer)
    text = made.text
    for name in placeholders(text):
        text = text.replace(f"⟨{name}⟩", "")
    if made.whole:
        assert not any(sign.isdecimal() for sign in text)
        assert {int(name) for name in placeholders(made.text) if name.isdecimal()} == set(
            range(1, len(made.values) + 1)
        )


@pytest.mark.parametrize(
    ("answer", "text", "values"),
    [
        ("Delivery costs £3.95.", "Delivery costs ⟨1⟩.", ["£3.95"]),
        ("€1,000.50, no more", "⟨1⟩, no more", ["€1,000.50"]),
        ("5% off, 20% later", "⟨1⟩ off, ⟨2⟩ later", ["5%", "20%"]),
        ("10–14 days", "⟨1⟩ days", ["10–14"]),
        ("from £20-£30", "from ⟨1⟩-⟨2⟩", ["£20", "£30"]),
        ("9:00-17:00 on 24/12/2025", "⟨1⟩ on ⟨2⟩", ["9:00-17:00", "24/12/2025"]),
        ("until 2025-12-24.", "until ⟨1⟩.", ["2025-12-24"]),
        ("Call 020 7946 0123 or +44 20 7946 0123.", "Call ⟨1⟩ or ⟨2⟩.", ["020 7946 0123", "+44 20 7946 0123"]),
        ("See https://a.example/b?c=1.", "See ⟨1⟩.", ["https://a.example/b?c=1"]),
        ("(see www.a.example/2)", "(see ⟨1⟩)", ["www.a.example/2"]),
        ("WWW.A.EXAMPLE/2.", "⟨1⟩.", ["WWW.A.EXAMPLE/2"]),
        ("见https://a.example/b，写给help@a.example。", "见⟨1⟩，写给⟨2⟩。", ["https://a.example/b", "help@a.example"]),
        ("Write to help@a.example.", "Write to ⟨1⟩.", ["help@a.example"]),
        ("Up to 30 kg, 2×3 m, -5°C", "Up to ⟨1⟩, ⟨2⟩, ⟨3⟩", ["30 kg", "2×3 m", "-5°C"]),
        ("order FW-317042", "order ⟨1⟩", ["FW-317042"]),
        ("满250英镑包邮，8至14个工作日", "满⟨1⟩英镑包邮，⟨2⟩至⟨3⟩个工作日", ["250", "8", "14"]),
        ("3 for 2, and 2 more", "⟨1⟩ for ⟨2⟩, and ⟨2⟩ more", ["3", "2"]),
        ("nothing to mark", "nothing to mark", []),
    ],
)  # fmt: skip
def test_values_become_placeholders(answer: str, text: str, values: list[str]) -> None:
    made = template(answer)
    assert (made.text, list(made.values), made.whole) == (text, values, True)
    assert list(dict.fromkeys(values_in(answer))) == values


def test_slots_become_placeholders_and_keep_their_default() -> None:
    made = template("Hello {name|there}, order {order_number} costs £5.")
    assert made.text == "Hello ⟨name⟩, order ⟨order_number⟩ costs ⟨1⟩."
    assert made.defaults == {"name": "there", "order_number": ""}
    assert made.fill({}) == "Hello there, order  costs £5."
    assert made.fill({"name": "Anna", "order_number": "12345"}) == "Hello Anna, order 12345 costs £5."


@pytest.mark.parametrize(
    "answer",
    [
        "⟨1⟩ costs 5",
        "open ⟨",
        "{name|there} and {name|friend}",
        "١٢ أيام",
        "２５０元",
        " ".join(f"{n}x" for n in range(99)),
    ],
)
def test_an_answer_that_placeholders_cannot_say_is_not_whole(answer: str) -> None:
    assert not template(answer).whole


def test_as_many_values_as_there_are_placeholders_are_whole() -> None:
    count = len(VALUE_MARKS)
    assert template(", ".join(f"{number} a" for number in range(count))).whole
    assert not template(", ".join(f"{number} a" for number in range(count + 1))).whole


@pytest.mark.parametrize("text", ["⟨2⟩", "⟨0⟩", "⟨date⟩", "⟨⟩⟨x⟩", "⟨1⟩ ⟨99⟩"])
def test_a_placeholder_without_a_value_is_a_key_error(text: str) -> None:
    with pytest.raises(KeyError):
        template("{name|you} pay £5").fill({}, text)


def test_a_composed_text_is_filled_with_the_values_of_the_template() -> None:
    made = template("It is £5, {name|friend}.")
    assert made.fill({}, "Only ⟨1⟩ for you, ⟨name⟩: ⟨1⟩!") == "Only £5 for you, friend: £5!"
    assert made.fill({"date": "today"}, "⟨1⟩ since ⟨date⟩") == "£5 since today"


def test_a_slot_of_the_companys_own_is_a_value_that_is_known_later() -> None:
    made = template("Size {size|8} costs £5 in {colour}, {name|friend}.")
    assert (made.text, made.values) == ("Size ⟨1⟩ costs ⟨2⟩ in ⟨3⟩, ⟨name⟩.", ("{size|8}", "£5", "{colour}"))
    assert made.fill({}) == "Size 8 costs £5 in , friend."
    assert made.fill({"size": "9", "colour": "{size}"}, "⟨2⟩ for ⟨1⟩ in ⟨3⟩") == "£5 for 9 in {size}"


def test_slots_and_defaults_may_look_like_placeholders_without_being_filled_again() -> None:
    assert template("Hello {name|x}, £5").fill({"name": "⟨1⟩"}) == "Hello ⟨1⟩, £5"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("For 1 day it is £3.", "For ⟨2⟩ day it is ⟨1⟩."),
        ("£3 for 1 day, Anna", "⟨1⟩ for ⟨2⟩ day, ⟨name⟩"),
        ("No more than £3.", "No more than ⟨1⟩."),
        ("£3.95 for 1 day", None),
        ("£3 for 11 days", None),
        ("£4", None),
        ("see https://shop.example", None),
        ("nothing at all", "nothing at all"),
    ],
)
def test_another_wording_keeps_to_the_values_of_the_answer(text: str, marked: str | None) -> None:
    assert against(text, template("It costs £3 for 1 day."), {"name": "Anna"}) == marked


def test_another_wording_in_chinese_keeps_to_the_values_too() -> None:
    made = template("订单满250英镑包邮，一般8至14个工作日。")
    assert against("满250英镑就包邮，王伟。", made, {"name": "王伟"}) == "满⟨1⟩英镑就包邮，⟨name⟩。"
    assert against("14个工作日内", made, {}) == "⟨3⟩个工作日内"
    assert against("满25英镑", made, {}) is None


def test_another_wording_of_an_answer_without_values_is_itself() -> None:
    assert against("Of course.", template("Yes."), {}) == "Of course."
    assert against("Of course, 5.", template("Yes."), {}) is None


@given(parts)
def test_another_wording_never_has_a_digit_of_its_own(text: str) -> None:
    marked = against(text, template("It costs £3 for 1 to 5 days."), {"name": "Anna"})
    if marked is not None:
        for name in placeholders(marked):
            marked = marked.replace(f"⟨{name}⟩", "")
        assert not any(sign.isdecimal() for sign in marked)


def test_every_answer_of_the_sample_is_whole_and_comes_back() -> None:
    for entry in read_training_data(sample_sources()).knowledge:
        made = template(entry.answer)
        assert made.whole, entry.id
        assert made.fill({}) == own_words(entry.answer, {})
        assert against(own_words(entry.answer, {}), made, {}) is not None, entry.id
