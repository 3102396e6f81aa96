"""Links and e-mail addresses that differ in one character: one of both is most likely mistyped.

Nothing is compared with everything: two addresses that differ in one character have in common what one deletion leaves
of them, so that a table of these brings them together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from rapidfuzz.distance import OSA

from engine.checks.alike import shortened
from engine.checks.finding import Finding, Kind, Material, Severity, named, place
from engine.knowledge.entries import Entry
from engine.knowledge.template import values_in

_PART = re.compile(r"[^/.@?&=#:]+")
_SHORTEST_PART = 4  # characters: /en and /es are two languages, and no typing error
_LONGEST = 300
_MOST_TOGETHER = 50  # addresses that share what is left: beyond they are numbered, and nobody mistyped them


def mistyped(material: Material) -> Iterator[Finding]:
    """Addresses in answers that differ in one character from another one there, at the one that is rarer."""
    users: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in material.knowledge:
        for value in values_in(entry.answer):
            if is_address(value):
                users[value][entry.id] = entry
    for one, other in sorted(_pairs(users)):
        rare, usual = sorted((one, other), key=lambda value: (len(users[value]), value))
        yield _finding(material, rare, usual, users)


def is_address(value: str) -> bool:
    """True for a link or an e-mail address among the values of an answer."""
    return "://" in value or "@" in value or value[:4].casefold() == "www."


def differ_in_one(one: str, other: str) -> bool:
    """True where one character is other, more, less or in another place, and the two are not two on purpose.

    On purpose are other digits, short parts such as ``/en``, capitals, a slash at the end.
    """
    one, other = one.casefold().rstrip("/"), other.casefold().rstrip("/")
    if one == other or OSA.distance(one, other, score_cutoff=1) != 1:
        return False
    if {_scheme(one), _scheme(other)} == {"http", "https"}:
        return True
    parts = zip(_PART.findall(one), _PART.findall(other), strict=False)
    changed = next((pair for pair in parts if pair[0] != pair[1]), None)
    if changed is None:
        return False
    same_letters = re.sub(r"\d", "", changed[0]) == re.sub(r"\d", "", changed[1])
    return not same_letters and min(map(len, changed)) >= _SHORTEST_PART


def _scheme(address: str) -> str:
    return address.partition("://")[0]


def _pairs(addresses: Collection[str]) -> set[tuple[str, str]]:
    known, again = set[int](), set[int]()
    for address in addresses:
        parts = _parts(address)
        again |= parts & known
        known |= parts
    together: dict[int, set[str]] = defaultdict(set)  # only of what two share: of most parts there is one
    for address in addresses:
        for part in _parts(address) & again:
            together[part].add(address)
    found: set[tuple[str, str]] = set()
    for group in together.values():
        if len(group) <= _MOST_TOGETHER:
            found.update(pair for pair in combinations(sorted(group), 2) if differ_in_one(*pair))
    return found


def _parts(address: str) -> set[int]:
    """What one deletion leaves of an address, as numbers, which take less room than so many texts."""
    return {hash(part) for part in shortened(address.casefold().rstrip("/")[:_LONGEST])}


def _finding(material: Material, rare: str, usual: str, users: Mapping[str, Mapping[str, Entry]]) -> Finding:
    entry, other = next(iter(users[rare].values())), next(iter(users[usual].values()))
    where = f"{named(list(users[usual]))}{place(material.origins.answers.get(other.id))}"
    message = f"{rare} in entry {entry.id} differs in one character from {usual} in {where}: is one of them mistyped?"
    return material.of_answer(Kind.LINK, Severity.WARNING, entry, message)
