"""Where the boxes of a directed acyclic graph stand, and the ways of the lines between them.

The method is that of Sugiyama, Tagawa and Toda (1981), in four steps:

1. layers: a node stands one layer before the first that reads it, so lines are short and all point one way;
2. lines that cross layers get a lane in each; those from one node share it, and part as late as they can;
3. order in a layer: by the mean position of the neighbours, swept forth and back, the best of all sweeps is kept;
4. middles: each stands as near to the mean of its neighbours as it can, without overlap. For one layer that is a
   least-squares problem with an exact answer in linear time: isotonic regression by pooling adjacent violators.

A graph of n nodes and e lines takes O(n + e) for a sweep. Coordinates are for a picture from left to right.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter

__all__ = ["Layout", "lay_out"]

GAP = 18.0  # between boxes of a layer
LANE = 9.0  # between lines that pass a layer
BETWEEN = 46.0  # between layers
MOST_LANES = 20_000  # in all; beyond it lines take the straight way


@dataclass
class _Spot:
    """A box, or the lane where lines pass a layer."""

    layer: int
    size: float  # across the layer
    before: list[int] = field(default_factory=list)  # spots in the layer before, of what this reads
    after: list[int] = field(default_factory=list)
    middle: float = 0.0  # across the layer


@dataclass
class Layout:
    """Middle of each box, and the points of each line.

    A line is a list of points; it goes straight from the first to the second, bends to the third, goes straight to
    the fourth and so on.
    """

    boxes: list[tuple[float, float]]
    lines: list[list[tuple[float, float]]]
    width: float
    height: float


def lay_out(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Return where boxes stand, and the ways of lines.

    Parameters
    ----------
    sizes : sequence of (width, height)
        Of each box, in a topological order.
    edges : sequence of (int, int)
        From which box to which; the first stands earlier in `sizes`.
    """
    n = len(sizes)
    layer = _layers(n, edges)
    layers = max(layer, default=0) + 1
    spots = [_Spot(layer[i], sizes[i][1]) for i in range(n)]
    ways = _connect(spots, edges)
    columns: list[list[int]] = [[] for _ in range(layers)]
    for i in _depth_first(spots, n):
        columns[spots[i].layer].append(i)
    columns = _ordered(spots, columns)
    _set_middles(spots, columns)

    widths = [max((sizes[i][0] for i in column if i < n), default=0.0) for column in columns]
    lefts = [0.0, *accumulate(w + BETWEEN for w in widths)]
    lowest = min((spot.middle - spot.size / 2 for spot in spots), default=0.0)
    for spot in spots:
        spot.middle -= lowest
    boxes = [(lefts[layer[i]] + widths[layer[i]] / 2, spots[i].middle) for i in range(n)]
    lines = _lines(sizes, edges, boxes, ways, spots, lefts, widths)
    height = max((spot.middle + spot.size / 2 for spot in spots), default=0.0)
    return Layout(boxes, lines, max(lefts[-1] - BETWEEN, 0.0), height)


