"""Making the tagger that the product ships, from sentences of our own alone.

    python -m benchmarks.pretrain.tagger [--minutes 20] [--lines 30000] [--composed 8000] [--out FILE]

``slots.toml`` beside this file has lines with places for values, and words that values are made of; dates, times,
amounts, numbers and addresses are made up here. The grammar of the base adds its questions: those of its classes that
are values get values made here, and all else in them is none. Nothing but this repository is needed.
"""

from __future__ import annotations

import argparse
import random
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.pretrain.grammar import Grammar, Line, Said
from engine.base import base
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.tagging import Marked, Pace, TaggerTrainer
from engine.understand.sentence import Trunk
from engine.understand.tagger import write

SLOTS = Path(__file__).with_name("slots.toml")
OUT = Path(base.__file__).with_name("tagger.safetensors")
KINDS = (
    "amount", "date", "email", "name", "order_number", "people", "person", "phone", "place", "product", "time",
)  # fmt: skip
_CLASSES = {"city": "place", "country": "place", "amount": "amount", "day": "date", "time": "time"}
_SLOT = re.compile(r"\{(\w+)\}")
_OPEN, _BETWEEN, _CLOSE = "\ue000", "\ue001", "\ue002"  # of no text: where a value begins, and ends
_MARKED = re.compile(f"{_OPEN}(\\w+){_BETWEEN}([^{_CLOSE}]*){_CLOSE}")
_NOTHING, _ASKED, _JOINED, _CAPITAL, _LOWER, _UNRELATED = 0.18, 0.2, 0.12, 0.5, 0.25, 0.3
_HELD_OUT = 0.04

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SHORT = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sept",
    "Oct",
    "Nov",
    "Dec",
)
_WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
_NUMBERS = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_TENS = (
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
)
_CHINESE = "零一二三四五六七八九十"


