"""What is known of a model beside the model itself: where it comes from, how it fared, when it was in use.

It lies beside the model and not in its manifest, so that the same data and seed give the same fingerprint whenever and
from wherever a model was made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

FILE = "card.json"
FORMAT = 1
KINDS = ("train", "finetune")


class CardError(ValueError):
    """A card that cannot be read; the registry then makes one from the model."""


@dataclass(frozen=True, slots=True)
class Card:
    """A model's origin and life.

    Times are aware UTC. ``kind`` is ``train`` or ``finetune``; ``parent`` the fingerprint of the model it was made
    from, empty for none; ``data`` that of the FAQ it learned; ``promoted_at`` when it came into use last, None for
    never; ``rejected`` says that it was found worse than the one in use.
    """

    fingerprint: str
    created: datetime
    kind: str = "train"
    parent: str = ""
    data: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    promoted_at: datetime | None = None
    rejected: bool = False
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The card as plain data, that ``card_from_json`` reads back."""
        return {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "created": self.created.isoformat(),
            "kind": self.kind,
            "parent": self.parent,
            "data": self.data,
            "metrics": dict(self.metrics),
            "promoted_at": self.promoted_at and self.promoted_at.isoformat(),
            "rejected": self.rejected,
            "note": self.note,
        }

    def to_text(self) -> str:
        """The card as it is written."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1, allow_nan=False)


def card_from_text(text: str) -> Card:
    """Read what ``Card.to_text`` wrote.

    Raises:
        CardError: If it is something else, or of another format.
    """
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise CardError(f"not a card of format {FORMAT}")
        return Card(
            fingerprint=_text(data["fingerprint"]),
            created=_moment(data["created"]),
            kind=_kind(data["kind"]),
            parent=_text(data["parent"]),
            data=_text(data["data"]),
            metrics=_table(data["metrics"]),
            promoted_at=None if data["promoted_at"] is None else _moment(data["promoted_at"]),
            rejected=bool(data["rejected"]),
            note=_text(data["note"]),
        )
    except KeyError as error:
        raise CardError(f"{error} is missing") from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise CardError(str(error)) from error


def card_of(fingerprint: str, facts: Mapping[str, Any], created: datetime) -> Card:
    """The card of a model that has none, from what its manifest says."""
    data = facts.get("knowledge")
    return Card(fingerprint, created, data=data if isinstance(data, str) else "", metrics=figures(facts))


def figures(facts: Mapping[str, Any]) -> dict[str, Any]:
    """How a model fared on the questions held out from its training, as far as its manifest says so."""
    found: Any = facts.get("training")
    found = found.get("report") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    whole = found.get("whole")
    counts = whole if isinstance(whole, Mapping) else {}
    held_out = {name: counts[name] for name in ("questions", "answered", "wrong") if name in counts}
    held_out |= {name: found[name] for name in ("coverage", "wrong_rate", "aurc") if name in found}
    return {"held_out": held_out} if held_out else {}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise CardError(f"{value!r} stands where text was expected")
    return value


def _kind(value: Any) -> str:
    if value not in KINDS:
        raise CardError(f"kind {value!r} is none of {', '.join(KINDS)}")
    return str(value)


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CardError(f"{value!r} stands where a table was expected")
    return value


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise CardError(f"{value} has no time zone")
    return found.astimezone(UTC)
