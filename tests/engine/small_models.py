"""Models of a few bytes: whole folders that nobody could answer from, which is no matter to whoever keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine import checkpoint
from engine.checkpoint import Checkpoint
from engine.models.card import Card
from engine.models.registry import Registry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_model(folder: Path, word: str, size: int = 10) -> Checkpoint:
    """A model that differs from others by its word."""
    facts = {"word": word, "knowledge": f"faq of {word}"}
    checkpoint.write(folder / f"made of {word}", {"weights.json": word.encode() * size}, facts)
    return checkpoint.read(folder / f"made of {word}")


def a_registry(folder: Path, *words: str) -> tuple[Registry, list[str]]:
    """A registry with a model for each word, a day apart; none is in use."""
    registry = Registry(folder / "models", folder / "model")
    names = [
        registry.add(a_model(folder, word), Card("", NOON + timedelta(days=number), data=f"faq of {word}"))
        for number, word in enumerate(words)
    ]
    return registry, names


def word_in(folder: Path) -> str:
    """Which model lies in a folder, every byte of it checked."""
    return str(checkpoint.read(folder).facts["word"])
