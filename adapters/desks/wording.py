"""Replies in the words of a channel without buttons."""

from __future__ import annotations

from engine.dialogue import Reply


def numbered(reply: Reply) -> str:
    """The text with its choices below it, numbered as they are answered."""
    choices = [f"{number}. {choice.text}" for number, choice in enumerate(reply.choices, start=1)]
    return "\n".join([reply.text, *choices]).strip()


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning with an ellipsis: ``longest`` characters at most."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