class Values:
    """Makes values up, in both languages.

    Args:
        words: The words of ``slots.toml``.
        chance: Source of randomness.
    """

    def __init__(self, words: Mapping[str, Mapping[str, str]], chance: random.Random) -> None:
        self._words = {
            language: {name: _listed(name, text) for name, text in own.items()} for language, own in words.items()
        }
        self._chance = chance

    def make(self, kind: str, language: str) -> str:
        """A value of a kind, ``en`` or ``zh``."""
        making: dict[str, Callable[[], str]] = {
            "date": self._date, "time": self._time, "amount": self._amount, "people": self._people,
            "place": self._place, "person": self._person, "name": self._name, "product": self._product,
        } if language == "en" else {
            "date": self._date_zh, "time": self._time_zh, "amount": self._amount_zh, "people": self._people_zh,
            "place": self._place_zh, "person": self._person_zh, "name": self._name_zh, "product": self._product_zh,
        }  # fmt: skip
        both = {"order_number": self._order, "email": self._email, "phone": self._phone}
        return {**making, **both}[kind]()

    def _one(self, *ways: Callable[[], str]) -> str:
        return self._chance.choice(ways)()

    def _word(self, language: str, name: str) -> str:
        return self._chance.choice(self._words[language][name])

    def _number(self, low: int, high: int) -> int:
        return self._chance.randint(low, high)

    def _digits(self, count: int) -> str:
        return "".join(str(self._number(0, 9)) for _ in range(count))

    def _day(self) -> str:
        day = self._number(1, 31)
        return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"

    def _date(self) -> str:
        chance = self._chance
        month = chance.choice(_MONTHS if chance.random() < 0.8 else _SHORT)
        weekday, day, year = chance.choice(_WEEKDAYS), self._number(1, 31), self._number(2018, 2030)
        written = f"{self._number(1, 12)}", f"{day}"
        if chance.random() < 0.5:
            written = written[0].zfill(2), written[1].zfill(2)
        if chance.random() < 0.5:
            written = written[1], written[0]
        plain = chance.choice([str(day), self._day()])
        return self._one(
            lambda: f"{month} {plain}",
            lambda: f"{plain} {month}",
            lambda: f"{self._day()} of {month}",
            lambda: self._day(),
            lambda: chance.choice([weekday, f"next {weekday}", f"this {weekday}", f"{weekday} next week", weekday]),
            lambda: chance.choice(["today", "tomorrow", "yesterday", "the day after tomorrow", "tomorrow", "today"]),
            lambda: chance.choice(
                ["next week", "this weekend", "next weekend", "this week", "next month", "last week", "Christmas Eve"]
            ),
            lambda: f"{weekday}{chance.choice([', ', ' ', ' the '])}{self._day()}",
            lambda: f"{weekday}, {month} {plain}",
            lambda: f"{month} {plain}, {year}" if chance.random() < 0.5 else f"{plain} {month} {year}",
            lambda: chance.choice("/.-").join([*written, str(year if chance.random() < 0.7 else year % 100)]),
            lambda: chance.choice([f"{year}-{written[0].zfill(2)}-{written[1].zfill(2)}", "/".join(written)]),
        )

    def _time(self) -> str:
        chance = self._chance
        hour, minute = self._number(1, 12), self._number(0, 11) * 5
        half = chance.choice(["am", "pm", " am", " pm", " AM", " PM", "PM", " p.m.", " a.m."])
        said = chance.choice([str(hour), _NUMBERS[hour - 1]])
        part = chance.choice(["in the morning", "in the afternoon", "in the evening", "at night"])
        return self._one(
            lambda: f"{hour}{half}",
            lambda: f"{hour}:{minute:02}{half}",
            lambda: f"{hour}:{minute:02}",
            lambda: f"{self._number(0, 23)}:{self._number(0, 59):02}",
            lambda: f"{said} {part}",
            lambda: f"{hour}:{minute:02} {part}",
            lambda: f"{said} o'clock",
            lambda: f"{chance.choice(['half past', 'quarter to', 'quarter past', 'a quarter to'])} {said}",
            lambda: f"{chance.choice(['ten', 'twenty', 'five', '10', '20'])} {chance.choice(['past', 'to'])} {said}",
            lambda: f"{_NUMBERS[hour - 1]} {chance.choice(['thirty', 'fifteen', 'forty five', 'pm', 'am', 'ten'])}",
            lambda: chance.choice(["noon", "midnight", "midday", "lunchtime", "noon"]),
            lambda: f"{chance.choice(['morning', 'afternoon', 'evening'])} {hour}{chance.choice(['', ':30', ':15'])}",
        )

    def _amount(self) -> str:
        chance = self._chance
        whole = chance.choice([self._number(1, 99), self._number(100, 999), self._number(1000, 99999)])
        written = f"{whole:,}" if chance.random() < 0.5 else str(whole)
        if chance.random() < 0.3:
            written += f".{self._digits(2)}"
        sign, name = chance.choice("$$££€€¥"), chance.choice(["dollars", "pounds", "euros", "yuan", "dollars", "quid"])
        said = chance.choice([*_TENS, *_NUMBERS[1:], "a hundred", "two hundred", "five hundred", "a thousand"])
        return self._one(
            lambda: f"{sign}{written}",
            lambda: f"{sign}{written}",
            lambda: f"{written} {name}",
            lambda: f"{written} {chance.choice(['USD', 'EUR', 'GBP', 'CNY', 'euro', 'bucks', 'rupees', 'yen'])}",
            lambda: f"{chance.choice(['USD', 'EUR', 'GBP'])} {written}",
            lambda: f"{said} {name}",
        )

    def _people(self) -> str:
        chance = self._chance
        count = chance.choice([self._number(1, 12), self._number(1, 9), self._number(1, 40)])
        said = _NUMBERS[count - 1] if count <= len(_NUMBERS) and chance.random() < 0.5 else str(count)
        noun = chance.choice(["people", "people", "persons", "guests", "adults", "passengers", "travellers", "friends"])
        more = f"{chance.choice(_NUMBERS[1:6])} {chance.choice(['kids', 'children', 'toddlers', 'teenagers'])}"
        return self._one(
            lambda: f"{said} {noun}" if count > 1 else f"{said} person",
            lambda: f"{said} {noun}" if count > 1 else f"{said} person",
            lambda: said,
            lambda: f"{said} {chance.choice(['adults', 'people', 'grown-ups'])} and {more}",
            lambda: chance.choice(
                ["a couple", "just me", "me and my wife", "the two of us", "two couples", "a family of four"]
            ),
        )  # fmt: skip

    def _place(self) -> str:
        chance = self._chance
        city = self._word("en", "cities")
        street = f"{self._word('en', 'streets')} {self._word('en', 'street_kinds')}"
        return self._one(
            lambda: city,
            lambda: city,
            lambda: city,
            lambda: self._word("en", "countries"),
            lambda: f"{city}, {self._word('en', 'regions')}",
            lambda: f"{self._number(1, 300)} {street}{chance.choice(['', f', {city}'])}",
            lambda: f"{self._coined()}{chance.choice(['ton', 'ville', ' Valley', 'field', ' Hills', ' Beach'])}",
            lambda: f"{chance.choice([self._word('en', 'streets'), self._coined()])} {self._word('en', 'sites')}",
        )  # fmt: skip

    def _coined(self) -> str:
        """A name that nobody and nothing has."""
        chance = self._chance
        return "".join(
            f"{chance.choice('bcdfghjklmnprstvwz')}{chance.choice(['a', 'e', 'i', 'o', 'u', 'ai', 'ea', 'oo'])}"
            for _ in range(chance.choice([1, 2, 2]))
        ).capitalize() + chance.choice(["n", "r", "s", "l", "nd", "rk", "tt", "m", "ck"])

    def _name(self) -> str:
        chance = self._chance
        given = self._word("en", "given") if chance.random() < 0.8 else self._coined()
        family = self._word("en", "family") if chance.random() < 0.7 else self._coined()
        double = f"{family}-{self._word('en', 'family')}" if chance.random() < 0.04 else family
        return self._one(lambda: given, lambda: f"{given} {double}", lambda: f"{given} {double}")

    def _person(self) -> str:
        chance = self._chance
        given, family = self._word("en", "given"), self._word("en", "family")
        if chance.random() < 0.3:
            family = self._coined()
        title = self._word("en", "titles")
        return self._one(
            lambda: given,
            lambda: f"{given} {family}",
            lambda: f"{given} {family}",
            lambda: f"{title} {family}",
            lambda: f"{title} {given} {family}",
        )

    def _product(self) -> str:
        chance = self._chance
        thing, brand = self._word("en", "things"), self._coined()
        model = f"{chance.choice('ABCDEGHKMSTXZ')}{self._digits(chance.choice([1, 2, 3]))}"
        return self._one(
            lambda: f"{brand} {thing}",
            lambda: f"{brand} {model} {thing}" if chance.random() < 0.5 else f"{brand} {model}",
            lambda: f"{self._word('en', 'colours')} {self._word('en', 'stuff')} {thing}",
            lambda: f"{brand} {self._word('en', 'stuff')} {thing}",
        )

    def _order(self) -> str:
        chance = self._chance
        letters = "".join(chance.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(chance.choice([1, 2, 2, 3])))
        return self._one(
            lambda: f"{letters}-{self._digits(self._number(4, 8))}",
            lambda: f"{letters}{self._digits(self._number(4, 9))}",
            lambda: f"#{self._digits(self._number(4, 8))}",
            lambda: self._digits(self._number(6, 12)),
            lambda: f"{letters}-{self._number(2019, 2030)}-{self._digits(self._number(3, 6))}",
            lambda: f"{self._digits(3)}-{self._digits(7)}-{self._digits(7)}",
            lambda: f"{letters}{self._digits(2)}{chance.choice('KLMXYZ')}{self._digits(self._number(2, 5))}",
        )

    def _email(self) -> str:
        chance = self._chance
        own = chance.choice([self._word("en", "given"), self._coined()]).lower()
        family = re.sub("[^a-z]", "", self._word("en", "family").lower())
        user = chance.choice(
            [own, f"{own}.{family}", f"{own[0]}{family}", f"{own}_{self._number(1, 99)}", f"{own}+{family}"]
        )
        host = chance.choice([f"{self._coined().lower()}", f"mail.{self._coined().lower()}", "example", "mail", "post"])
        return f"{user}@{host}.{chance.choice(['com', 'org', 'net', 'co.uk', 'de', 'cn', 'com.cn', 'io'])}"  # fmt: skip

    def _phone(self) -> str:
        return self._one(
            lambda: f"1{self._number(3, 9)}{self._digits(9)}",
            lambda: f"1{self._number(3, 9)}{self._digits(1)}-{self._digits(4)}-{self._digits(4)}",
            lambda: f"+44 7{self._digits(3)} {self._digits(6)}",
            lambda: f"07{self._digits(3)} {self._digits(6)}",
            lambda: f"020 {self._digits(4)} {self._digits(4)}",
            lambda: f"({self._number(201, 989)}) {self._digits(3)}-{self._digits(4)}",
            lambda: f"{self._number(201, 989)}-{self._digits(3)}-{self._digits(4)}",
            lambda: f"+1 {self._number(201, 989)} {self._digits(3)} {self._digits(4)}",
            lambda: f"+86 1{self._number(3, 9)}{self._digits(9)}",
            lambda: f"0{self._number(10, 99)}-{self._digits(8)}",
        )

    def _count_zh(self, number: int) -> str:
        """A number below a hundred in Chinese characters."""
        tens, ones = divmod(number, 10)
        if not tens:
            return _CHINESE[ones]
        return f"{_CHINESE[tens] if tens > 1 else ''}十{_CHINESE[ones] if ones else ''}"

    def _either(self, number: int) -> str:
        return str(number) if self._chance.random() < 0.6 else self._count_zh(number)

    def _date_zh(self) -> str:
        chance = self._chance
        week = chance.choice(["周", "星期", "礼拜"]) + chance.choice("一二三四五六日天")
        day = f"{self._either(self._number(1, 31))}{chance.choice('日号号')}"
        month = f"{self._either(self._number(1, 12))}月{day}"
        return self._one(
            lambda: month,
            lambda: month,
            lambda: day,
            lambda: f"{self._number(2018, 2030)}年{month}",
            lambda: chance.choice(["今天", "明天", "后天", "昨天", "前天", "大后天", "明天", "今天"]),
            lambda: f"{chance.choice(['', '下', '这', '本', '上', '下下', '这个', '下个'])}{week}",
            lambda: chance.choice(
                ["下周", "本周末", "这周末", "下个月", "月底", "上周", "周末", "国庆节", "春节", "元旦"]
            ),
            lambda: f"{self._number(2018, 2030)}-{self._number(1, 12):02}-{self._number(1, 31):02}",
            lambda: f"{self._number(1, 12)}/{self._number(1, 31)}",
        )  # fmt: skip

    def _time_zh(self) -> str:
        chance = self._chance
        part = chance.choice(["上午", "下午", "晚上", "早上", "中午", "凌晨", "傍晚", "", ""])
        hour = self._either(self._number(1, 12)) if part else self._either(self._number(1, 23))
        minute = chance.choice(["", "", "半", "一刻", f"{self._either(self._number(10, 59))}分", "整"])
        return self._one(
            lambda: f"{part}{hour}点{minute}",
            lambda: f"{part}{hour}点{minute}",
            lambda: f"{part}{'两' if chance.random() < 0.3 else hour}点{chance.choice(['', '钟'])}",
            lambda: f"{self._number(0, 23)}{chance.choice(':：')}{self._number(0, 59):02}",
            lambda: chance.choice(["中午", "午夜", "晚上", "下午", "早上"]),
        )

    def _amount_zh(self) -> str:
        chance = self._chance
        whole = chance.choice([self._number(1, 99), self._number(100, 999), self._number(1000, 99999)])
        unit = chance.choice(["元", "元", "块", "块钱", "人民币", "美元", "英镑", "欧元"])
        low = self._number(1, 20) * 50
        many = f"{_CHINESE[self._number(1, 9)]}{chance.choice('百千万')}"
        return self._one(
            lambda: f"{whole}{chance.choice(['', f'.{self._number(1, 99)}'])}{unit}",
            lambda: f"{whole}{unit}",
            lambda: f"{low}-{low + 50 * self._number(1, 4)}元",
            lambda: f"{low}{chance.choice('到至')}{low + 100}{chance.choice(['元', '块'])}",
            lambda: f"{many}{unit}",
            lambda: f"{self._count_zh(self._number(2, 99))}{unit}",
            lambda: f"{chance.choice('¥￥$')}{whole}",
        )

    def _people_zh(self) -> str:
        count = self._number(2, 20)
        said = self._chance.choice([str(count), self._count_zh(count), "两"])
        return self._one(
            lambda: f"{said}{self._chance.choice(['个人', '人', '位', '个人'])}",
            lambda: f"{said}{self._chance.choice(['个人', '人', '位', '名客人'])}",
            lambda: f"{said}个大人{self._chance.choice('一两三')}个小孩",
            lambda: f"{said}大{self._chance.choice('一两二')}小",
        )

    def _name_zh(self) -> str:
        chance = self._chance
        given = "".join(self._word("zh", "given") for _ in range(chance.choice([1, 2, 2])))
        return f"{self._word('zh', 'family')}{given}"

    def _person_zh(self) -> str:
        return self._one(self._name_zh, lambda: f"{self._word('zh', 'family')}{self._word('zh', 'titles')}")

    def _place_zh(self) -> str:
        chance = self._chance
        city = self._word("zh", "cities")
        own = "".join(self._word("zh", "place_words") for _ in range(chance.choice([2, 2, 3, 4])))
        site = self._word("zh", "sites")
        branch = f"({self._word('zh', 'branches')})" if chance.random() < 0.25 else ""
        return self._one(
            lambda: city,
            lambda: city,
            lambda: self._word("zh", "countries"),
            lambda: f"{city}{chance.choice(['市', ''])}{self._word('zh', 'districts')}",
            lambda: f"{own}{site}{branch}",
            lambda: f"{own}{site}{branch}",
            lambda: f"{own}{site}",
            lambda: f"{city}{own}{site}{branch}",
            lambda: f"{own}{chance.choice('路街道')}{self._number(1, 300)}号",
        )

    def _product_zh(self) -> str:
        brand = self._word("zh", "brands")
        thing = self._word("zh", "things")
        return self._one(
            lambda: f"{brand}{thing}",
            lambda: f"{brand}{self._word('zh', 'stuff')}{thing}",
            lambda: f"{self._word('zh', 'colours')}{self._word('zh', 'stuff')}{thing}",
            lambda: f"{brand}{self._chance.choice('ABCKMSTX')}{self._number(1, 99)}{thing}",
        )


