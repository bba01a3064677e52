"""The documentation's page judged beside the guarded procedures: a table and the shortest story of each way to fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.report.rehearsal import Words, replay, story_lines, subject
from harness.report.wording import clean
from harness.search.tally import Failing, Tally
from harness.search.trial import Summary, Verdict

COMMAND = "make judge-page"
WAYS = 6
"""Ways to fail of one procedure whose story is told."""
HEAD = """# The page, judged

Every single fault (each fault at each place of each step, on each node) was tried in the simulator on the page "Replace
ovn-central Node" of Kube-OVN's documentation and on ovnswap's procedures. `{command}` does it again; {when}

The operator reads for {pace:g} s before each step: typed faster, the page deletes a healthy member without any fault
([track record](track-record.md), typed-faster-than-readiness). The page is typed once; the guarded procedures are run
again after a fault, as their errors say. Times are cluster seconds. *Undisturbed* is the run without any fault. A plan
of faults is survived if the run ends `done`, or `refused` with a reason while both databases have a leader; those that
changed nothing are not counted; "of" in brackets is how many plans there are, where a sample of no pattern was tried.
A majority that is missing in the aftermath of a fault is laid to the fault, so a plan can count as survived where the
undisturbed run loses the majority by its own doing: compare the columns "no quorum" too.

*Laid to the fault* is what ends as badly where no procedure is at work: the same fault on a node of the same role, on a
cluster at rest of the size that the procedure found or leaves, breaks the same things. It is neither survived nor the
procedure's failure, and each such way is named below the stories ([how](rehearsals.md#what-is-laid-to-the-fault)).

| procedure | nodes | single-fault plans survived | laid to the fault | undisturbed: stall | tolerance 0 | no quorum | \
worst: stall | tolerance 0 | no quorum |
|---|---|---|---:|---:|---:|---:|---:|---:|---:|
"""


def row(undisturbed: Summary, tally: Tally, there_are: int, partial: str) -> dict[str, Any]:
    """One procedure's part of the data: figures, and its ways to fail with the shortest story of each."""
    counted = tally.runs - tally.verdicts[Verdict.VOID]
    case = undisturbed.case
    return {
        "procedure": case.wanted.procedure,
        "subject": subject(case),
        "verb": case.wanted.verb,
        "nodes": case.spec.members + (case.wanted.verb == "add"),
        "survived": counted - tally.bad - tally.verdicts[Verdict.LAID],
        "laid": tally.verdicts[Verdict.LAID],
        "counted": counted,
        "runs": tally.runs,
        "thereAre": there_are,
        "partial": partial,
        "undisturbed": {
            "end": undisturbed.verdict.value,
            "stall": round(max(undisturbed.stalls), 1),
            "zero": round(undisturbed.at_zero),
            "without": round(undisturbed.without),
        },
        "worst": {name: round(worst.seconds) for name, worst in tally.worst.items()},
        "failing": [_failing(one) for one in tally.failing],
        "laidWays": [_laid(one) for one in tally.laid],
    }


def _failing(failing: Failing) -> dict[str, Any]:
    case = failing.shortest.case
    words = Words(subject(case))
    return {
        "end": failing.verdict.value,
        "what": clean(failing.words),
        "runs": failing.count,
        "faults": dict(failing.troubles.most_common()),
        "story": list(story_lines(failing.shortest)),
        "replay": replay(case, words),
        "ovsdb": replay(case, words, "ovsdb"),
    }


def _laid(laid: Failing) -> dict[str, Any]:
    return {
        "what": clean(laid.words),
        "excuse": laid.excuse,
        "runs": laid.count,
        "faults": dict(laid.troubles.most_common()),
    }


def page(data: Mapping[str, Any]) -> str:
    """The whole page, in Markdown, from what was kept."""
    rows: Sequence[Mapping[str, Any]] = data["rows"]
    head = HEAD.format(command=COMMAND, when=data["when"], pace=data["pace"])
    table = "".join(f"{line}\n" for line in map(table_row, rows))
    return head + table + "".join(f"{line}\n" for one in rows for line in _told(one))


def table_row(one: Mapping[str, Any]) -> str:
    """One line of the table, which the README has too."""
    share = f"{one['survived']} of {one['counted']}" + (f" (of {one['thereAre']})" if one["partial"] else "")
    calm, worst = one["undisturbed"], one["worst"]
    stall = f"{calm['stall']:g} s" + ("" if calm["end"] == "done" else f" ({calm['end']})")
    cells = (
        *(f"{one['procedure']} {one['verb']}", str(one["nodes"]), share, str(one["laid"] or "-")),
        *(stall, f"{calm['zero']} s", f"{calm['without']} s"),
        *(f"{worst.get(name, 0)} s" for name in ("stall", "tolerance 0", "no quorum")),
    )
    return f"| {' | '.join(cells)} |"


def _told(one: Mapping[str, Any]) -> Iterator[str]:
    if one["failing"]:
        yield f"\n## {one['procedure'].capitalize()} {one['verb']}, {one['nodes']} nodes: ways to fail\n"
    for way in one["failing"][:WAYS]:
        faults = ", ".join(f"{name} {count}" for name, count in list(way["faults"].items())[:6])
        yield f"**{way['end']}, {way['runs']} runs** ({faults}): {way['what']}\n"
        yield "```"
        yield from way["story"]
        yield way["replay"]
        yield "```\n"
    left = one["failing"][WAYS:]
    if left:
        yield f"And {len(left)} more, {sum(way['runs'] for way in left)} runs:\n"
        yield from (f"- {way['end']}, {way['runs']} runs: {way['what']}" for way in left)
    if one["laidWays"]:
        yield f"\n## {one['procedure'].capitalize()} {one['verb']}, {one['nodes']} nodes: laid to the fault\n"
    for way in one["laidWays"]:
        faults = ", ".join(f"{name} {count}" for name, count in way["faults"].items())
        yield f"- {way['runs']} runs ({faults}): {way['what']}. {way['excuse'][0].upper()}{way['excuse'][1:]}."
