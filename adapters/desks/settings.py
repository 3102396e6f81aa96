"""The settings that desks have beside those of every channel."""

from __future__ import annotations

import re

from adapters.shared.table import Table


class Settings(Table):
    """The table of a desk. Every method raises ``ValueError`` where a setting is of no use."""

    def identifier(self, name: str, default: str | None = None) -> str:
        """An id, written as a text or a number."""
        value = self.take(name, default)
        found = str(value) if type(value) is int else self.text(name, default)
        if not re.fullmatch(r"[\w.-]*", found, re.ASCII):
            raise ValueError(f"{name} must be an id of letters and digits, not {found!r}")
        return found

    def base_url(self, name: str, default: str | None = None, *, allow_private: bool) -> str:
        """The address of an API, without a slash at its end."""
        return self.url(name, default, private=allow_private).rstrip("/")