def _layers(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Layer of each box: one less than the least of those that read it."""
    steps = [0] * n
    for a, b in sorted(edges, key=itemgetter(1), reverse=True):
        steps[a] = max(steps[a], steps[b] + 1)
    most = max(steps, default=0)
    return [most - s for s in steps]


def _connect(spots: list[_Spot], edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Link neighbours, with a lane in each layer that a line passes; return the lanes of each edge."""
    n = len(spots)
    farthest = [spot.layer for spot in spots]
    for a, b in edges:
        farthest[a] = max(farthest[a], spots[b].layer)
    lanes_of: dict[int, list[int]] = {}
    room = MOST_LANES
    for a in range(n):
        count = farthest[a] - spots[a].layer - 1
        if count <= 0 or count > room:
            continue
        room -= count
        lanes = lanes_of[a] = list(range(len(spots), len(spots) + count))
        last = a
        for lane in lanes:
            spots.append(_Spot(spots[last].layer + 1, LANE))
            spots[last].after.append(lane)
            spots[lane].before.append(last)
            last = lane
    ways = []
    for a, b in edges:
        way = lanes_of.get(a, [])[: spots[b].layer - spots[a].layer - 1]
        last = way[-1] if way else a
        if spots[last].layer == spots[b].layer - 1:
            spots[last].after.append(b)
            spots[b].before.append(last)
        ways.append(way)
    return ways


def _depth_first(spots: list[_Spot], n: int) -> list[int]:
    """All spots in the order in which a walk from the last box meets them."""
    out: dict[int, None] = {}
    todo = list(range(n))
    while todo:
        i = todo.pop()
        if i not in out:
            out[i] = None
            todo += reversed(spots[i].before)
    return [*out, *(i for i in range(n, len(spots)) if i not in out)]


def _ordered(spots: list[_Spot], columns: list[list[int]]) -> list[list[int]]:
    small = len(spots) < 2000
    position = [0.0] * len(spots)

    def number(column: list[int]) -> None:
        for j, i in enumerate(column):
            position[i] = float(j)

    for column in columns:
        number(column)
    best, fewest = [list(column) for column in columns], _crossings(spots, columns, position) if small else 0
    for sweep in range(12 if small else 4):
        forth = sweep % 2 == 1
        for column in columns[1:] if forth else reversed(columns[:-1]):
            wish = {}
            for i in column:
                neighbours = spots[i].before if forth else spots[i].after
                wish[i] = sum(position[j] for j in neighbours) / len(neighbours) if neighbours else position[i]
            column.sort(key=wish.__getitem__)
            number(column)
        if small:
            crossings = _crossings(spots, columns, position)
            if crossings < fewest:
                best, fewest = [list(column) for column in columns], crossings
    return best if small else columns


def _crossings(spots: list[_Spot], columns: list[list[int]], position: list[float]) -> int:
    """Pairs of lines that cross: for each line those before it that end behind its end."""
    total = 0
    for column in columns:
        seen: list[float] = []  # where the lines so far end, in order
        for i in column:
            ends = [position[j] for j in spots[i].after]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _set_middles(spots: list[_Spot], columns: list[list[int]]) -> None:
    n_boxes = len(spots)
    for column in columns:
        at = 0.0
        for i in column:
            spots[i].middle = at + spots[i].size / 2
            at += spots[i].size + GAP
        for i in column:
            spots[i].middle -= at / 2
    sweeps = 14 if n_boxes < 4000 else 6
    for sweep in range(sweeps):
        forth = sweep % 2 == 0
        for column in columns if forth else reversed(columns):
            wishes, weights = [], []
            for i in column:
                spot = spots[i]
                neighbours = (
                    spot.before + spot.after if sweep >= sweeps - 2 else spot.before if forth else spot.after
                )
                if neighbours:
                    wishes.append(sum(spots[j].middle for j in neighbours) / len(neighbours))
                    weights.append(4.0 if spot.size == LANE else 1.0 + 0.1 * len(neighbours))
                else:
                    wishes.append(spot.middle)
                    weights.append(0.2)
            for i, middle in zip(column, _without_overlap(spots, column, wishes, weights)):
                spots[i].middle = middle


def _without_overlap(
    spots: list[_Spot], column: list[int], wishes: list[float], weights: list[float]
) -> list[float]:
    """Return the middles nearest to the wishes (weighted least squares) that keep order and distance."""
    offsets = [0.0]
    for i, j in zip(column, column[1:]):
        lanes = spots[i].size == LANE and spots[j].size == LANE
        offsets.append(offsets[-1] + (spots[i].size + spots[j].size) / 2 + (2.0 if lanes else GAP))
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for wish, weight, offset in zip(wishes, weights, offsets):
        mean, members = wish - offset, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_members = pools.pop()
            mean = (mean * weight + other * other_weight) / (weight + other_weight)
            weight += other_weight
            members += other_members
        pools.append((mean, weight, members))
    out = []
    for mean, _, members in pools:
        out += [mean] * members
    return [mean + offset for mean, offset in zip(out, offsets)]


def _lines(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    boxes: list[tuple[float, float]],
    ways: list[list[int]],
    spots: list[_Spot],
    lefts: list[float],
    widths: list[float],
) -> list[list[tuple[float, float]]]:
    """Points of each line; where several end at one box they arrive in the order in which they come."""
    arriving: dict[int, list[int]] = {}
    for e, (_, b) in enumerate(edges):
        arriving.setdefault(b, []).append(e)
    arrival = [0.0] * len(edges)
    for b, into in arriving.items():
        into = sorted(into, key=lambda e: spots[ways[e][-1] if ways[e] else edges[e][0]].middle)
        step = min(14.0, sizes[b][1] * 0.7 / len(into))
        for j, e in enumerate(into):
            arrival[e] = boxes[b][1] + (j - (len(into) - 1) / 2) * step
    lines = []
    for e, (a, b) in enumerate(edges):
        points = [(boxes[a][0] + sizes[a][0] / 2, boxes[a][1])]
        right = lefts[spots[a].layer] + widths[spots[a].layer]
        points.append((max(right, points[0][0]), boxes[a][1]))
        for lane in ways[e]:
            at = spots[lane]
            points.append((lefts[at.layer], at.middle))
            points.append((lefts[at.layer] + widths[at.layer], at.middle))
        points.append((lefts[spots[b].layer], arrival[e]))
        points.append((boxes[b][0] - sizes[b][0] / 2, arrival[e]))
        lines.append(points)
    return lines
