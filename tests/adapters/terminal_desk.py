"""A small desk, a bot that is told what to say, and a way to read the screen as lines of text."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from adapters.tui.app import TerminalApp
from adapters.tui.line import Line
from bot.testing import RecordingDesk
from engine.dialogue import Choice, ConversationKey, Message, Provenance, Reply, Source, Speaker, Turn
from storage.ports import Delivery, StoredTurn

KEY = ConversationKey("terminal", "default")
HOSTILE = {
    "closing tag": "price [/b] now",
    "action": "[@click=app.quit]click me[/]",
    "link": "[link=https://example.org]x[/link]",
    "variables": "$name [$primary]x[/] \\[b] {0} %s",
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07a\x1b]8;;https://example.org\x1b\\b",
    "clear": "\x1b[2J\x1bc\x9b2J\x9d0;owned\x9cx",
    "controls": "".join(map(chr, range(32))) + "\x7f" + "".join(map(chr, range(0x80, 0xA0))) + "x",
    "surrogates": "\ud83d x \udc00",
    "bidi": "\u202eabc\u202c \u2066def\u2069 \u200f مرحبا שלום",
    "wide": "您好！订单会在两个工作日内发出，满三百元免运费" * 8,
    "emoji": "👨‍👩‍👧‍👦 🏳️‍🌈 ❤️ 🇬🇧 1️⃣ " * 20,
    "marks": "a" + "\u0301" * 3_000,
    "no spaces": "x" * 3_000,
    "lines": "a\n" * 500,
    "breaks": "a\r\nb\rc\u2028d\u2029e\x85f\x0bg\x0ch",
    "tabs": "a\tb\t\tc",
    "blank": " \n\t ",
}


def a_delivery(key: ConversationKey, text: str) -> Delivery:
    return Delivery(1, key, "k" * 64, a_reply(text), 0, "m1")


class SmallDesk(RecordingDesk):
    """A desk with what it is given."""

    def __init__(
        self,
        history: Sequence[StoredTurn] = (),
        *,
        name: str = "Fern",
        ready: str = "",
        remembered: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.memory = list(remembered)
        self.name = name
        self.ready = ready
        self._history = history

    def history(self, key: ConversationKey, *, limit: int) -> Sequence[StoredTurn]:
        return self._history[-limit:] if key == KEY else ()

    def remembered(self, key: ConversationKey) -> Sequence[str]:
        return self.memory if key == KEY else ()

    def say(self, wording: str, locale: str | None = None) -> str:
        return f"{wording}: I am {self.name}." if locale is None else f"{wording} ({locale}): I am {self.name}."


class Bot:
    """Keeps what it heard, and answers; ``open`` holds the answers back while it is clear."""

    def __init__(self, answer: Callable[[str], Reply] | None = None) -> None:
        self.heard: list[Message] = []
        self.open = asyncio.Event()
        self.open.set()
        self._answer = answer if answer is not None else lambda text: a_reply(f"answer to {text}")

    async def handle(self, message: Message) -> Reply:
        self.heard.append(message)
        await self.open.wait()
        return self._answer(message.text)

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.heard]

    def heard_last(self, text: str) -> bool:
        return self.texts[-1:] == [text]


def a_reply(
    text: str,
    source: Source = Source.RETRIEVED,
    *,
    entry: str | None = "delivery-cost-uk",
    choices: Iterable[str] = (),
    confidence: float = 0.93,
) -> Reply:
    offered = tuple(Choice(f"entry-{number}", choice) for number, choice in enumerate(choices))
    handed = source is Source.HANDOFF
    return Reply(text, Provenance(source, "the origin", "a reason"), confidence, entry, offered, handoff=handed)


def turns(*said: str | Reply | Turn) -> list[StoredTurn]:
    """A history: texts are the customer's, replies the bot's."""
    at = datetime(2025, 1, 1, tzinfo=UTC)
    stored = []
    for position, what in enumerate(said):
        if isinstance(what, Reply):
            stored.append(StoredTurn(position, Turn(Speaker.BOT, what.text), at, str(position), what))
        else:
            turn = Turn(Speaker.CUSTOMER, what) if isinstance(what, str) else what
            stored.append(StoredTurn(position, turn, at, str(position)))
    return stored


def an_app(bot: Bot, desk: SmallDesk | None = None) -> TerminalApp:
    return TerminalApp(desk if desk is not None else SmallDesk(), KEY, bot.handle)


async def write(app: TerminalApp, text: str) -> None:
    """Put ``text`` on the line the way typing does, and send it."""
    line = app.query_one(Line)
    line.insert_text_at_cursor(text)
    await line.action_submit()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until ``condition`` holds; what never comes is an error."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what a screen shows raises no event
            await asyncio.sleep(0.02)


def screen(app: TerminalApp) -> list[str]:
    """The screen, one text for each row, without the space at the end of rows."""
    rows: dict[int, str] = {}
    for x, row, text in re.findall(
        r'<text class="[^"]*" x="([\d.]+)"[^>]*clip-path="url\(#[^"]*-line-(\d+)\)">([^<]*)</text>',
        app.export_screenshot(simplify=True),
    ):
        before = rows.get(int(row), "")
        rows[int(row)] = before.ljust(round(float(x) / 12.2)) + html.unescape(text).replace("\xa0", " ")
    return [rows.get(row, "").rstrip() for row in range(app.size.height)]


def shows(app: TerminalApp, text: str) -> bool:
    """Whether ``text`` stands on the screen; bars and where lines break make no difference."""
    return _bare(text) in _bare("".join(screen(app)))


def _bare(text: str) -> str:
    return "".join(text.replace("▌", "").split())
