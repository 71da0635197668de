"""The second half of validation: where the nodes lead.

A flow is safe when whoever says and presses nothing still comes to an end: no circle without a key, no path that stops
in the middle, nothing played to a caller whose call is not answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from django.utils.translation import gettext as _

from routing.flows.definition import MEDIA_NODES, TERMINAL_NODES, Answer, Node, exits
from routing.flows.problems import Problem, pointer, shown


def graph_problems(start: str | None, nodes: Mapping[str, Node], broken: frozenset[str]) -> Iterator[Problem]:
    """Everything that is wrong with the graph.

    `nodes` are the ones of sound shape and `broken` names the others: nothing is known of where those lead, so that
    no node is called unreachable because of them. `start` is None when it is not a name at all.
    """
    yield from _missing_nodes(start, nodes, broken)
    yield from _keyless_loops(nodes)
    yield from _dead_ends(nodes)
    if start is not None and (start in nodes or start in broken):
        if not broken:
            yield from _unreachable(start, nodes)
        yield from _unanswered_media(start, nodes)


def _missing_nodes(start: str | None, nodes: Mapping[str, Node], broken: frozenset[str]) -> Iterator[Problem]:
    ways: list[tuple[tuple[str, ...], str]] = [(("start",), start)] if start is not None else []
    ways += [(("nodes", name, *way.path), way.target) for name, node in nodes.items() for way in exits(node)]
    for path, target in ways:
        if target not in nodes and target not in broken:
            message = _("There is no node %(name)s.") % {"name": shown(target)}
            yield Problem(pointer(path), "missing-node", message)


def _keyless_loops(nodes: Mapping[str, Node]) -> Iterator[Problem]:
    """Circles that a caller goes round without pressing a key or waiting in a queue, each told once."""
    graph = {
        name: [way.target for way in exits(node) if not way.pauses and way.target in nodes]
        for name, node in nodes.items()
    }
    while (circle := _first_circle(graph)) is not None:
        message = _("A loop that no key ends: %(way)s. A caller who presses nothing would stay in it for ever.")
        yield Problem(pointer(("nodes", circle[0])), "loop", message % {"way": _way((*circle, circle[0]))})
        for name in circle:
            del graph[name]
        graph = {name: [target for target in targets if target in graph] for name, targets in graph.items()}


def _first_circle(graph: Mapping[str, list[str]]) -> tuple[str, ...] | None:
    """The names along one circle, beginning with the one defined first; None when there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib reads the graph as predecessors, so that its circle runs backwards; its last name repeats the first.
        circle = tuple(reversed(error.args[1]))[1:]
        order = list(graph)
        first = min(range(len(circle)), key=lambda index: order.index(circle[index]))
        return circle[first:] + circle[:first]
    return None


def _dead_ends(nodes: Mapping[str, Node]) -> Iterator[Problem]:
    """Nodes from which no end can be reached whatever the caller does; a missing or broken node counts as an end."""
    ending = {name for name, node in nodes.items() if isinstance(node, TERMINAL_NODES)}
    grown = True
    while grown:
        more = {
            name
            for name, node in nodes.items()
            if name not in ending and any(way.target in ending or way.target not in nodes for way in exits(node))
        }
        grown = bool(more)
        ending |= more
    for name in nodes:
        if name not in ending:
            message = _("No path from %(name)s comes to an end (queue, hand_over or hang_up).") % {"name": shown(name)}
            yield Problem(pointer(("nodes", name)), "dead-end", message)


def _unreachable(start: str, nodes: Mapping[str, Node]) -> Iterator[Problem]:
    reached = {start}
    waiting = [start]
    while waiting:
        for way in exits(nodes[waiting.pop()]):
            if way.target in nodes and way.target not in reached:
                reached.add(way.target)
                waiting.append(way.target)
    for name in nodes:
        if name not in reached:
            message = _("Nothing leads to %(name)s.") % {"name": shown(name)}
            yield Problem(pointer(("nodes", name)), "unreachable", message)


def _unanswered_media(start: str, nodes: Mapping[str, Node]) -> Iterator[Problem]:
    """Nodes that play or listen on a call that may not be answered yet, with the shortest way there."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        node = nodes.get(name)
        if node is None or isinstance(node, Answer):
            continue
        if isinstance(node, MEDIA_NODES):
            message = _(
                "%(name)s plays to the caller, but the call may not be answered yet: %(way)s. Answer it before."
            )
            yield Problem(
                pointer(("nodes", name)), "not-answered", message % {"name": shown(name), "way": _way(ways[name])}
            )
            continue
        for way in exits(node):
            if way.target not in ways:
                ways[way.target] = (*ways[name], way.target)
                waiting.append(way.target)


def _way(names: tuple[str, ...]) -> str:
    return " → ".join(names)