class MarkedGrammar(Grammar):
    """The grammar of the base with values of this file in the places of its classes, marked where they stand.

    Args:
        values: Makes them.
    """

    def __init__(self, values: Values) -> None:
        super().__init__()
        self._values = values

    def marked(self, count: int, seed: int) -> Iterator[Marked]:
        """Questions in both languages."""
        for said in self.compose(count, seed):
            yield read_marks(said.english)
            yield read_marks(said.chinese)

    def _filled(
        self, line: Line, frame: tuple[str, str], drawn: Mapping[str, tuple[str, str]], chance: random.Random
    ) -> Said:
        own = {name: self._made(name) if name in _CLASSES else pair for name, pair in drawn.items()}
        return super()._filled(line, frame, own, chance)

    def _made(self, name: str) -> tuple[str, str]:
        kind = _CLASSES[name]
        return marked(kind, self._values.make(kind, "en")), marked(kind, self._values.make(kind, "zh"))


def marked(kind: str, value: str) -> str:
    """A value between marks that say its kind."""
    return f"{_OPEN}{kind}{_BETWEEN}{value}{_CLOSE}"


def read_marks(text: str, requested: Sequence[str] = ()) -> Marked:
    """The text without its marks, and the values that they stood around."""
    plain, at = "", 0
    values = []
    for match in _MARKED.finditer(text):
        plain += text[at : match.start()]
        values.append((len(plain), len(plain) + len(match[2]), match[1]))
        plain += match[2]
        at = match.end()
    return Marked(plain + text[at:], tuple(values), tuple(requested))


