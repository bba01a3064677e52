"""The track record: every known failure of the corpus with what became of it here, as a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from harness.corpus import BACKENDS, PROCEDURES, Entry

COMMAND = "make track-record"
Reproduced = Mapping[str, Mapping[str, str]]
"""Entry -> backend -> the day (ISO) on which it was replayed there last, as it should be."""

_ISSUE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)#(?P<number>\d+)")
_COMMIT = re.compile(r"ovs (?P<commit>[0-9a-f]{9})")
_MEANING = (
    ("rehearsal", "the procedure is run with the mistake or the fault, and ends as it should"),
    ("conformance", "bare servers, real ones of up to three releases and the modelled ones, reply as they should"),
    ("test", "tests of this repository bring it about"),
    ("proof", "the configuration model breaks, or does not, within bounds"),
    ("runbook", "the runbook is linted and run"),
)


def page(entries: Sequence[Entry], reproduced: Reproduced) -> str:
    """The whole page, in Markdown."""
    shown = [entry for entry in entries if entry.replays]
    hidden = [entry for entry in entries if not entry.replays]
    on = {name: sum(name in entry.backends() for entry in shown) for name in BACKENDS}
    parts = [
        HEAD.format(shown=len(shown), all=len(entries), sim=on["sim"], ovsdb=on["ovsdb"], command=COMMAND),
        "| known failure | what it is | found by | documented | guarded | replayed on | last reproduced |",
        "|---|---|---|---|---|---|---|",
        *(_row(entry, reproduced.get(entry.name, {})) for entry in shown),
        "\n## What is not survived\n",
        *_not_survived(shown),
        "\n## What can't be shown here\n",
        "| known failure | what it is | why not |",
        "|---|---|---|",
        *(f"| {_sources(entry)} | {entry.title} | {entry.why} |" for entry in hidden),
        FORMAT,
        *(f"| `{kind}` | {words} |" for kind, words in _MEANING),
        FIELDS,
    ]
    return "\n".join(parts)


HEAD = """# Track record

Known failures of ovn-central's membership, and what replays them here: {shown} of {all} are replayed, {sim} on the
models and {ovsdb} on real `ovsdb-server` processes, in every run of the tests. Each is a file in `scenarios/corpus/`;
`{command}` replays them and writes this page.

`documented` and `guarded` are the ends of a rehearsal ([rehearsals.md](rehearsals.md)) in the same situation: `unsafe`
and `stuck` are bad, `done` and `refused` (with a reason) are good. Where the documented column has a mistake in it,
hands made it; the guarded procedure is typed by ovnswap and can't be mistyped.
"""

FORMAT = """
## A file of the corpus

`title`, `sources` (issues, `ovs` and a commit, `hazard` and a number of the catalogue of hazards, `O1`), `foundBy`,
and `replays` or the reason (`why`) for which there are none. Each replay says `on` which backends:

| kind | means |
|---|---|"""

FIELDS = """
A rehearsal has a `verb`, `node`, `with`, `cluster`, `faults` (as `--at` takes them), `seed`, `mutation`, `pace`,
`steps` that somebody typed in place of the page's, and for each procedure the `ends` that it may come to and what a
reason must say (`says`, a regular expression). What stands with a procedure counts for it alone.
"""


def _row(entry: Entry, days: Mapping[str, str]) -> str:
    ends = {name: _ends(entry, name) for name in PROCEDURES}
    last = ", ".join(f"{name} {days[name]}" for name in BACKENDS if name in days) or "not yet"
    cells = (
        *(_sources(entry), f"{entry.title} ([{entry.name}](../scenarios/corpus/{entry.name}.json))"),
        *(entry.found_by, ends["documented"], ends["guarded"], ", ".join(entry.backends()), last),
    )
    return f"| {' | '.join(cells)} |"


def _ends(entry: Entry, procedure: str) -> str:
    found = [one for replay in entry.replays for one in replay.tries if one.procedure == procedure]
    return "; ".join(dict.fromkeys(" or ".join(one.ends) for one in found)) or "-"


def _not_survived(entries: Sequence[Entry]) -> Iterator[str]:
    """Entries in which the guarded procedure ends badly."""
    for entry in entries:
        for replay in entry.replays:
            for one in replay.tries:
                if one.procedure == "guarded" and {"unsafe", "stuck"} & set(one.ends):
                    yield f"- {entry.title} ({', '.join(map(str, one.case.hits))}: {' or '.join(one.ends)})."


def _sources(entry: Entry) -> str:
    return ", ".join(map(_linked, entry.sources))


def _linked(source: str) -> str:
    issue, commit = _ISSUE.fullmatch(source), _COMMIT.fullmatch(source)
    if issue is not None:
        return f"[{source}](https://github.com/{issue['repository']}/issues/{issue['number']})"
    if commit is not None:
        return f"[{source}](https://github.com/openvswitch/ovs/commit/{commit['commit']})"
    return source
