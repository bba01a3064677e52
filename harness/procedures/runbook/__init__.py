"""Runbooks as they are: a Markdown page, a page copied from a browser, or a shell script becomes steps.

What is understood stands in ``docs/runbooks.md``. Nothing is skipped silently: what is not understood is kept with its
line and what was expected, and a procedure that has any such line can't be run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.addresses import split_list
from harness.cluster import ClusterView, Node
from harness.errors import BadInput
from harness.plan import Plan
from harness.procedures import lookup
from harness.procedures.runbook import exported, source
from harness.procedures.runbook.binding import Binding, Example
from harness.procedures.runbook.commands import Call
from harness.procedures.runbook.sections import Section, sections
from harness.procedures.runbook.shell import Unclear, calls
from harness.procedures.runbook.steps import bind, target
from harness.steps import Step

__all__ = ["Runbook", "Unclear", "Written", "read", "saved"]


@dataclass(frozen=True, slots=True)
class Written:
    """A step as somebody wrote it: ``line`` and ``text`` in the file."""

    step: Step
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Runbook:
    """One procedure of the file ``name``: ``verb`` and ``node`` say what it is for."""

    name: str
    verb: str
    line: int
    node: Node
    steps: tuple[Written, ...]
    unclear: tuple[Unclear, ...]
    exported: Plan | None = None
    """The plan that ``ovnswap plan -o md`` wrote here, if it was that."""
    own: bool = False
    """Whether it is written for just this cluster, by its addresses, so that it can't be bound to another one."""

    def plan(self) -> Plan:
        """To be run. Raises :class:`BadInput` if any line is not understood."""
        if self.unclear:
            raise _not_understood(self.name, self.unclear)
        steps = tuple(written.step for written in self.steps)
        if self.exported is not None:
            return replace(self.exported, steps=steps)
        about = lookup.target(self.node)
        old, new = (about, None) if self.verb == "remove" else (None, about)
        return Plan("runbook", self.verb, old, new, steps, order=f"as {self.name} has it")


def read(data: bytes, name: str, view: ClusterView, node: str = "") -> tuple[Runbook, ...]:
    """The procedures of a file, bound to the cluster in ``view``; ``node`` is the one that they are about here.

    Raises :class:`BadInput` for what is no runbook at all, and if nothing says which node it is about.
    """
    text = source.decode(data, name)
    saved = exported.read(text, name, view)
    if saved is not None:
        plan, lines, unclear = saved
        written = tuple(Written(step, *at) for step, at in zip(plan.steps, lines, strict=True))
        return (Runbook(name, plan.verb, 1, lookup.node(view, plan.target.node), written, tuple(unclear), plan),)
    shell = source.is_shell(text, name)
    found, unclear = calls(source.parts(text, name), shell)
    commands = [part for part in found if isinstance(part, Call)]
    if not commands:
        raise _nothing(name, unclear)
    procedures = sections(found, view.label[0])
    if not procedures:
        raise _aimless(name, commands, unclear)
    example = Example.of(commands)
    bounds = [section.line for section in procedures[1:]]
    books = []
    for number, section in enumerate(procedures):
        first = 0 if number == 0 else bounds[number - 1]
        last = bounds[number] if number < len(bounds) else len(text) + 1
        own = [one for one in unclear if first <= one.line < last]
        books.append(_book(name, section, example, view, node, own, page=not shell))
    return tuple(books)


def saved(data: bytes, name: str) -> tuple[Plan, tuple[int, ...]] | None:
    """The plan that ``ovnswap plan -o md`` wrote into a file, of whatever cluster it was, and the line of each step;
    None for any other runbook.

    Raises :class:`BadInput` for what is no text, and for a section that is not as it was written.
    """
    found = exported.read(source.decode(data, name), name, None)
    if found is None:
        return None
    plan, lines, unclear = found
    if unclear:
        raise _not_understood(name, unclear)
    return plan, tuple(line for line, _ in lines)


def _not_understood(name: str, unclear: Sequence[Unclear]) -> BadInput:
    first = unclear[0]
    more = f" (and {len(unclear) - 1} more)" if len(unclear) > 1 else ""
    seen = f"{name}:{first.line}: not understood: {first.text[:120]}{more}"
    return BadInput(seen, todo=f"expected {first.expected}")


def _nothing(name: str, unclear: list[Unclear]) -> BadInput:
    todo = "name a page or a script with commands; docs/runbooks.md has what is understood"
    if not unclear:
        return BadInput(f"{name} has no commands", todo=todo)
    first = unclear[0]
    seen = f"{name}:{first.line}: none of its {len(unclear)} commands is understood, the first is {first.text[:80]}"
    return BadInput(seen, todo=f"expected {first.expected}")


def _aimless(name: str, commands: Sequence[Call], unclear: Sequence[Unclear]) -> BadInput:
    """No kick and no label: nothing tells what it is for, unless what is not understood does."""
    none = "the one command does not kick or label a node"
    if len(commands) > 1:
        none = f"none of {len(commands)} commands kicks or labels a node"
    seen = f"{name}:{commands[0].line}: {none}"
    if unclear:
        lines = f"{len(unclear)} more are" if len(unclear) > 1 else "one more is"
        seen += f", and {lines} not understood, first line {unclear[0].line}: {unclear[0].text[:80]}"
    return BadInput(seen, why="nothing tells what it is for", todo="docs/runbooks.md has what is understood")


def _book(
    name: str, section: Section, example: Example, view: ClusterView, node: str, unclear: list[Unclear], *, page: bool
) -> Runbook:
    own, kicked = target(section, example.ids)
    about = _about(name, section, own, view, node)
    address = example.nodes.get(own) or kicked
    if not address and own == about.name:
        address = about.address
    listed = split_list(lookup.central(view).env.get("NODE_IPS", ""))
    binding = Binding(view, about, own, address, example, listed)
    steps, unbound = bind(section, binding, page=page)
    written = tuple(Written(step, call.line, call.text) for step, call in steps)
    wrong = sorted([*unclear, *unbound], key=lambda one: one.line)
    theirs = example.members
    literal = bool(theirs) and not example.nodes and all(view.node_at(address) is not None for address in theirs)
    return Runbook(name, section.verb, section.line, about, written, tuple(wrong), own=literal)


def _about(name: str, section: Section, own: str, view: ClusterView, node: str) -> Node:
    if node:
        return lookup.node(view, node)
    found = view.node(own)
    if found is None:
        seen = f"{name}:{section.line}: nothing says which node it {_WORDS[section.verb]}"
        if own and re.fullmatch(r"[a-z0-9.-]+", own):
            seen = f"{name}:{section.line}: it is about {own}, which is no node of the cluster"
        raise BadInput(seen, todo=f"--node NAME: {', '.join(n.name for n in view.nodes)}")
    return found


_WORDS = {"remove": "takes out", "add": "brings in"}
