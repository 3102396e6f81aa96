"""Whether a message leans on the one before it, and which offered choice it takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from engine.dialogue import Choice
from engine.text.features import tokens
from engine.text.language import han_share
from engine.text.normalise import matching
from engine.text.stopwords import content, is_chinese

_OPENING = re.compile(
    r"^(?:(?:and|but|or|so|also|then|ok(?:ay)?|what about|how about|what if|same for|"
    r"does (?:it|that|this)|is (?:it|that|this)|can (?:it|that|i))\b|"
    r"那么?|还有|另外|如果|要是|万一|而且|可是|但是?|好的?,)",
)
_POINTING = re.compile(
    r"\b(?:it|that|this|they|them|those|these|one|ones|there|instead)\b|它|这个|那个|这些|那些|这种|那种|这样|那样"
)
_ENDING = re.compile(r"(?:呢|too|either|as well|instead)[?？.。!！]?$")
_BACK = re.compile(
    r"^(?:(?:ok(?:ay)?|so|well|anyway|thanks|thank you|and|but|now)[,.! ]+)*"
    r"(?:(?:can|could|let'?s|let us|shall|may) ?(?:we|i)? ?)?"
    r"(?:go(?:ing)?|come|coming|get|getting)? ?back to (?P<what>.+)$"
    r"|^(?:好的?|那|对了)?[，,]?(?:我们)?(?:回到|再说说?|接着说|继续说|刚才(?:说的|问的|那个)?)(?P<was>.+)$"
)
_VALUES = {
    "duration": (
        re.compile(r"\bhow (?:long|many days)\b(?! (?:have|can|do|may|must|should) (?:i|we)\b)|多久|多长时间|几天"),
        re.compile(
            r"\d[^.。]{0,12}?(?:minutes?|hours?|days?|weeks?|months?|years?|分钟|小时|天|工作日|周|个月|年)", re.I
        ),
    ),
    "amount": (
        re.compile(r"\bhow much\b|\bwhat (?:does|do|would|will) (?:it|that|this|they) cost\b|多少钱|多贵"),
        re.compile(r"[£€$¥￥]\s?\d|\d\s?(?:pounds?|euros?|dollars?|英镑|欧元|美元|元)", re.I),
    ),
}
_BESIDE_VALUES = frozenset(
    word
    for line in (
        "long take takes taking last lasts cost costs days usually normally roughly then",
        *"久长时间天钱贵到花费大概一般通常约",
    )
    for word in line.split()
)
_MOST_WORDS = 12
_MOST_CHARACTERS = 18
_CARDINALS: dict[str, int] = {
    word: place
    for place, words in enumerate(("0 zero 零", "1 one 一", "2 two 二 两", "3 three 三", "4 four 四", "5 five 五",
                                   "6 six 六", "7 seven 七", "8 eight 八", "9 nine 九", "10 ten 十"))
    for word in words.split()
}  # fmt: skip
_ORDINALS: dict[str, int] = {
    word: place
    for place, words in enumerate(("1st first", "2nd second", "3rd third", "4th fourth", "5th fifth", "6th sixth",
                                   "7th seventh", "8th eighth", "9th ninth"), 1)
    for word in words.split()
}  # fmt: skip
_LEAD = r"(?:(?:i mean|i meant|i want|i'd like|i choose|i'll take|it's|its|yes|please|我[要选想]|选|要|是)[, ]*)?"
_TAIL = r"(?:[, ]*(?:please|pls|thanks|thank you|吧|谢谢|呢|的))?\W*$"
_PLACE = re.compile(
    rf"(?:no\.? ?|number |option |#|第)?(?P<cardinal>{'|'.join(reversed(_CARDINALS))})(?:个|项|条)?"
    rf"|(?:the )?(?P<ordinal>{'|'.join(_ORDINALS)})(?: one| option)?"
    r"|(?:the )?(?P<last>last|最后)(?: one| option|一?个|一?项|那[个项])?"
)
_WHERE = re.sub(r"\?P<\w+>", "?:", _PLACE.pattern)
_NUMBER = re.compile(rf"^{_LEAD}((?:{_WHERE})(?: ?(?:,|、|and|&|\+|和|跟) ?(?:{_WHERE}))*){_TAIL}")
_ALL = re.compile(rf"^{_LEAD}(?:both|all|both of them|all of them|all three|(?:两|三|全)?个?都[要想是]?|全部){_TAIL}")
_YES = re.compile(rf"^(?:yes|yeah|yep|yup|that one|exactly|correct|right|是|是的|对|对的|没错|嗯+){_TAIL}")
_NONE = re.compile(
    r"^(?:no(?:[, ]+no)*|nope|nah|nothing|(?:no,? )?(?:none|neither)|not (?:these|those|any))"
    r"(?: of (?:these|them|those|the above))?\W*$|^(?:都|全)?(?:不是|不对|没有)\W*$|^不\W*$"
)
_SAME_WORDS = 88
_MOST_NAMING = 8
_LOOKED_AT = 40  # questions of an entry
_SHORTEST_TYPED_WRONG = 4
_TYPED_WRONG = 82
_SHORTEST_ORDINAL = 5
_NEAR_ORDINAL = 80
_BESIDE_ORDINALS = frozenset({"the", "one", "option", "please", "pls"})


def is_follow_up(text: str) -> bool:
    """True for a short message that opens, points or ends as a follow-up does."""
    form = matching(text)
    long = len(form) > _MOST_CHARACTERS if han_share(form) > 0.5 else len(tokens(form)) > _MOST_WORDS
    return not long and bool(_OPENING.search(form) or _POINTING.search(form) or _ENDING.search(form))


def asks_for_a_value_in(text: str, answer: str) -> bool:
    """True for a follow-up that asks how long or how much, names nothing of its own, and finds that in an answer.

    "And how long does that take?" after an answer with "4-6 working days" is about that answer, whatever else takes
    long in the same words.
    """
    if any(word not in _BESIDE_VALUES for word in content(text)):
        return False
    form = matching(text)
    return any(asked.search(form) and there.search(answer) for asked, there in _VALUES.values())


def goes_back_to(text: str) -> str | None:
    """What a message goes back to, such as "the refund" in "back to the refund"; None for one that does not."""
    found = _BACK.match(matching(text))
    return None if found is None else (found["what"] or found["was"])


def beside_the_choices(text: str, offered: Sequence[Choice]) -> bool:
    """True for a number that none of the offered choices has, and for a yes that does not say to which."""
    form = matching(text)
    return bool(_NUMBER.match(form) or _YES.match(form)) and not chosen(text, offered)


def takes_none(text: str) -> bool:
    """True where the customer says that nothing of what was offered is meant."""
    return bool(_NONE.match(matching(text)))


def chosen(text: str, offered: Sequence[Choice]) -> tuple[Choice, ...]:
    """The choices that a message takes by their numbers or by all their words; none where it takes none.

    A yes takes the only choice there is; "both" and "all" take all of them.
    """
    form = matching(text)
    found = _NUMBER.match(form)
    if found:
        places = dict.fromkeys(_place(one, last=len(offered)) for one in _PLACE.finditer(found.group(1)))
        there = all(1 <= place <= len(offered) for place in places)
        return tuple(offered[place - 1] for place in places) if there else ()
    if _ALL.match(form) or (len(offered) == 1 and _YES.match(form)):
        return tuple(offered)
    place = _typed_wrong(form)
    if place and place <= len(offered):
        return (offered[place - 1],)
    best = max(offered, key=lambda choice: fuzz.ratio(form, matching(choice.text)), default=None)
    if best is not None and fuzz.ratio(form, matching(best.text)) >= _SAME_WORDS:
        return (best,)
    return ()


def _place(found: re.Match[str], *, last: int) -> int:
    if found["last"]:
        return last
    return _CARDINALS[found["cardinal"]] if found["cardinal"] else _ORDINALS[found["ordinal"]]


def _typed_wrong(form: str) -> int:
    """The place that a misspelt ordinal by itself stands for ("the frist one"), 0 for anything else."""
    words = [word for word in tokens(form) if word not in _BESIDE_ORDINALS]
    if len(words) != 1 or len(words[0]) < _SHORTEST_ORDINAL:
        return 0
    near = max(_ORDINALS, key=lambda ordinal: fuzz.ratio(words[0], ordinal))
    return _ORDINALS[near] if fuzz.ratio(words[0], near) >= _NEAR_ORDINAL else 0


def named(text: str, offered: Sequence[Choice], questions: Sequence[Sequence[str]]) -> Choice | None:
    """The choice that a few words name, such as "the refund one"; None where they name none, or two alike.

    Every content word must occur in the choice or in other questions of its entry, typing errors aside; the choice in
    which they are the most usual is named, if they are less than half as usual in every other.

    Args:
        text: The message.
        offered: The choices.
        questions: For each choice the questions of its entry.
    """
    words = content(text)
    if not 1 <= len(words) <= _MOST_NAMING or not offered:
        return None
    usual = [min(_share(word, choice, own) for word in words) for choice, own in zip(offered, questions, strict=True)]
    order = sorted(range(len(offered)), key=lambda place: -usual[place])
    second = usual[order[1]] if len(order) > 1 else 0.0
    return offered[order[0]] if usual[order[0]] > 2 * second else None


def _share(word: str, choice: Choice, questions: Sequence[str]) -> float:
    """1 for a word of the choice itself, else the share of the entry's questions that have it."""
    if _has(choice.text, word):
        return 1.0
    looked_at = questions[:_LOOKED_AT]
    return sum(_has(question, word) for question in looked_at) / len(looked_at) if looked_at else 0.0


def _has(text: str, word: str) -> bool:
    return any(_alike(word, other) for other in content(text))


def _alike(word: str, other: str) -> bool:
    """True for the same word, another ending of it, or one with a typing error."""
    if word == other or len(word) < _SHORTEST_TYPED_WRONG or is_chinese(word):
        return word == other
    stem = min(len(word), len(other))
    return (stem >= _SHORTEST_TYPED_WRONG and word[:stem] == other[:stem]) or fuzz.ratio(word, other) >= _TYPED_WRONG
