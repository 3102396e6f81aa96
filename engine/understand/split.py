"""Several questions in one message: where one ends and the next begins.

A message is cut at the ends of sentences, and inside a sentence where a comma or a joining word stands between two
clauses that both ask. What does not ask (a greeting, a story) stays with the question it leads to: it is no question
of its own.
"""

from __future__ import annotations

import re

from engine.text.normalise import matching
from engine.text.stopwords import content

MOST_PARTS = 3
LONGEST = 2000  # characters; a longer message is a letter, and is understood as a whole
_MOST_JOINTS = 30  # in one sentence; one with more is a list
_BLANKS = re.compile(r"[^\S\n]+")
_AUXILIARY = r"(?:can|could|do|does|did|is|are|was|were|will|would|should|may|don't|doesn't|isn't|aren't|can't|won't)"
_SUBJECT = r"(?:i|you|u|we|it|they|that|this|these|those|there|the|my|your|our|a|an|any|anyone|someone)"
_OPENING = (
    rf"(?:what|what's|whats|how|how's|when|when's|where|where's|who|which|why|(?:{_AUXILIARY}|has|have)\s+{_SUBJECT})"
)
# After a bare comma "which", "where" and "who" mostly begin no question: "the tent, which I bought".
_AFTER_COMMA = rf"(?:what|what's|how|why|(?:where|when|who)\s+{_AUXILIARY}|{_AUXILIARY}\s+{_SUBJECT})"
_SENTENCES = re.compile(
    r"(?<=[?？!！。；;\n])(?![?？!！。；;\s]*$)(?![?？!！。；;])"
    r"|(?<=\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bno\.)(?<!\bmr\.)(?<!\bmrs\.)(?<!\bdr\.)(?<!\bst\.)(?<!\bvs\.)(?=\s+\S)",
    re.IGNORECASE,
)
_JOINTS = re.compile(
    rf"\s*,?\s+(?:and|&|plus|but)\s+(?=(?:(?:also|then)\s+)?(?:{_OPENING}|i)\b)"
    rf"|\s*[,;]\s*(?=(?:(?:also|then|so),?\s+)?{_AFTER_COMMA}\b)"
    r"|[，、]\s*|,\s*(?=[\u4e00-\u9fff])|(?=还有(?![货没吗])|另外|顺便|以及|然后)|\s+(?=[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\?|^\W*(?:(?:hi|hello|hey|and|also|but|so|ok|okay|well|please|sorry|just|then|oh|plus|or|btw|now)\b[\s,!.]*)*"
    rf"{_OPENING}\b"
    r"|\b(?:i|we)(?:'d| would)? (?:want|need|like|wish|wanna)\b|\b(?:tell me|let me know|wondering|explain)\b"
    r"|\b(?:please|pls|plz)\b"
)
_ASKS_CHINESE = re.compile(
    r"怎么|怎样|怎麼|如何|多少|多久|多长|多大|多重|多钱|几钱|几[天时点个号元块日折]|[吗嘛么呢]\W*$|什么(?![的都也])|哪|"
    r"能不能|可不可以|可否|能否|是否|有没有|会不会|是不是|要不要|好不好|行不行|为何|谁(?![也都])|咋|啥|何时|请帮|帮我|我想|我要|想问"
)


def split(text: str) -> tuple[str, ...]:
    """The questions of a message, in order: at least two and at most ``MOST_PARTS``, or none where it is one.

    Nothing of the message is lost but what joins two questions; beyond ``MOST_PARTS`` the rest stays with the last.
    """
    if len(text) > LONGEST:
        return ()
    sentences = _SENTENCES.split(_BLANKS.sub(" ", text))
    parts = _gathered([clause for sentence in sentences for clause in _clauses(sentence)])
    if len(parts) > MOST_PARTS:
        parts = [*parts[: MOST_PARTS - 1], " ".join(parts[MOST_PARTS - 1 :])]
    return tuple(parts) if len(parts) > 1 else ()


def asks(text: str) -> bool:
    """True where a text has the form of a question or a request."""
    form = matching(text)
    return bool(_ASKS.search(form) or _ASKS_CHINESE.search(form))


def question(text: str) -> str:
    """The last sentence of a part that asks, without the story before it; the whole where none does."""
    sentences = [sentence.strip() for sentence in _SENTENCES.split(text)]
    return next((sentence for sentence in reversed(sentences) if _is_question(sentence)), text)


def _clauses(sentence: str) -> list[str]:
    """A sentence cut where both sides are questions, whole where they are not."""
    joints = [(found.start(), found.end()) for found in _JOINTS.finditer(sentence)]
    if len(joints) > _MOST_JOINTS:
        return [sentence]
    ends = [*(start for start, _ in joints[1:]), len(sentence)]
    clauses: list[str] = []
    begin = 0
    for (start, after), end in zip(joints, ends, strict=False):
        if _is_question(sentence[begin:start]) and _is_question(sentence[after:end]):
            clauses.append(sentence[begin:start])
            begin = after
    return [*clauses, sentence[begin:]]


def _gathered(clauses: list[str]) -> list[str]:
    """One text a question: what does not ask goes with the next question, after the last one with that."""
    found: list[str] = []
    lead = ""
    for clause in clauses:
        lead = f"{lead} {clause.strip()}".strip()
        if _is_question(clause):
            found.append(lead)
            lead = ""
    if lead and found:
        found[-1] = f"{found[-1]} {lead}"
    return found


def _is_question(text: str) -> bool:
    return asks(text) and bool(content(text))
