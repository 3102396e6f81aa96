"""Content words: what is left of a text without the words that every question has."""

from __future__ import annotations

from engine.text.features import tokens

STOP_WORDS = frozenset(
    word
    for line in (
        "a an the this that these those it its i me my mine we us our you your he she they them there here who whom",
        "am is are was were be been being do does did done have has had having can could will would shall should may",
        "might must to of in on at by for from with about as into and or but if then than so too also just really very",
        "what which when where why how much many any some one ones thing things please sorry thanks thank hello hi hey",
        "yes no not ok okay well im ive id ll ve re s t d m don doesn didn isn aren can't cannot",
        "want need like know tell ask get got mean meant let say think would'd wanna gonna give",
    )
    for word in line.split()
)
STOP_CHARACTERS = frozenset(
    "的了是在和我们您你请可以会就也都吗呢吧啊呀哦嗯这那个什么怎样么如何多少几有没为想要问一下能不把给让被它他她"
)


def content(text: str) -> tuple[str, ...]:
    """Content words of a text in its matching form, in order; of Chinese, single characters."""
    found: list[str] = []
    for token in tokens(text):
        if is_chinese(token):
            found.extend(character for character in token if character not in STOP_CHARACTERS)
        elif token not in STOP_WORDS:
            found.append(token)
    return tuple(found)


def is_chinese(word: str) -> bool:
    """True for a word, as ``tokens`` gives it, of Chinese characters."""
    return "\u3400" <= word[0] <= "\u9fff" or "\uf900" <= word[0] <= "\ufaff"
