"""The list of models in a SQL database: rows of it as values, and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete
from sqlalchemy.dialects import postgresql, sqlite

from storage.ports import StoredModel
from storage.rows import aware, safe, storable
from storage.schema import models


def put_model(connection: Connection, model: StoredModel) -> None:
    """Write a model, in place of the row of the same fingerprint if there is one.

    Raises:
        ValueError: If a time has no zone, or a number cannot be said in JSON.
    """
    row = as_row(model)
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    changed = {name: value for name, value in row.items() if name != "fingerprint"}
    wanted = dialect.insert(models).values(row).on_conflict_do_update(index_elements=["fingerprint"], set_=changed)
    connection.execute(wanted)


def drop_model(connection: Connection, fingerprint: str) -> bool:
    """Remove a model from the list; False where it was not there."""
    gone = connection.execute(delete(models).where(models.c.fingerprint == safe(fingerprint)))
    return gone.rowcount > 0


def as_row(model: StoredModel) -> dict[str, Any]:
    """The columns of a model."""
    return {
        "fingerprint": safe(model.fingerprint),
        "created": aware(model.created),
        "kind": safe(model.kind),
        "parent": safe(model.parent),
        "data": safe(model.data),
        "metrics": storable(model.metrics),
        "status": safe(model.status),
        "promoted_at": None if model.promoted_at is None else aware(model.promoted_at),
        "note": safe(model.note),
    }


def from_row(row: Row[Any]) -> StoredModel:
    """A model as it was written; figures that are no table any more are left out."""
    return StoredModel(
        fingerprint=row.fingerprint,
        created=row.created,
        kind=row.kind,
        parent=row.parent,
        data=row.data,
        metrics=row.metrics if isinstance(row.metrics, dict) else {},
        status=row.status,
        promoted_at=row.promoted_at,
        note=row.note,
    )
