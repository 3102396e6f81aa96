"""What a message gives when a value was asked for: "4512" says little by itself, and all that is needed after "what is
your order number?". And how a customer says that none of it is wanted any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from engine.checks.personal import CARD, IBAN, ID_NUMBER, PHONE
from engine.checks.personal import find as find_personal
from engine.text.normalise import clean, matching
from engine.text.stopwords import content
from engine.understand.split import asks

_LEAD = (
    r"(?:(?:sure|ok(?:ay)?|yes|yeah|well|hi|hello|sorry|no|oh|actually)[,.!:;]?\s+)*"
    r"(?:(?:it(?:'s| is| was)|that(?:'s| is| was)|this is|here (?:it is|you go|you are)|i think it(?:'s| is)|"
    r"i(?:'m| am)|(?:i|we)(?:'ve| have)? (?:bought|purchased|ordered|got)|my (?:[a-z]+ ){1,3}is|"
    r"the (?:[a-z]+ ){1,3}is|number|no|in|at|to)\b[.:,]?\s*)?"
    r"(?:(?:好的|是的|嗯+|哦|您好|你好)[，,。\s]*|[好是][，,。\s]+)?"
    r"(?:我的?)?(?:订单号?|单号|号码|编号|电话|手机号?|邮箱|名字|姓名|商品|产品)?(?:\s*(?:是|叫|为|在|买的))*[：:\s]*"
)
_TAIL = (
    r"(?:[,.]?\s*(?:\b(?:i think|please|thanks?|thank you)|谢谢|吧|的))?"
    r"(?:[,，]?\s*(?:\band |和|还有)?(?:(?:\bmy |\bthe |我的?)?"
    r"(?:\be-?mail(?: address)?|\bmail|\bphone(?: number)?|邮箱|电话|手机)(?: is|是)?|"
    r"\b(?:(?:i|we) )?(?:bought|purchased|ordered|got)(?: (?:it|them))?(?: (?:on|in|at|from|about))?|"
    r"\b(?:on|in|from)|是?买的?|是))?"
    r"[\s,.;:!，。；：！]*"
)
_CODE = r"#?\s?(?P<value>[A-Za-z]{0,4}[- ]?\d(?:[\d -]{0,18}\d)?)"
_NUMBER = r"(?P<value>\+?\d(?:[\d ()/-]{3,20}\d))"
_NAME = r"(?P<value>[^\W\d_][^\d_\n,.!?，。！？;；:：]{0,40}?)"
_ARTICLE = r"(?:(?:the|an?|my|our|one)\s+|我的|这[个件双顶]?|那[个件双顶]|一[个件双顶只])?"
_THING = rf"{_ARTICLE}(?P<value>[^\W_][^_\n,.!?，。！？;；:：]{{0,40}}?)"
_MOST_WORDS_OF_A_NAME = 4
_MOST_WORDS_OF_A_THING = 6
_LONGEST = 120  # characters
_NOT_A_NAME = re.compile(
    r"\b(?:what|why|how|when|where|who|can|could|do|does|is|are|will|don't|dont|not|no|yes|know|have|want|need|please|"
    r"order|number|help|you|your|ok|okay|sure|thanks|thank|hello|hi|hey|bye|goodbye|later|wait|moment|mind|cancel|stop|"
    r"sorry|idea|forgot|forgotten|unsure|it|that|this|me|mine|him|her|us|nothing|none|nobody|anything|dunno|idk)\b"
    r"|[吗呢么]|什么|怎么|为什么|多少|不|没有|可以|需要|订单|^(?:好|嗯|哦|行|对|是)的?$|谢谢|再见|你好|您好|算了|取消|忘|等等|稍等",
    re.IGNORECASE,
)
_WISHES = re.compile(
    r"\b(?:please|pls|plz)\b|\b(?:i|we)(?:'d| would)? (?:want|need|like|wish|wanna)\b|我想要?|我要|请?帮我|请帮",
    re.IGNORECASE,
)
_LABELS = frozenset(
    ("order", "number", "no", "name", "email", "e", "mail", "address", "phone", "mobile", "product", "code", "here")
) | frozenset("订单号码单编姓名字邮箱地址电话手机产品叫")
_WORDS_AT_ALL = re.compile(r"[^\W\d_]")

_LEFT = re.compile(
    r"^(?:(?:no|ok(?:ay)?|oh|sorry|actually|please|well|hmm|but)[,.! ]+)*"
    r"(?P<left>(?:never ?mind|forget)(?: (?:it|about it|that|(?:about )?the [a-z]+(?: [a-z]+)?))?|"
    r"cancel(?: (?:it|that|this))?|stop(?: (?:it|that))?|leave it|skip (?:it|that)|not (?:now|any ?more)|"
    r"(?:i(?:'ve| have) )?changed my mind|i don'?t (?:want|need) (?:it|that|to)(?: any ?more)?)"
    r"(?:[,.! ]+(?:please|thanks?|thank you|then|any ?more|for now|sorry))*"
    r"(?P<rest>[,.;!].*| (?:and|but|just|i'll|i will) .*|\W*)$"
    r"|^(?:那|好吧?|哦|还是|不|嗯)*[，,]?(?P<left_zh>算了|不用了|不要了|不需要了|取消吧?|先不[弄办说]了|以后再说|我?改主意了|不办了)"
    r"(?:[，,]?(?:吧|谢谢|麻烦了))*(?P<rest_zh>[，,。；;！!].*|\W*)$",
    re.DOTALL,
)


_UNKNOWN = re.compile(
    r"^(?:(?:sorry|hmm+|no|well|oh|but)[,. ]+)*(?:i )?(?:really )?(?:don'?t|do not|can'?t|cannot|could(?: not|n'?t)) "
    r"(?:know|have|find|remember|recall|see)(?: (?:it|that|one|any|my|the|this|order|number|e-?mail|address|right now|"
    r"any ?more|here|yet))*\W*$"
    r"|^(?:(?:sorry|hmm+|well|oh)[,. ]+)*(?:i have )?no (?:idea|clue)\W*$"
    r"|^(?:i )?(?:forgot|lost it|dunno|idk)(?: it)?\W*$"
    r"|^(?:抱歉|不好意思)?[，,]?我?(?:还是|真的?|也|都|现在)?(?:不知道|不记得|不清楚|记不[得住清]|想不起来|忘记?|找不[到着]|没找到|没有)"
    r"(?:了|订单号?|邮箱|号码|这个|它|啊|呀|呢)*\W*$"
)


def _shape(form: str) -> re.Pattern[str]:
    return re.compile(rf"\s*{_LEAD}{form}{_TAIL}", re.IGNORECASE)


WORDED = ("name", "person", "place", "product")
"""Slots whose values are words, with no shape that tells them from others."""
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "order_number": _shape(_CODE),
    "phone": _shape(_NUMBER),
    "amount": _shape(r"(?P<value>\d{1,9}(?:[.,]\d{1,3}){0,3})"),
    **dict.fromkeys(WORDED, _shape(_NAME)),
    "product": _shape(_THING),
}
_CHECKED = {PHONE: "phone", CARD: "card", IBAN: "iban", ID_NUMBER: "id_number"}


def _compact(value: str) -> str:
    return re.sub(r"\s", "", value)


_CLEANED: Mapping[str, Callable[[str], str]] = {"order_number": _compact, "phone": str.strip}


def requested(name: str, text: str, others: Iterable[str] = ()) -> str | None:
    """The value that a message gives for a slot that was just asked for, None where it gives none by itself.

    Only for slots whose values need no shape of their own to be told from other words; e-mail addresses and dates are
    found without being asked for.

    Args:
        name: The slot.
        text: The message.
        others: Values of other slots in it, which are none of this one.
    """
    if len(text) > _LONGEST:
        return None
    checked = next((one.text for one in find_personal(text) if _CHECKED.get(one.kind) == name), None)
    shape = _SHAPES.get(name)
    if checked is not None or shape is None:
        return checked
    rest = clean(text).replace("’", "'")
    for other in sorted(others, key=len, reverse=True):
        rest = rest.replace(other, " ")
    found = shape.fullmatch(" ".join(rest.split()))
    if found is None:
        return None
    value = _CLEANED.get(name, str.strip)(found["value"])
    if name in WORDED and not _is_name(value, _MOST_WORDS_OF_A_THING if name == "product" else _MOST_WORDS_OF_A_NAME):
        return None
    return value or None


def _is_name(value: str, words: int) -> bool:
    return bool(_WORDS_AT_ALL.search(value)) and len(value.split()) <= words and not _NOT_A_NAME.search(value)


def gives_only(text: str, values: Iterable[str]) -> bool:
    """True for a message that has these values and nothing beside them but what they are called."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, " ")
    return len(text) <= _LONGEST and _LABELS.issuperset(content(text)) and not wants_an_answer(text)


def wants_an_answer(text: str) -> bool:
    """True for a question or a request; politeness alone and "I want it sent to …" are none."""
    return asks(_WISHES.sub(" ", text))


def knows_none(text: str) -> bool:
    """True for a message that says that the value asked for is not known, or not at hand."""
    return len(text) <= _LONGEST and _UNKNOWN.match(matching(text)) is not None


def wants_no_more(text: str) -> bool:
    """True for a message that leaves what was begun, whatever else it then asks: "never mind", 算了."""
    return len(text) <= _LONGEST and _LEFT.match(matching(text)) is not None


def wants_nothing_else(text: str) -> bool:
    """True for a message that leaves what was begun and says nothing more."""
    form = matching(text)
    found = _LEFT.match(form) if len(text) <= _LONGEST else None
    rest = "" if found is None else found["rest"] or found["rest_zh"] or ""
    return found is not None and (not re.search(r"\w", rest) or wants_nothing_else(rest.strip(" ,.;!，。；！")))
