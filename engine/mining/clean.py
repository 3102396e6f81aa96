"""What of a turn is the matter: without greeting, thanks, waiting and farewell."""

from __future__ import annotations

import re

from engine.text.language import han_share
from engine.text.normalise import matching
from engine.text.sentences import sentences
from engine.text.stopwords import content

_GREETING = re.compile(
    r"^(?:(?i:hi|hello|hey|hiya|dear|greetings|good (?:morning|afternoon|evening|day))\b"
    r"(?i: there| all| team| everyone| sir| madam)*(?:(?: [A-Z][\w.'-]*){1,3}(?=\s*[,!.:\n]|\s*$))?[\s,!.:~-]*"
    r"|(?:您好|你好|亲爱的|亲(?=[,，。!！~\s])|嗨|哈喽|早上好|下午好|晚上好)[呀啊哦呢]?[\s,，。!！~:：]*)"
)
_LEAD = re.compile(
    r"^(?:(?i:yes|yeah|yep|no|nope|ok|okay|sure|great|perfect|alright|all right|fine|thanks|thank you|well|oh|hmm+|um+)"
    r"(?: (?i:then|thanks|please|so much|very much))*\s*[,.!;:-]+\s*|(?:好的?|嗯+|行|是的|对|那好)[,，。!！\s]+)"
)
_INTRODUCTION = re.compile(
    r"^(?:(?i:my name is|my name's|i am|i'm|im|this is) [A-Z][^\W\d_]+(?: [A-Z][^\W\d_]+)?(?: here)?(?:\s*[,.!]+\s*|$)"
    r"|我(?:叫|的名字是)[\u4e00-\u9fff]{2,4}[,，。.!！]\s*)"
)
_TAIL = re.compile(
    r"(?<![\s,.;!，。！-])[\s,.;!，。！-]*+"
    r"(?:\b(?i:(?:many )?thanks|thank you|thx|cheers)(?i: in advance| so much| very much| a lot| again)*"
    r"|(?<=[\s,，。！])(?:谢谢|多谢|感谢|麻烦)[您你了啦啊]*)[\s.!。！~]*$"
)
_THANKS = re.compile(r"^(?:many )?(?:thanks?|thx|cheers|sorry|apologies)\b(?! to\b)|^(?:谢谢|多谢|感谢|抱歉|不好意思)")
_WAITING = re.compile(
    r"\b(?:let me (?:just )?(?:check|see|look|find)|(?:one|just a|a) (?:moment|second|minute|sec)|please (?:wait|hold)|"
    r"bear with me|i(?:'ll| will) (?:just )?(?:check|look|have a look|find out)|i am checking|hold on)\b"
    r"|稍等|请等|等一下|(?:查|看|核实|确认)一下|查询中"
)
_CLOSING = re.compile(
    r"\b(?:anything|something|what) (?:else|more)\b|\bany (?:other|more|further) (?:help|questions?|assistance)\b"
    r"|\b(?:how|what) (?:can|may|could) (?:i|we) (?:help|assist|do)\b|\b(?:need|require) (?:more|further) help\b"
    r"|^(?:have|enjoy) (?:a|an|the|your) |\byou(?:'re| are) (?:very |most )?welcome\b|\bmy pleasure\b|\bno problem\b"
    r"|^thank(?:s| you) for\b|\b(?:happy|glad) (?:to|i could) (?:help|assist|be of)\b|^(?:good)?bye\b|^take care\b"
    r"|\bmy name is \w+\W*$|还有(?:什么|其他|别的)|不客气|祝[您你]|感谢[您你]|很高兴为|再见|有什么(?:可以|能)"
)
_SIGNATURE = re.compile(
    r"^\W*(?:(?:with )?(?:best|kind|warm|many)(?: \w+)? regards|regards|sincerely|yours (?:truly|sincerely|faithfully)|"
    r"best wishes|-- ?$|此致|敬礼)",
    re.IGNORECASE,
)
_REACTIONS = frozenset(
    word
    for line in (
        "yeah yep yup nope sure great good perfect fine nice cool wonderful awesome excellent lovely super alright",
        "right correct exactly sounds sound works work true absolutely definitely certainly indeed course fantastic",
        "nothing else more all everything now moment today later bye goodbye done help helping helped assistance again",
        "appreciate enough day bunch lot confirm confirmed agree agreed happy glad wait waiting understood see",
        "looks look excuse goodnight night welcome hiya dear morning afternoon evening thx cheers happens hmm oh wow",
        "understand amazing brilliant interesting suits only care problem",
    )
    for word in line.split()
)
_CHINESE_REACTION = re.compile(
    r"(?:好|好的|好滴|嗯|行|可以|是|是的|对|对的|没错|知道了?|明白了?|了解|收到|没有了?|没事了?|不用了?|不需要|谢谢[您你]?|多谢|"
    r"麻烦[您你]?了|辛苦了?|再见|拜拜|太好了?|不错|在吗|你好|您好|[了吧啊呀哦的啦,，。!！~\s])+"
)
_LONGEST_FILLER = 14  # words; a longer sentence says something beside being kind
_LONGEST_CHINESE_FILLER = 22  # characters
_LOOKED_AT = 20_000  # characters of what one side said
_FORMULA = tuple("=+-@\t\r")


