"""Texts in another language than their entry, and entries in a language that the bot does not speak.

Short texts say little about their language, and names and brands are the same in all. Only what is certain counts:
another script, or two small words of another language and none of the own one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding, Kind, Material, Severity
from engine.knowledge.entries import Entry
from engine.text.language import han_share

_WORD = re.compile(r"[^\W\d_]+")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+", re.ASCII)
_HAN = re.compile("[\u3400-\u9fff]")
_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "hi": re.compile("[\u0900-\u097f]"),
}
_ONE_SCRIPT = {"uk": "ru", "bg": "ru", "sr": "ru", "mk": "ru", "be": "ru", "fa": "ar", "ur": "ar", "mr": "hi"}
_SMALL_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the and you your is are do does did how what when where why which who can could i my we our to of it "
        "have has not with for this that be will would a an there in on at from or if me please not any",
        "de": "der die das und ich sie ihr mein meine ist sind wie was wann wo warum kann können nicht mit für ein "
        "eine einen den dem zu auf von haben habe hat wird werden es wir bei oder wenn mir mich bitte kein keine",
        "fr": "le la les et je vous votre mon ma mes est sont comment quel quelle quand où pourquoi peut puis pas avec "
        "pour un une des du ce cette avez ai nous sur dans qui que est-ce mon il elle ou si",
        "es": "el la los las y yo usted su mi es son cómo como qué cuándo cuando dónde donde puedo puede no con para "
        "un una unos por de del en está tengo tiene hay se lo al o si me que",
        "it": "il lo la gli le e io voi vostro mio mia è sono come cosa quando dove perché posso può non con per un "
        "una di del della in si ho ha avete nel alla che o se mi",
        "nl": "de het en ik u uw mijn is zijn hoe wat wanneer waar waarom kan kunnen niet met voor een op van heb "
        "heeft wordt er wij of als me bij naar dat deze",
    }.items()
}
_FEWEST_SMALL_WORDS = 2
_CERTAIN_SHARE = 0.5  # of the letters
_FEWEST_LETTERS = 2
_NAMES = {
    "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "ru": "Cyrillic letters", "el": "Greek", "ar": "Arabic letters",
    "he": "Hebrew", "th": "Thai", "hi": "Devanagari letters", "en": "English", "de": "German", "fr": "French",
    "es": "Spanish", "it": "Italian", "nl": "Dutch",
}  # fmt: skip


def mixed(material: Material) -> Iterator[Finding]:
    """Texts that are certainly in another language than their entry says."""
    for entry in material.knowledge:
        for question in entry.questions:
            other = another(question, entry.locale)
            if other:
                message = (
                    f"is in {_NAMES[other]}, and entry {entry.id} is {_called(entry)}: move it, or correct the locale"
                )
                yield material.of_question(Kind.LANGUAGE, Severity.WARNING, entry, question, message)
        other = another(entry.answer, entry.locale)
        if other:
            message = (
                f"of entry {entry.id} is in {_NAMES[other]}, and the entry is {_called(entry)}: correct the locale"
            )
            yield material.of_answer(Kind.LANGUAGE, Severity.WARNING, entry, message)


def unspoken(material: Material) -> Iterator[Finding]:
    """Languages of entries that the bot does not speak, one finding each."""
    spoken = {_base(locale) for locale in material.locales}
    for locale in dict.fromkeys(entry.locale for entry in material.knowledge):
        if spoken and _base(locale) not in spoken:
            entries = [entry for entry in material.knowledge if entry.locale == locale]
            count = "one entry has" if len(entries) == 1 else f"{len(entries):,} entries have"
            languages = ", ".join(material.locales)
            message = (
                f"{count} the locale {locale!r}, and the bot speaks {languages}: correct it, or add it to bot.locales"
            )
            yield material.of_answer(Kind.LANGUAGE, Severity.WARNING, entries[0], message)


def another(text: str, locale: str) -> str:
    """The language that a text is certainly in, where it is not that of ``locale``; else empty."""
    own = _base(locale)
    text = _LINK.sub(" ", text)
    script = _script(text)
    if own == "zh" or own in _SCRIPTS or own in _ONE_SCRIPT:
        written = _ONE_SCRIPT.get(own, own)
        if script and script not in (written, "zh" if own == "ja" else written):
            return script
        return "" if script or _has(text, written) else _by_words(text, own)
    return script or _by_words(text, own)


def _script(text: str) -> str:
    """The language whose script, other than Latin, most letters of a text have; empty for none."""
    letters = "".join(_WORD.findall(text))
    for language, pattern in _SCRIPTS.items():
        count = len(pattern.findall(letters))
        if count >= _FEWEST_LETTERS and (
            count >= _CERTAIN_SHARE * len(letters) or (language == "ja" and _HAN.search(text))
        ):
            return language
    return "zh" if len(_HAN.findall(letters)) >= _FEWEST_LETTERS and han_share(text) >= _CERTAIN_SHARE else ""


def _has(text: str, language: str) -> bool:
    pattern = _HAN if language in ("zh", "ja") else _SCRIPTS[language]
    return bool(pattern.search(text))


def _by_words(text: str, own: str) -> str:
    """The language that small words show, none of them of the own language; empty where they do not."""
    words = [word.casefold() for word in _WORD.findall(text)]
    if any(word in _SMALL_WORDS.get(own, ()) for word in words):
        return ""
    counts = {language: sum(word in small for word in words) for language, small in _SMALL_WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] >= _FEWEST_SMALL_WORDS else ""


def _base(locale: str) -> str:
    return locale.replace("_", "-").split("-")[0].casefold()


def _called(entry: Entry) -> str:
    return f"{_NAMES.get(_base(entry.locale), 'of another language')} ({entry.locale})"
