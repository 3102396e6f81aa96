"""Which of the configured languages a text is in.

Statistical identification of short texts is useless unless restricted to a few languages; the share of Han characters
settles English against Chinese, and that is all that is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")
_SAYS_NOTHING = re.compile(
    r"https?://[^\s\u3000-\u9fff]+|www\.[^\s\u3000-\u9fff]+|[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    r"|(?<![A-Za-z0-9-])(?=[A-Za-z-]{0,9}\d)[A-Za-z\d-]+"
)
_HAN_WEIGHT = 2.5  # one Han character says about as much as two or three letters


def han_share(text: str) -> float:
    """Share of the text that is Chinese, in [0, 1]; 0 where there is no letter at all."""
    han = len(_HAN.findall(text)) * _HAN_WEIGHT
    letters = len(_LETTER.findall(_HAN.sub("", text)))
    return han / (han + letters) if han + letters else 0.0


def detect(text: str, locales: Sequence[str], *, default: str | None = None) -> str:
    """The locale among ``locales`` that fits the script; ``default`` (else the first) where the text does not say."""
    text = _SAYS_NOTHING.sub(" ", text)  # addresses, links and codes are the same in all languages
    fallback = default if default is not None and default in locales else locales[0]
    if not _LETTER.search(text):
        return fallback
    chinese = [locale for locale in locales if locale.split("-")[0] == "zh"]
    others = [locale for locale in locales if locale not in chinese]
    wanted = chinese if han_share(text) >= 0.4 else others
    if not wanted:
        return fallback
    return fallback if fallback in wanted else wanted[0]
