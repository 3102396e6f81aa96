"""Composing in rounds: nobody waits for company, everybody gets their own, whatever happens to the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from engine.errors import GenerationError
from engine.knowledge.entries import Entry
from engine.memory import WorkingMemory
from engine.ports import Context, Generation
from engine.seq2seq.batching import Rounds


def a_context(question: str) -> Context:
    return Context(question, WorkingMemory(), Entry("e", ("q",), "a"))


class Echo:
    """Composes the question, after what ``before`` does; ``sizes`` are those of the rounds."""

    fingerprint = "f"

    def __init__(self, before: Callable[[Sequence[Context]], None] = lambda _contexts: None) -> None:
        self.sizes: list[int] = []
        self.deadlines: list[float | None] = []
        self._before = before
        self._one = threading.Lock()

    def generate(self, contexts: Sequence[Context], *, deadline: float | None = None) -> list[Generation | None]:
        assert self._one.acquire(blocking=False), "two rounds at once"
        try:
            self.sizes.append(len(contexts))
            self.deadlines.append(deadline)
            self._before(contexts)
            return [Generation(context.question, 0.9, True) for context in contexts]
        finally:
            self._one.release()


def asked(rounds: Rounds, questions: Sequence[Sequence[str]], **more: float) -> dict[int, object]:
    """What each of several threads gets, all at once: texts, or the error."""
    found: dict[int, object] = {}
    ready = threading.Barrier(len(questions))

    def ask(place: int) -> None:
        ready.wait()
        try:
            made = rounds.generate([a_context(question) for question in questions[place]], **more)
            found[place] = [one.text if one else None for one in made]
        except GenerationError as error:
            found[place] = error

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == len(questions)
    return found


def test_one_alone_is_served_at_once() -> None:
    echo = Echo()
    assert asked(Rounds(echo), [["hello", "and you?"]]) == {0: ["hello", "and you?"]}
    assert echo.sizes == [2]


def test_many_at_once_share_rounds_and_get_their_own() -> None:
    echo = Echo(lambda _contexts: time.sleep(0.02))
    questions = [[f"{place}.{number}" for number in range(1 + place % 3)] for place in range(40)]
    assert asked(Rounds(echo, most=8), questions) == dict(enumerate(questions))
    assert max(echo.sizes) <= 8
    assert len(echo.sizes) < 40
    assert sum(echo.sizes) == sum(map(len, questions))


def test_more_than_fit_in_a_round_are_a_round_of_their_own() -> None:
    echo = Echo()
    assert asked(Rounds(echo, most=2), [["a", "b", "c"]]) == {0: ["a", "b", "c"]}


def test_an_error_reaches_those_of_its_round_alone_and_the_next_goes_on() -> None:
    def choke(contexts: Sequence[Context]) -> None:
        time.sleep(0.01)
        if any(context.question == "poison" for context in contexts):
            raise GenerationError("cannot")

    rounds = Rounds(Echo(choke), most=1)
    found = asked(rounds, [["poison"], ["a"], ["b"]])
    assert isinstance(found[0], GenerationError)
    assert (found[1], found[2]) == (["a"], ["b"])
    assert asked(rounds, [["c"]]) == {0: ["c"]}


def test_who_is_late_before_it_begins_gets_nothing_and_holds_up_nobody() -> None:
    echo = Echo()
    assert asked(Rounds(echo), [["a"]], deadline=time.monotonic() - 1) == {0: [None]}
    assert echo.sizes == []


def test_nobody_is_cut_short_by_the_deadline_of_somebody_else() -> None:
    echo, far = Echo(lambda _contexts: time.sleep(0.05)), time.monotonic() + 100
    rounds = Rounds(echo)
    threads = [
        threading.Thread(target=rounds.generate, args=([a_context("x")],), kwargs={"deadline": deadline})
        for deadline in (far, far + 1, far + 2, None)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.005)
    for thread in threads:
        thread.join(30)
    assert echo.deadlines == [far, None]


def test_nothing_to_compose_is_nothing() -> None:
    assert Rounds(Echo()).generate([]) == []


@pytest.mark.parametrize("most", [1, 3, 16])
def test_under_a_long_load_nobody_is_forgotten(most: int) -> None:
    echo = Echo()
    rounds, found = Rounds(echo, most=most), []

    def ask(place: int) -> None:
        for number in range(50):
            (made,) = rounds.generate([a_context(f"{place}.{number}")])
            found.append(made is not None and made.text == f"{place}.{number}")

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [True] * 400
