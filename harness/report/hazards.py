"""The catalogue of hazards: what catches each way to get the procedure wrong, as a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.corpus import Entry
from harness.lint import RULES
from harness.report.track_record import COMMAND

HAZARDS = range(1, 39)
"""Numbers of the catalogue (facts: kube-ovn 10)."""
BAD = {"stuck", "unsafe"}

OUTSIDE: dict[int, str] = {
    5: "a runbook's `rm -rf` takes the whole directory; what is left of it is a question of the start script's release",
    8: "it takes a start while nobody leads; a runbook is told by `NEW-FIRST` before it comes to that",
    17: "a step's id is that of its own database; a runbook is told by `ID-UNSEEN` where it does not look there first",
    19: "the leader hands over: an election and labels that are old for five seconds, and it ends well",
    20: "whom `kubectl ko` asks is not written in a procedure; our steps ask every server",
    21: "what a server answers too early; a runbook is told by `KICK-UNCONFIRMED`, P4 finds what comes too early",
    25: "the probe is green in any release; the guarded steps ask the servers, not the pod",
    27: "steps have addresses one by one and write them without blanks",
    29: "the clients of the model do not care for how long they are away; a runbook is told by `CLIENTS-AT-ONCE`",
    33: "no step copies a database: a runbook that does is not understood (code 2)",
    34: "no step restores a database: a runbook that does is not understood (code 2)",
    35: "two clusters are there before the procedure begins; every step refuses then",
    38: "a node's file system and a release's start script, whatever is typed",
}
"""Why no run of a procedure ends badly by it; tests of parts show it."""


def page(entries: Sequence[Entry]) -> str:
    """The whole page, in Markdown."""
    known = {number: entry for entry in entries for number in _numbers(entry)}
    rows = [_row(number, known[number]) for number in HAZARDS]
    caught = [number for number in HAZARDS if number not in OUTSIDE]
    return "\n".join([HEAD.format(caught=len(caught), all=len(HAZARDS), command=COMMAND), *rows, "", *_outside()])


HEAD = """# Hazards

The {all} ways to get the procedure wrong that are known, each with what catches it here. {caught} are caught in runs of
a procedure that makes the mistake: it ends `unsafe` or `stuck`, with the story, as `ovnswap gate` tells of a runbook
that has it. Each is a file of the corpus ([track-record.md](track-record.md)), replayed in every run of the tests;
`{command}` writes this page.

`lint` names the rules of `ovnswap lint` ([runbooks.md](runbooks.md)). `runs` says how a procedure with the mistake (or
the page in that situation) ends, and how the guarded one does. `parts`: bare servers and parts of the models that show
it.

| | hazard | lint | runs: with the mistake; guarded | parts |
|---|---|---|---|---|"""


def _numbers(entry: Entry) -> Iterator[int]:
    for source in entry.sources:
        match = re.fullmatch(r"hazard (\d+)", source)
        if match is not None:
            yield int(match[1])


def _row(number: int, entry: Entry) -> str:
    link = f"{entry.title} ([{entry.name}](../scenarios/corpus/{entry.name}.json))"
    return f"| {number} | {link} | {', '.join(rules(number)) or '-'} | {runs(entry)} | {_parts(entry)} |"


def rules(number: int) -> list[str]:
    """The rules of lint that name this hazard as their reason."""
    found = []
    for rule in RULES:
        match = re.search(r"hazards? ([\d, a-z]+)", rule.fact)
        if match is not None and number in _listed(match[1]):
            found.append(f"`{rule.id}`")
    return found


def _listed(text: str) -> set[int]:
    if " to " in text:
        first, last = map(int, text.split(" to "))
        return set(range(first, last + 1))
    return set(map(int, re.findall(r"\d+", text)))


def runs(entry: Entry) -> str:
    """The ends of the documented and of the guarded procedure in the entry's rehearsals."""
    ends: dict[str, dict[str, None]] = {"documented": {}, "guarded": {}}
    for replay in entry.replays:
        for one in replay.tries:
            ends[one.procedure].update(dict.fromkeys(one.ends))
    if not any(ends.values()):
        return "-"
    return "; ".join(" or ".join(found) or "-" for found in ends.values())


def _parts(entry: Entry) -> str:
    found = []
    for replay in entry.replays:
        if replay.kind == "conformance":
            found += [f"`{case}`" for case in replay.fields["cases"]]
        elif replay.kind == "test":
            found += [f"`{test.partition('::')[2]}`" for test in replay.fields["tests"]]
    return ", ".join(found) or "-"


def _outside() -> Iterator[str]:
    yield "## What no run of a procedure ends badly by\n"
    yield "Parts of the models and real servers show these; why no procedure's run does:\n"
    yield from (f"- {number}: {words}." for number, words in OUTSIDE.items())
    yield ""
