"""What went wrong, in words for whoever typed the command, with the exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator

from bot.cli.output import say
from bot.errors import BotError
from engine.errors import EngineError, KnowledgeError
from storage.errors import StorageError

FAILED = 1
INTERRUPTED = 130
READER_GONE = 141
DEBUG_VARIABLE = "ATTENDANT_DEBUG"


def report(error: BaseException) -> int:
    """Say on standard error what happened, and return the exit code.

    With ATTENDANT_DEBUG=1 the traceback comes first. An interrupt and a reader that went away (``| head``)
    are no failures of ours: they give the codes that a shell gives them, and the latter says nothing.
    """
    leaves = list(_leaves(error))
    if any(isinstance(leaf, BrokenPipeError) for leaf in leaves):
        _let_go_of_output()
        return READER_GONE
    if os.environ.get(DEBUG_VARIABLE) == "1":
        say("".join(traceback.format_exception(error)).rstrip())
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        say("attendant: interrupted")
        return INTERRUPTED
    for leaf in leaves:
        say(f"attendant: {in_words(leaf)}")
    _let_go_of_output()
    return FAILED


def in_words(error: BaseException) -> str:
    """One error as a sentence; several problems of a file as a list."""
    if isinstance(error, KnowledgeError) and len(error.problems) > 1:
        return f"{len(error.problems)} problems:\n" + "\n".join(f"  {problem}" for problem in error.problems)
    if isinstance(error, EngineError | StorageError | BotError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror[:1].lower() + error.strerror[1:]
        return f"{error.filename}: {reason}" if error.filename else reason
    first = next(iter(str(error).splitlines()), "")
    known = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return f"unexpected trouble ({known}); {DEBUG_VARIABLE}=1 in front of the command shows where it comes from"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _let_go_of_output() -> None:
    """Send to nowhere what could not be written, or the interpreter would complain about it at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        except OSError:
            return
