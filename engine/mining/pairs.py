"""Questions and answers out of conversations.

A question is what a customer wants to know or to have done: no greeting, no thanks, no value that the agent asked for,
and nothing that leans on an earlier turn, since nobody could answer it by itself. Its answer is all that the agent then
says until the customer speaks again, beyond a mere "let me check".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.dialogue import Speaker
from engine.logs.conversation import LoggedConversation
from engine.mining.clean import advice, asks_back, is_reaction, matter, only_waits
from engine.text.language import detect, han_share
from engine.text.normalise import matching
from engine.text.stopwords import content
from engine.understand.follow_up import is_follow_up
from engine.understand.split import asks, question, split
from engine.understand.tone import Tone, tone

_LONGEST_QUESTION = 300  # characters; of a letter only the sentence that asks is looked at
_LONGEST_ANSWER = 4000
_FEWEST_WORDS = 2  # content words of an opening that does not ask: "my card has not arrived"
_FEWEST_CHARACTERS = 4  # the same of Chinese
_ASKING = re.compile(
    r"[?？]|^(?:(?:and|but|so|also|then) )?(?:what|how|when|where|who|which|why|can|could|do|does|did|is|are|will|"
    r"would|should|may)\b|[吗嘛呢]\W*$|怎么|怎样|如何|多少|多久|什么|哪|几点|能不能|可不可以|可以.*吗|有没有|是不是|是否|为何"
)
_OFFERING = re.compile(
    r"\b(?:help|assist|do for you|anything else|something else|what else|any other|else (?:can|may))\b"
    r"|帮|还有|需要什么|服务"
)
_LEANING = re.compile(r"\b(?:its|their|theirs|another|else|others?)\b|它的|他们的|[这那](?:家|款|里|边)|别的|其他|其它")
_WORTHLESS = (Tone.WORDLESS, Tone.MEANINGLESS, Tone.HOSTILE)


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its answer, empty where none was given.

    ``conversation`` tells conversations apart; ``outcome`` is what the bot did with the question, empty in a log of
    people.
    """

    question: str
    answer: str
    conversation: int
    locale: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What conversations hold: pairs, how many conversations and messages of customers were read, and how many
    questions were ``leaning`` on an earlier turn and so left out.
    """

    pairs: tuple[Pair, ...]
    conversations: int
    messages: int
    leaning: int


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What the agent had said, what the customer then said, and what the agent said to that."""

    before: str
    said: str
    told: str


def gather(conversations: Iterable[LoggedConversation], locales: Sequence[str]) -> Gathered:
    """The pairs of conversations, which are read one after the other and not kept.

    Args:
        conversations: Conversations between customers and people.
        locales: Languages to choose from for each question.
    """
    pairs: list[Pair] = []
    read = messages = leaning = 0
    for conversation in conversations:
        for place, exchange in enumerate(_exchanges(conversation)):
            found = questions(exchange.said, exchange.before, opening=place == 0)
            alone = [text for text in found if place == 0 or not leans(text)]
            leaning += len(found) - len(alone)
            told = _answer(exchange.told) if alone else ""
            pairs.extend(Pair(text, told, read, detect(text, locales)) for text in alone)
        messages += sum(logged.turn.speaker is Speaker.CUSTOMER for logged in conversation.turns)
        read += 1
    return Gathered(tuple(pairs), read, messages, leaning)


def leans(text: str) -> bool:
    """True for a later question that nobody could answer without knowing what was said before it."""
    return is_follow_up(text) or bool(_LEANING.search(matching(text)))


def questions(said: str, before: str = "", *, opening: bool = True) -> list[str]:
    """The questions and requests in what a customer said, without what is around them.

    Args:
        said: All that the customer said before the agent spoke again.
        before: What the agent had said; what follows a question of the agent is an answer unless it asks.
        opening: Whether the conversation begins with it: then a story without any question counts too.
    """
    core = matter(said)
    if not core or tone(core) in _WORTHLESS:
        return []
    answering = asks_back(_last_line(before)) and not _OFFERING.search(matching(_last_line(before)))
    return [
        text
        for text in (_short(part) for part in split(core) or (core,))
        if text and _is_question(text, answering=answering, opening=opening)
    ]


def _is_question(text: str, *, answering: bool, opening: bool) -> bool:
    form = matching(text)
    words = [word for word in content(form) if not word.isdigit()]
    if not words or is_reaction(form):
        return False
    if answering:
        return bool(_ASKING.search(form))
    few = _FEWEST_CHARACTERS if han_share(form) > 0.5 else _FEWEST_WORDS
    return asks(text) or bool(_ASKING.search(form)) or (opening and len(words) >= few)


def _short(part: str) -> str:
    """A part of a message as a question; of a letter the sentence that asks, empty where even that is long."""
    text = part if len(part) <= _LONGEST_QUESTION else question(part)
    return " ".join(text.split()) if len(text) <= _LONGEST_QUESTION else ""


def _answer(told: str) -> str:
    text = advice(told)
    return "" if asks_back(text) or len(text) > _LONGEST_ANSWER else text


def _exchanges(conversation: LoggedConversation) -> Iterator[_Exchange]:
    """The turns of a conversation by whose turn it was; what only waits is joined with what comes after it."""
    before = said = told = ""
    for speaker, text in _runs(conversation):
        if speaker is not Speaker.CUSTOMER:
            told = f"{told}\n{text}".strip()
        elif said and only_waits(told) and not matter(text):
            continue  # "ok", said while the agent looks it up
        else:
            if said:
                yield _Exchange(before, said, told)
            before, said, told = told, text, ""
    if said:
        yield _Exchange(before, said, told)


def _runs(conversation: LoggedConversation) -> Iterator[tuple[Speaker, str]]:
    """What one side said until the other spoke, a line a turn."""
    lines: list[str] = []
    speaking: Speaker | None = None
    for logged in conversation.turns:
        speaker = Speaker.CUSTOMER if logged.turn.speaker is Speaker.CUSTOMER else Speaker.AGENT
        if speaking is not None and speaker is not speaking:
            yield speaking, "\n".join(lines)
            lines = []
        speaking = speaker
        lines.append(logged.turn.text)
    if speaking is not None:
        yield speaking, "\n".join(lines)


def _last_line(text: str) -> str:
    """The last sentence of what an agent said."""
    ends = re.split(r"(?<=[.!?。！？])\s*|\n", text.strip())
    return next((end for end in reversed(ends) if end.strip()), "")
