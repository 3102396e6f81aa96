"""Small honest fakes: an engine that reads from a table, stores that fail on demand, an adapter that says its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

from bot.ports import Handle
from engine.dialogue import Candidate, Choice, Message, Provenance, Reply, Source, Speaker, Turn
from engine.knowledge.entries import Knowledge
from engine.memory import WorkingMemory
from engine.ports import Response, Say
from storage.errors import Unavailable
from storage.in_memory import InMemoryStore
from storage.ports import Delivery, UnitOfWork

PERSON = "a person please"
BOTH = "both"


class TableEngine:
    """Answers what stands in ``faq``; asks back at ``both``, passes on at ``a person please``, else says it is unsure.

    It keeps the promises of ``Engine``: nothing is held between two messages, and the memory that it returns has heard
    both turns. ``thought`` lists the texts it was asked, in order.
    """

    def __init__(self, faq: Mapping[str, str], say: Say, *, before: Callable[[str], None] = lambda _text: None) -> None:
        self.faq = dict(faq)
        self.knowledge = Knowledge(())
        self.thought: list[str] = []
        self._say = say
        self._before = before

    def respond(
        self,
        text: str,
        memory: WorkingMemory,
        *,
        heard: datetime | None = None,  # noqa: ARG002 - the engine's signature
        locale: str | None = None,
        deadline: float | None = None,  # noqa: ARG002 - the engine's signature
    ) -> Response:
        """Answer one message, after what ``before`` does."""
        self.thought.append(text)
        self._before(text)
        memory = memory.hear(Turn(Speaker.CUSTOMER, text)).offer(())
        if text in self.faq:
            answer = self.faq[text]
            where = Provenance(Source.RETRIEVED, text, "in the table")
            candidates = (Candidate(text, answer, 0.9),)
            return Response(
                answer, where, 0.9, _told(memory.push_topic(text), answer), entry=text, candidates=candidates
            )
        if text == BOTH:
            choices = tuple(Choice(name, name) for name in self.faq)
            asked = self._say("clarify", locale)
            where = Provenance(Source.CLARIFY, "arbiter", "both would fit")
            return Response(asked, where, 0.4, _told(memory.offer(choices), asked), choices=choices)
        if text == PERSON:
            said = self._say("handoff", locale)
            return Response(
                said, Provenance(Source.HANDOFF, "person", "for a person"), 0.9, _told(memory, said), handoff=True
            )
        said = self._say("unsure", locale)
        return Response(said, Provenance(Source.FIXED, "arbiter", "nothing fits"), 0.1, _told(memory, said))


def _told(memory: WorkingMemory, text: str) -> WorkingMemory:
    return memory.hear(Turn(Speaker.BOT, text))


class FailingStore(InMemoryStore):
    """A store whose next ``failures`` commits fail as when the disk is full."""

    def __init__(self, failures: int = 1) -> None:
        super().__init__()
        self.failures = failures

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Begin a transaction that may not be committed."""
        with super().write() as work:
            if self.failures:
                self.failures -= 1
                work.commit = _full  # type: ignore[method-assign]
            yield work


def _full() -> None:
    raise Unavailable("the disk is full")


class RacedStore(InMemoryStore):
    """A store in which somebody else writes first, as often as ``rivals`` has something to do."""

    def __init__(self, rivals: Sequence[Callable[[InMemoryStore], None]]) -> None:
        super().__init__()
        self._rivals = list(rivals)

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Begin a transaction, after the next rival's."""
        if self._rivals:
            self._rivals.pop(0)(self)
        with super().write() as work:
            yield work


class Lines:
    """A channel that says its messages one after the other, keeps the replies, and then does what ``then`` does."""

    name = "lines"

    def __init__(self, messages: Sequence[Message] = (), *, then: Callable[[], object] = lambda: None) -> None:
        self.messages = list(messages)
        self.replies: list[Reply] = []
        self.sent: list[Delivery] = []
        self.is_open = False
        self._then = then

    async def __aenter__(self) -> Self:
        """Open it."""
        self.is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.is_open = False

    async def serve(self, handle: Handle) -> None:
        """Say the lines."""
        for message in self.messages:
            self.replies.append(await handle(message))
        self._then()

    async def send(self, delivery: Delivery) -> None:
        """Keep what was sent unasked."""
        self.sent.append(delivery)
