"""Which adapters are installed: names without importing, one loaded, or all with the reasons of those that fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bot.errors import AdapterError
from bot.ports import Adapter, AdapterFactory, Desk

GROUP = "attendant.adapters"


@dataclass(frozen=True, slots=True)
class Installed:
    """An installed adapter and the distribution that brought it; ``problem`` is empty when it can be loaded."""

    name: str
    package: str
    target: str
    problem: str = ""


def names() -> list[str]:
    """Names of the installed adapters; nothing is imported."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def factory(name: str) -> AdapterFactory:
    """Import one adapter.

    Raises:
        AdapterError: If it is not installed, or cannot be imported.
    """
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        raise AdapterError(f"no adapter {name!r} is installed; there are: {', '.join(names()) or 'none'}")
    if len(points) > 1:
        packages = ", ".join(sorted(point.dist.name if point.dist else "unknown" for point in points))
        raise AdapterError(f"adapter {name!r} is brought by several packages: {packages}; remove all but one")
    return _loaded(points[0])


def build(name: str, settings: Mapping[str, Any], desk: Desk) -> Adapter:
    """Import and build one adapter.

    Raises:
        AdapterError: If it is not installed, cannot be imported, or does not take its settings.
    """
    made = factory(name)
    try:
        return made(settings, desk)
    except Exception as error:
        raise AdapterError(f"adapter {name}: {error}") from error


def survey() -> Iterator[Installed]:
    """Import every adapter and say of each what it is and whether it can be used."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        try:
            _loaded(point)
        except AdapterError as error:
            yield Installed(point.name, package, point.value, str(error))
        else:
            yield Installed(point.name, package, point.value)


def _loaded(point: EntryPoint) -> AdapterFactory:
    try:
        loaded = point.load()
    except Exception as error:
        raise AdapterError(f"adapter {point.name} ({point.value}) cannot be imported: {error}") from error
    if not callable(loaded):
        raise AdapterError(f"adapter {point.name} ({point.value}) is no factory")
    made: AdapterFactory = loaded
    return made
