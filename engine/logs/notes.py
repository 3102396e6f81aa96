"""What a reader met on its way through a file: what is wrong, what is odd, what was left out."""

from __future__ import annotations

from engine.errors import KnowledgeError, Problem

MOST_PROBLEMS = 200
LONG = 5_000  # characters; nobody writes so much in a chat, and nobody reads it there


class Notes:
    """Collects, for one file, problems and warnings with their places, and counts what was left out by its reason."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.left_out: dict[str, int] = {}
        self._long: set[str] = set()

    def wrong(self, line: int, column: str, message: str) -> None:
        """Note what makes the file unusable.

        Raises:
            KnowledgeError: At one problem more than are shown: reading on would help nobody.
        """
        if len(self.problems) == MOST_PROBLEMS:
            more = f"and more; only the first {MOST_PROBLEMS} problems are shown, the rest of the file is unread"
            raise KnowledgeError([Problem(self.file, line, "", more)])
        self.problems.append(Problem(self.file, line, column, message))

    def odd(self, line: int, column: str, message: str) -> None:
        """Note what may be a mistake, though it can be used; what is beyond the most that are shown is counted."""
        if len(self.warnings) < MOST_PROBLEMS:
            self.warnings.append(Problem(self.file, line, column, message))
        else:
            self.leave("further remarks, not shown")

    def leave(self, reason: str, count: int = 1) -> None:
        """Count something that is left out for a reason that lies in the format, such as a private note."""
        self.left_out[reason] = self.left_out.get(reason, 0) + count

    def measure(self, text: str, line: int, column: str) -> None:
        """Note a text that is too long to be a reply in a chat, where it first stands; it is kept."""
        if len(text) >= LONG and text not in self._long:
            self._long.add(text)
            message = f"has {len(text):,} characters; it is kept, but a short answer with a link serves a chat better"
            self.odd(line, column, message)
