"""What a customer can ask of the bot itself, with the same words on every channel.

``/help /why /human /new /forget``
"""

from __future__ import annotations

import re
from enum import StrEnum

from engine.dialogue import Reply, Source
from storage.ports import Scope


class Command(StrEnum):
    """A command, by the word after the slash."""

    HELP = "help"
    WHY = "why"
    HUMAN = "human"
    NEW = "new"
    FORGET = "forget"


_COMMAND = re.compile(r"/([a-z]{1,32})(?:@\w{1,64})?$", re.IGNORECASE)
_FORGET = re.compile(r"/forget(?:@\w{1,64})?(?:\s+(?P<what>.*))?$", re.IGNORECASE | re.DOTALL)
_SCOPES = {
    **dict.fromkeys(
        ("conversation", "this", "this conversation", "chat", "会话", "对话", "这次对话", "本次会话"),
        Scope.CONVERSATION,
    ),
    **dict.fromkeys(("me", "all", "all about me", "everything", "我", "关于我", "全部", "一切"), Scope.PERSON),
}
_WHO = (
    r"(?:(?:an?|the|some|any|your|one of your|real|live|actual|human|proper|customer|support|service|care|sales)\s+)*"
    r"(?:person|human(?: being)?|agent|operator|representative|rep|advis[eo]r|assistant|someone|somebody|colleagues?|"
    r"staff|member of staff|manager|supervisor|people|team|(?:customer |tech(?:nical)? )?(?:support|services?|care))"
)
_PLEASE = r"(?:\s*[,.!]?\s*(?:please|pls|plz|now|asap|thanks|thank you))*"
_A_PERSON = re.compile(
    rf"(?:(?:ok|okay|hi|hello|hey|no|please|pls)[,.! ]+)*(?:(?:i\s+)?(?:want|need|would like|'d like|wanna have|get me|"
    rf"give me|call me)\s+)?(?:an?\s+)?(?:(?:real|live|actual|human)\s+)*(?:person|human(?: being)?|agent|operator|"
    rf"representative){_PLEASE}"
    r"|(?:请|麻烦|快|帮我|我要|我想要?|给我)*(?:转接?|找|换|接|叫)?(?:到|个|一下|成)?(?:人工|真人)(?:客服|服务|坐席)?(?:吧|啊|呢|谢谢|[，,]?谢谢)?",
    re.IGNORECASE,
)
_TO_A_PERSON = re.compile(
    rf"\b(?:(?:speak|talk|chat)(?:ing)?\s+(?:to|with)|connect\s+me\s+(?:to|with)|transfer\s+me\s+to|"
    rf"put\s+me\s+(?:through\s+)?(?:to|on to)|pass\s+me\s+(?:on\s+)?to|hand\s+me\s+(?:over\s+)?to|get\s+me)\s+{_WHO}\b"
    r"|转(?:接)?(?:到|给|一下|个|至)?(?:人工|真人|客服)|(?:找|要|叫|接|换)(?:一?[个位]|到)?(?:人工|真人)"
    r"|(?:和|跟|与)(?:人工|真人|客服人员)(?:客服)?(?:聊|说|谈|讲|沟通|对话)",
    re.IGNORECASE,
)
_NO_PERSON = re.compile(
    r"\b(?:don'?t|do not|didn'?t|not|never|no need|without|instead of|when|what time|hours|how (?:long|much|many|late)|"
    r"which number|phone number|already|yesterday|spoke|talked|chatted)\b"
    r"|不(?:要|用|想|需|必)|别|没|几点|什么时候|何时|多久|时间|电话|已经|刚才|昨天",
    re.IGNORECASE,
)
_LONGEST_WISH = 160  # characters
_SOURCES = {
    Source.GENERATED: "composed by the generator from this entry",
    Source.RETRIEVED: "the entry's own words",
    Source.CLARIFY: "a question back",
    Source.FIXED: "a fixed sentence",
    Source.HANDOFF: "a handoff to a person",
}


def parse(text: str) -> Command | str | None:
    """The command that ``text`` is; its text where no such command exists; None where it is no command at all."""
    found = _COMMAND.match(text.strip())
    if not found:
        return Command.FORGET if _FORGET.match(text.strip()) else None
    try:
        return Command(found.group(1).casefold())
    except ValueError:
        return found.group()


def wants_person(text: str) -> bool:
    """True for a message that asks for a person of the company in words, and not when or how one can be reached."""
    said = " ".join(text.split())
    if len(said) > _LONGEST_WISH or _NO_PERSON.search(said):
        return False
    return bool(_A_PERSON.fullmatch(said.strip(" .!?,。！？，~")) or _TO_A_PERSON.search(said))


def to_forget(text: str) -> Scope | None:
    """What ``/forget`` names: this conversation, or all of the customer's; None where it names neither."""
    found = _FORGET.match(text.strip())
    named = (found["what"] or "") if found else ""
    return _SCOPES.get(" ".join(named.casefold().split()).strip(' .!?。！？「」“”"'))


def why(reply: Reply) -> str:
    """Where a reply came from, for people: source, confidence, reason and the entries that were considered."""
    lines = [
        f"Source: {reply.provenance.source.value} ({_SOURCES[reply.provenance.source]})",
        f"Confidence: {reply.confidence:.0%}",
        f"Reason: {reply.provenance.reason}",
        f"Origin: {reply.provenance.origin}",
    ]
    if reply.candidates:
        lines.append("Considered:")
        lines += [f"  {candidate.confidence:>4.0%}  {candidate.entry}" for candidate in reply.candidates[:5]]
    return "\n".join(lines)
