"""How a message is said, where that matters more than what it says: without words, without meaning, in anger.

Two small word lists, English and Chinese, and the shapes of the keyboard. They are kept narrow on purpose: a complaint
that swears is still a question, and a word that a shop may sell is no insult.
"""

from __future__ import annotations

import re
from enum import Enum

from engine.text.features import tokens
from engine.text.normalise import matching
from engine.text.stopwords import is_chinese
from engine.understand.split import asks


class Tone(Enum):
    """What was found."""

    PLAIN = "plain"
    WORDLESS = "nothing but signs"
    MEANINGLESS = "no words of any language"
    UPSET = "anger about a matter"
    RUDE = "insults beside other words, and no question"
    HOSTILE = "nothing but insults and swearing"


_LOOKED_AT = 400  # characters; what begins as a mash of keys goes on as one
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST_RUN = 3
_FEWEST_LETTERS = 4
_FEWEST_SHOUTED = 10
_FEWEST_VOWELS = 0.2
_VOWELS = frozenset("aeiouy")
_LETTERS = re.compile(r"[^\W\d_]+")
_REPEATED = re.compile(r"([^\W\d_]{1,3}?)\1{2,}[^\W\d_]?")
_STRETCHED = re.compile(r"([^\W\d_])\1{4,}")
_CONSONANTS = re.compile(r"[b-df-hj-np-tv-xz]{5,}")
_SWEARING = re.compile(
    r"\b(?:f[u*#@v]+[c*#@]*k\w*|(?:bull)?sh[i1*!]t\w*|crap(?:py)?|wtf|damn(?:it)?|bloody hell)\b"
    r"|[他你]妈的|我[操艹]|卧槽|狗屎|什么破|破玩意"
)
_INSULTS = re.compile(
    r"\b(?:stfu|gtfo|kys|idiot(?:s|ic)?|morons?|imbeciles?|retard(?:s|ed)?|assholes?|arseholes?|bastards?|bitch(?:es)?|"
    r"cunts?|wankers?|twats?|dickheads?|dumbass\w*|scumbags?|motherf\w+)\b"
    r"|\bf[u*#@v]+[c*#@]*k (?:you|u|off|ya)\b|\b(?:screw|damn|curse) (?:you|u|off)\b|\bpiss off\b|\bshut up\b"
    r"|\bgo to hell\b|\bdrop dead\b|\b(?:you|u) suck\b|\bi hate you\b|\bkill yourself\b"
    r"|\b(?:you|u|you're|ur|this bot|such)(?: (?:are|r|is|a|an|so|just|really|totally|completely|utterly|absolutely))* "
    r"(?:stupid|dumb|useless|pathetic|worthless|rubbish|garbage|trash|incompetent|ugly)\b"
    r"|\b(?:stupid|dumb|useless|pathetic|worthless) (?:bot|robot|machine|chatbot|computer|ai|company|people|idiots?)\b"
    r"|^(?:stupid|dumb|useless|pathetic|worthless|rubbish|garbage)\W*$"
    r"|傻[逼比bx叉]|煞笔|傻子|傻瓜(?!相机|式|包)|是不是傻|白痴|脑残|智障|弱智|蠢[货猪蛋死]|笨蛋|废物|混蛋|王八蛋|狗东西|贱[人货]|"
    r"[草操艹日]你\w?|去死|闭嘴|你是猪|滚[蛋开]|^你?给?我?滚[吧啊远点!。]*$|"
    r"垃圾(?=客服|机器人|公司|网站|平台|软件|\W*$)|^你?(?:sb|2b|cnm|nmsl|tmd|nmd)\W*$"
)
_ANGER = re.compile(
    r"\b(?:i am|i'm|im|we are|we're)(?: \w+)? (?:angry|furious|livid|fed up|sick of|disgusted|outraged|pissed off)\b"
    r"|\b(?:this is|it's|it is|that's|that is)(?: \w+)? (?:ridiculous|unacceptable|outrageous|disgraceful|a disgrace|"
    r"appalling|disgusting)\b|\bwhat the hell\b|\bhow dare you\b"
    r"|\bworst (?:shop|store|service|company|experience|customer service)\b"
    r"|气死我|我\w{0,2}生气|太过分|受够了|忍无可忍|太?差劲|坑人|无语"
)
_PIECES = re.compile(r"[.,;:!\n。，；：！、]+")
_BESIDE_INSULTS = frozenset(
    word
    for line in (
        "you u ur your yours yourself youre you're are r re is was be a an the such so this that it what how who of",
        "piece pile load total totally complete completely absolute absolutely utter utterly very really just all and",
        "bot robot machine chatbot ai computer thing company shop guys people to oh my god omg hey lol ok man mate me",
        "i i'm we go get as like here off up out hell freaking bloody again always ever stupid dumb useless junk code",
    )
    for word in line.split()
)
_BESIDE_INSULTS_CHINESE = frozenset(
    "你您们我他它是个的了啊吧呀呢嘛吗真太就都这那什么东西机器人客服公司一群死破店家给很好"
)


def tone(text: str) -> Tone:
    """The tone of a message; ``PLAIN`` for nearly all of them."""
    form = matching(text[:_LOOKED_AT])
    if not any(character.isalnum() for character in form):
        return Tone.WORDLESS
    if _is_mashed(form):
        return Tone.MEANINGLESS
    decent = _SWEARING.sub(" ", _INSULTS.sub(" ", form))
    if decent != form and not _has_matter(decent):
        return Tone.HOSTILE
    if _INSULTS.search(form) and not any(map(asks, [form, *_PIECES.split(form)])):
        return Tone.RUDE
    return Tone.UPSET if decent != form or _ANGER.search(form) or _shouts(text) else Tone.PLAIN


def _has_matter(rest: str) -> bool:
    """True where more is left than the words that insults are made with."""
    for token in tokens(rest):
        if is_chinese(token):
            if not _BESIDE_INSULTS_CHINESE.issuperset(token):
                return True
        elif token not in _BESIDE_INSULTS:
            return True
    return False


def _shouts(text: str) -> bool:
    """True for a message in capitals that is cried out more than once."""
    letters = _LETTERS.findall(text)
    return "".join(letters).isupper() and sum(map(len, letters)) >= _FEWEST_SHOUTED and "!!" in text.replace("！", "!")


def _is_mashed(form: str) -> bool:
    """True where no word is one: keys pressed in a row, hardly a vowel, or the same again and again."""
    words = _LETTERS.findall(form)
    letters = "".join(words)
    if any(character.isdigit() for character in form):
        return False  # a code, a size, an order number
    if _REPEATED.fullmatch(letters):
        return True
    return len(letters) >= _FEWEST_LETTERS and all(map(_is_no_word, words))


def _is_no_word(word: str) -> bool:
    vowels = sum(letter in _VOWELS for letter in word)
    hardly_a_vowel = bool(_CONSONANTS.search(word)) and vowels <= _FEWEST_VOWELS * len(word)
    return hardly_a_vowel or bool(_STRETCHED.search(word)) or bool(_REPEATED.fullmatch(word)) or _is_run(word)


def _is_run(word: str) -> bool:
    """True for a word made of keys that lie side by side, in runs of at least three: asdf, qweqwe, lkjh."""
    at = 0
    while at < len(word):
        row = next((row for line in _ROWS for row in (line, line[::-1]) if word[at : at + _SHORTEST_RUN] in row), None)
        if row is None or len(word) - at < _SHORTEST_RUN:
            return False
        size = _SHORTEST_RUN
        while at + size < len(word) and word[at : at + size + 1] in row:
            size += 1
        at += size
    return True
