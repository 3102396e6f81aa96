"""What a page can do and show: forms with their fields, and conversations as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from adapters.sandbox.faults import Answer, Faults, Hang, Reset, Trouble

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in: a line of text, or a choice where there are ``options``."""

    name: str
    label: str
    default: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """A button with its fields. ``run`` raises ValueError in words for whoever filled them in."""

    name: str
    title: str
    fields: tuple[Field, ...]
    run: Callable[[Form], None]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said; ``note`` says what is special about it."""

    who: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation; ``state`` is the service's own word for how it stands."""

    name: str
    state: str
    lines: tuple[Line, ...]


_RESET, _HANG = "reset the connection", "hang"
_STATUSES = ("429", "500", "502", "503")


def fault_acts(faults: Faults) -> Sequence[Act]:
    """Forms for bad days, the same for every service."""
    trouble = (
        Field("trouble", "What goes wrong", "429", (*_STATUSES, _RESET, _HANG)),
        Field("seconds", "Seconds to wait or to hang", "2"),
        Field("times", "For how many requests (empty: all)", "1"),
        Field("share", "Percent of the requests", "100"),
        Field("only", "Only where the path holds", ""),
        Field("when", "When", "before", ("before", "after")),
    )
    events = (
        Field("duplicates", "Percent delivered twice", f"{faults.duplicates:.0%}".rstrip("%")),
        Field("disorder", "Percent overtaken by the next", f"{faults.disorder:.0%}".rstrip("%")),
        Field("clock", "Minutes that the clock is ahead", f"{faults.clock / timedelta(minutes=1):g}"),
    )
    return (
        Act("trouble", "Disturb requests of the bot", trouble, lambda form: _disturb(faults, form)),
        Act("events", "Disturb events to the bot", events, lambda form: _disorder(faults, form)),
        Act("well", "All is well again", (), lambda _: faults.clear()),
    )


def number(form: Form, name: str, default: float = 0.0) -> float:
    """A number that was filled in.

    Raises:
        ValueError: If it is none, or not finite.
    """
    said = form.get(name, "").strip()
    if not said:
        return default
    try:
        found = float(said)
    except ValueError:
        raise ValueError(f"{name}: expected a number, found {said[:40]!r}") from None
    if not abs(found) < 1e9:  # infinities and NaN too
        raise ValueError(f"{name}: {said[:40]} is out of range")
    return found


def filled(form: Form, name: str) -> str:
    """A text that was filled in, without spaces around it.

    Raises:
        ValueError: If it is empty.
    """
    said = form.get(name, "").strip()
    if not said:
        raise ValueError(f"{name}: nothing was filled in")
    return said


def share(form: Form, name: str, default: float) -> float:
    """Percent that were filled in, as a share between 0 and 1."""
    return min(max(number(form, name, default), 0.0), 100.0) / 100


def _disturb(faults: Faults, form: Form) -> None:
    times = int(number(form, "times")) if form.get("times", "").strip() else None
    if times is not None and times < 1:
        raise ValueError("times: at least 1")
    faults.add(
        _trouble(form.get("trouble", ""), max(number(form, "seconds"), 0.0)),
        times=times,
        share=share(form, "share", 100),
        only=form.get("only", "").strip(),
        after=form.get("when") == "after",
    )


def _trouble(kind: str, seconds: float) -> Trouble:
    if kind == _RESET:
        return Reset()
    if kind == _HANG:
        return Hang(seconds)
    if kind not in _STATUSES:
        raise ValueError(f"trouble: expected one of {', '.join((*_STATUSES, _RESET, _HANG))}")
    return Answer(int(kind), int(seconds) if kind == "429" else None)


def _disorder(faults: Faults, form: Form) -> None:
    faults.duplicates, faults.disorder = share(form, "duplicates", 0), share(form, "disorder", 0)
    faults.clock = timedelta(minutes=number(form, "clock"))