def matter(text: str) -> str:
    """What a customer wrote, without greeting, thanks and mere reactions; empty where nothing else is there."""
    kept = [sentence.strip() for sentence in sentences(_ungreeted(text)) if not is_reaction(sentence)]
    said = _joined(kept)
    while (shorter := _LEAD.sub("", _INTRODUCTION.sub("", _GREETING.sub("", said)))) != said:
        said = shorter
    return _TAIL.sub("", said).strip() if said else ""


def advice(text: str) -> str:
    """What an agent wrote, without greeting, waiting, farewell and signature; empty where nothing else is there."""
    lines: list[str] = []
    for line in _ungreeted(text).split("\n"):
        if lines and _SIGNATURE.match(line):
            break
        kept = [sentence.strip() for sentence in sentences(line) if not _is_filler(sentence)]
        if kept:
            lines.append(_joined(kept))
    return "\n".join(lines)


def asks_back(text: str) -> bool:
    """True where every sentence is a question: an agent who wants to know something and tells nothing."""
    found = sentences(text)
    return bool(found) and all(sentence.strip().endswith(("?", "？")) for sentence in found)


def only_waits(text: str) -> bool:
    """True where an agent asked for patience and said nothing else."""
    return not advice(text) and bool(_WAITING.search(matching(text)))


def is_reaction(text: str) -> bool:
    """True for a yes, thanks, praise or greeting without any matter of its own."""
    form = matching(text)
    if han_share(form) > 0.5:
        return len(form) <= _LONGEST_CHINESE_FILLER and bool(_CHINESE_REACTION.fullmatch(form))
    return all(word in _REACTIONS or word.isdigit() for word in content(form)) or (
        bool(_THANKS.match(form)) and "?" not in form and _is_short(form)
    )


def cell(text: str) -> str:
    """The text for a spreadsheet: what it would take for a formula begins with a blank, which reading takes away."""
    return f" {text}" if text.startswith(_FORMULA) else text


def _ungreeted(text: str) -> str:
    return _GREETING.sub("", text[:_LOOKED_AT].strip(), count=1).strip()


def _is_filler(sentence: str) -> bool:
    form = matching(_GREETING.sub("", sentence.strip()))
    waits_or_closes = bool(_WAITING.search(form) or _CLOSING.search(form) or _THANKS.match(form))
    return not form or (waits_or_closes and _is_short(form)) or (is_reaction(form) and not _has_number(form))


def _is_short(form: str) -> bool:
    if han_share(form) > 0.5:
        return len(form) <= _LONGEST_CHINESE_FILLER
    return len(form.split()) <= _LONGEST_FILLER and not _has_number(form)


def _has_number(form: str) -> bool:
    return any(character.isdigit() for character in form)


def _joined(parts: list[str]) -> str:
    """Sentences side by side again; Chinese ones need no blank between them."""
    text = ""
    for part in parts:
        gap = "" if not text or text.endswith(("。", "！", "？", "；")) else " "
        text = f"{text}{gap}{part}"
    return text
