"""Groups of a graph whose members hold together more than chance would have it.

Blondel, Guillaume, Lambiotte, Lefebvre 2008: Fast unfolding of communities in large networks; the resolution is that of
Reichardt and Bornholdt 2006.
"""

from __future__ import annotations

import random

import numpy as np

from engine.mining.graph import Graph, Integers

RESOLUTION = 2.0
"""How much more than by chance; more of it makes more and smaller groups."""
_FEWEST = 100  # nodes that chance reckons with: among a handful, everything would seem to be near by chance
_MOST_ROUNDS = 50
_NOTHING_GAINED = 1e-12


def communities(graph: Graph, resolution: float = RESOLUTION) -> Integers:
    """The number of the group that each node is in, from 0 on; a node without edges is alone. Shape: (size,)."""
    member = np.arange(graph.size)
    whole = 2 * float(graph.weights.sum()) * max(1.0, _FEWEST / max(1, graph.size))
    while True:
        moved = _renumbered(_settled(graph, resolution / max(whole, _NOTHING_GAINED)))
        groups = int(moved.max()) + 1 if len(moved) else 0
        member = moved[member]
        if groups == graph.size:
            return member
        graph = _folded(graph, moved, groups)


def _settled(graph: Graph, share: float) -> list[int]:
    """The group of each node after every one has moved to where it belongs most, until none wants to move.

    ``share`` times the weights at two nodes is what would hold them together by chance.
    """
    links = _links(graph)
    degrees = [sum(weight for _, weight in some) for some in links]
    group, held = list(range(graph.size)), degrees.copy()
    waiting = list(range(graph.size))
    random.Random(0).shuffle(waiting)  # always the same: the same texts give the same topics
    for _ in range(_MOST_ROUNDS):
        stirred: set[int] = set()
        for node in waiting:
            own, held_here = group[node], degrees[node]
            held[own] -= held_here
            best = _best(node, links[node], group, held, share * held_here)
            held[best] += held_here
            if best != own:
                group[node] = best
                stirred.update(other for other, _ in links[node] if group[other] != best)
        if not stirred:
            break
        waiting = sorted(stirred)
    return group


def _best(node: int, links: list[tuple[int, float]], group: list[int], held: list[float], share: float) -> int:
    """The group to which a node has the most weight beyond chance; its own where no other has more."""
    own = group[node]
    weights = {own: 0.0}
    for other, weight in links:
        if other != node:
            there = group[other]
            weights[there] = weights.get(there, 0.0) + weight
    best, most = own, weights[own] - share * held[own] + _NOTHING_GAINED
    for there, weight in weights.items():
        gain = weight - share * held[there]
        if gain > most:
            best, most = there, gain
    return best


def _links(graph: Graph) -> list[list[tuple[int, float]]]:
    """The other ends of each node's edges, with their weights; an edge to itself stands twice."""
    links: list[list[tuple[int, float]]] = [[] for _ in range(graph.size)]
    ends = zip(graph.first.tolist(), graph.second.tolist(), graph.weights.tolist(), strict=True)
    for first, second, weight in ends:
        links[first].append((second, weight))
        links[second].append((first, weight))
    return links


def _folded(graph: Graph, group: Integers, size: int) -> Graph:
    """The graph of the groups: what held its members together is an edge of each group to itself."""
    ends = group[graph.first], group[graph.second]
    edges, places = np.unique(np.minimum(*ends) * size + np.maximum(*ends), return_inverse=True)
    weights = np.bincount(places, graph.weights, minlength=len(edges)).astype(np.float64)
    return Graph(size, edges // size, edges % size, weights)


def _renumbered(group: list[int]) -> Integers:
    return np.unique(np.array(group, np.int64), return_inverse=True)[1].astype(np.int64)