def lines(file: Mapping[str, Any], values: Values, count: int, chance: random.Random) -> Iterator[Marked]:
    """Utterances of ``slots.toml`` with values, in both languages."""
    for number in range(count):
        language = ("en", "zh")[number % 2]
        own = file[language]
        way = chance.random()
        requested: tuple[str, ...] = ()
        if way < _NOTHING:
            text = chance.choice(own["nothing"])
            if chance.random() < _UNRELATED:
                requested = (chance.choice(KINDS),)
        elif way < _NOTHING + _ASKED:
            kind = chance.choice(KINDS)
            requested = (kind,)
            text = chance.choice(own["asked"][kind])
        else:
            text = chance.choice(own["lines"])
            if chance.random() < _UNRELATED:
                requested = (chance.choice(KINDS),)
            if chance.random() < _JOINED:
                parts = [text, chance.choice(own["lines"] + own["nothing"])]
                chance.shuffle(parts)
                text = _between(parts[0], language) + parts[1]
        filled = _SLOT.sub(lambda slot, language=language: marked(slot[1], values.make(slot[1], language)), text)
        yield read_marks(_written(filled, language, chance), requested)


def _between(text: str, language: str) -> str:
    """The first of two utterances and what stands between them."""
    if text[-1] in "?？!！。":
        return f"{text} " if language == "en" else text
    return f"{text}. " if language == "en" else f"{text}，"


