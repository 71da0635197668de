"""Is this JSON a flow that can be put on a number: every problem at once, or the definition."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.utils.translation import gettext as _

from routing.flows.definition import (
    Announce,
    CallBack,
    Digits,
    FlowDefinition,
    HandOver,
    Language,
    Menu,
    Node,
    Queue,
    parse_definition,
    parse_node,
    prompts,
)
from routing.flows.graph import graph_problems
from routing.flows.media import RecordedSound
from routing.flows.problems import Problem, Severity, pointer, shown
from routing.flows.schema import MAX_NODES
from routing.flows.shape import flow_problems, node_problems, unstorable_problems

MAX_JSON_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What a flow may name, as its tenant has it now.

    `languages` are those that the tenant serves its callers in, `spoken` those that the speech engine has a voice for;
    `services` are pairs of tenant slug and entry point code that this tenant may hand over to.
    """

    queues: Collection[str]
    services: Collection[tuple[str, str]]
    sounds: Collection[str]
    languages: Collection[str]
    spoken: Collection[str]


@dataclass(frozen=True, slots=True)
class FlowReport:
    """The outcome: all problems, and the flow unless one of them is an error."""

    problems: tuple[Problem, ...]
    definition: FlowDefinition | None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.WARNING)


class FlowUnreadable(ValueError):
    """The text is not JSON that a flow could be; `problem` says where it breaks."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem("", code, message)


def read_flow_json(raw: str | bytes) -> object:
    """Reads JSON as a person typed or sent it; raises FlowUnreadable.

    Stricter than `json.loads`: a name given twice in one object is refused, since the first would be lost unseen.
    """
    size = len(raw.encode(errors="surrogatepass") if isinstance(raw, str) else raw)
    if size > MAX_JSON_BYTES:
        words = {"size": size, "limit": MAX_JSON_BYTES}
        raise FlowUnreadable("too-large", _("The flow has %(size)d bytes; at most %(limit)d are allowed.") % words)
    try:
        return json.loads(raw, object_pairs_hook=_object_without_repeats)
    except json.JSONDecodeError as error:
        message = _("This is not JSON: line %(line)d, column %(column)d: %(reason)s.") % {
            "line": error.lineno,
            "column": error.colno,
            "reason": error.msg,
        }
        raise FlowUnreadable("not-json", message) from error
    except UnicodeDecodeError as error:
        raise FlowUnreadable("not-json", _("This is not JSON in UTF-8.")) from error
    except RecursionError as error:
        raise FlowUnreadable("not-json", _("This JSON is nested too deeply.")) from error


def validate_flow(data: object, references: References) -> FlowReport:
    """Checks shape, graph and references of a flow and builds it when nothing forbids that.

    The problems come in the order of the rules: frame, nodes, graph, references; warnings are among them.
    """
    problems = [*flow_problems(data), *unstorable_problems(data)]
    raw_nodes = data.get("nodes") if isinstance(data, Mapping) else None
    if isinstance(data, Mapping) and isinstance(raw_nodes, Mapping) and len(raw_nodes) <= MAX_NODES:
        nodes: dict[str, Node] = {}
        for name, raw_node in raw_nodes.items():
            wrong = node_problems(name, raw_node)
            problems += wrong
            if not wrong:
                nodes[name] = parse_node(raw_node)
        start = data.get("start")
        broken = frozenset(raw_nodes) - nodes.keys()
        problems += graph_problems(start if isinstance(start, str) else None, nodes, broken)
        for name, node in nodes.items():
            problems += _reference_problems(name, node, references)
    if any(problem.severity is Severity.ERROR for problem in problems):
        return FlowReport(tuple(problems), None)
    return FlowReport(tuple(problems), parse_definition(cast(Mapping[str, Any], data)))


def _reference_problems(name: str, node: Node, references: References) -> Iterator[Problem]:
    path = ("nodes", name)
    match node:
        case Queue() | CallBack() if node.queue is not None and node.queue not in references.queues:
            message = _("There is no queue %(code)s.") % {"code": shown(node.queue)}
            yield Problem(pointer((*path, "queue")), "unknown-queue", message)
        case HandOver() if (node.tenant, node.service) not in references.services:
            words = {"tenant": shown(node.tenant), "service": shown(node.service)}
            message = _("There is no service %(service)s of %(tenant)s to hand over to.") % words
            yield Problem(pointer((*path, "service")), "unknown-service", message)
        case Language():
            yield from _language_problems(node.language, (*path, "language"), references)
        case Announce() | Menu() | Digits():
            yield from _prompt_problems(node, path, references)


def _prompt_problems(node: Node, path: tuple[str, ...], references: References) -> Iterator[Problem]:
    for field, prompt in prompts(node):
        where = (*path, *field)
        if isinstance(prompt, RecordedSound):
            if prompt.name not in references.sounds:
                message = _("There is no sound %(name)s.") % {"name": shown(prompt.name)}
                yield Problem(pointer(where), "unknown-sound", message)
            continue
        for language in prompt.texts:
            yield from _language_problems(language, (*where, language), references)
        for language in references.languages:
            if language not in prompt.texts:
                message = _("There is no text in %(language)s; callers who chose it hear another language.")
                yield Problem(pointer(where), "missing-text", message % {"language": shown(language)}, Severity.WARNING)


def _language_problems(language: str, path: tuple[str, ...], references: References) -> Iterator[Problem]:
    words = {"language": shown(language), "spoken": ", ".join(sorted(references.spoken))}
    if language not in references.spoken:
        message = _("No voice speaks %(language)s; the voices speak %(spoken)s.") % words
        yield Problem(pointer(path), "no-voice", message)
    elif language not in references.languages:
        message = _("%(language)s is not among the tenant's languages.") % words
        yield Problem(pointer(path), "foreign-language", message, Severity.WARNING)


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            message = _("%(name)s is given twice in the same object.") % {"name": shown(name)}
            raise FlowUnreadable("given-twice", message)
        found[name] = value
    return found