def _written(text: str, language: str, chance: random.Random) -> str:
    """As people type: with a capital or without, with a full stop or without."""
    if language == "en" and chance.random() < _CAPITAL and text[:1] != _OPEN:
        text = text[:1].upper() + text[1:]
    if text[-1:] not in ".!?。？！" and chance.random() < _CAPITAL:
        text += "." if language == "en" else "。"
    if chance.random() < _LOWER:
        text = _MARKED.sub(lambda match: marked(match[1], match[2].lower()), text.lower())
    return text


def _listed(name: str, text: str) -> list[str]:
    """Words of a list: by bars, by blanks, or, of Chinese names, by character."""
    flat = text.replace("\n", "")
    if "|" in flat:
        return [word.strip() for word in flat.split("|") if word.strip()]
    return list(text) if name in ("family", "given", "place_words") and not text.isascii() else text.split()


def main() -> None:
    """All steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, wall clock")
    parser.add_argument("--lines", type=int, default=30_000, help="utterances of slots.toml")
    parser.add_argument("--composed", type=int, default=8_000, help="questions of the grammar, in both languages")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    chance = random.Random(asked.seed)
    file = tomllib.loads(SLOTS.read_text("utf-8"))
    values = Values(file["words"], chance)
    texts = [*lines(file, values, asked.lines, chance), *MarkedGrammar(values).marked(asked.composed, asked.seed)]
    chance.shuffle(texts)
    cut = round(len(texts) * _HELD_OUT)
    own = base.shipped()
    began = time.process_time()
    trainer = TaggerTrainer(own.tokenizer, Trunk(own.weights), seed=asked.seed)
    pace = Pace(asked.epochs, time.monotonic() + 60 * asked.minutes, patience=3, variants=0)
    tagger, weights, outcome = trainer.fit(texts[cut:], texts[:cut], pace, Running(report=_told))
    write(asked.out, tagger.names, base.pack(weights))
    print(
        f"{len(texts):,} texts, {outcome.epochs} epochs, best {outcome.kept}, {time.process_time() - began:.0f} CPU s; "
        f"{asked.out.stat().st_size:,} bytes in {asked.out.name}"
    )


def _told(progress: Progress) -> None:
    print(f"  epoch {progress.epoch}: {progress.loss:.3f}, held out {progress.validation:.3f}", flush=True)


if __name__ == "__main__":
    main()
