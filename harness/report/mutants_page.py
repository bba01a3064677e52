"""The gate's power as last measured, as a page (docs/mutants.md), and as the words that README says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.gate.mutation import EQUIVALENT, LINT, MONITOR, RUN
from harness.gate.recorded import Known, Record
from harness.gate.survivors import meaning

GUARDED = ("guarded:remove", "guarded:add", "guarded:replace")
DOCUMENTED = ("documented:remove", "documented:add", "documented:replace")
NAMES = {"remove": "removal", "add": "addition", "replace": "replacement"}

_HEAD = """# The gate's power

Written by `make mutants`, from `scenarios/mutants.json`; [gate.md](gate.md#the-gates-own-power) says what a mutant is
and how it is judged. `make test` runs every kill of the guarded procedures once more, and some of the documented ones'
and of the runs that mutants called equivalent have stood (all of them every night): it fails if a mutant lives that was
killed, if one is new, if an argument is refuted, or if what stands here and in README is not what the file says.

"""


def percent(record: Record) -> float:
    return 100.0 * record.killed / record.real if record.real else 100.0


def words(records: Mapping[str, Record]) -> str:
    """What README says of the guarded procedures."""
    killed, real = (sum(getattr(records[label], name) for label in GUARDED) for name in ("killed", "real"))
    cpu = sum(records[label].cpu for label in GUARDED)
    return f"{_each(records, GUARDED)}: {100.0 * killed / real:.1f} % together, in {cpu:.0f} s of CPU"


def page_words(records: Mapping[str, Record]) -> str:
    """What README says of the documented ones that were measured; "" if none was."""
    labels = [label for label in DOCUMENTED if label in records]
    scores = ", ".join(f"{percent(records[label]):.1f} %" for label in labels)
    return f"{_each(records, labels)} ({scores})" if labels else ""


def _each(records: Mapping[str, Record], labels: Sequence[str]) -> str:
    found = ((records[label], NAMES[label.split(":")[1]]) for label in labels)
    return ", ".join(f"{one.killed} of {one.real} for the {name}" for one, name in found)


def page(records: Mapping[str, Record]) -> str:
    """Markdown."""
    return _HEAD + "\n".join([*_table(records), "", *_living(records), "", *_kills(records), *_equal(records)]) + "\n"


def _table(records: Mapping[str, Record]) -> Iterator[str]:
    yield "| procedure | mutants | equivalent | lint | runs | monitor | live | score | CPU |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for label, one in records.items():
        counts = " | ".join(str(one.count(how)) for how in (EQUIVALENT, LINT, RUN, MONITOR))
        score = f"{percent(one):.1f} %"
        yield f"| `{label}` | {len(one.mutants)} | {counts} | {len(one.living)} | {score} | {one.cpu:.0f} s |"
    yield ""
    yield f"All guarded ones together: {words(records)}."
    if page_words(records):
        yield ""
        yield f"The page's: {page_words(records)}."


def _living(records: Mapping[str, Record]) -> Iterator[str]:
    yield "## What lives, and is not proved to be equivalent"
    yield ""
    if not any(one.living for one in records.values()):
        yield "Nothing."
    for label, one in records.items():
        for name in one.living:
            yield f"- `{label}`: `{name}`, in {one.mutants[name].runs} runs: {meaning(name)}."


def _kills(records: Mapping[str, Record]) -> Iterator[str]:
    yield "## What kills it by running"
    yield ""
    yield "The cluster is the usual one ([gate.md](gate.md)), unless it says `first` (the first of NODE_IPS leaves),"
    yield "`dead` (the leaver is a dead node of four, and the operator reads for 15 s) or `old` (Kube-OVN v1.11.17,"
    yield "whose ovs-ovn pods are restarted by whoever deletes them)."
    for label, one in records.items():
        yield ""
        yield f"### {label}"
        yield ""
        yield "| mutant | runs | the run | by |"
        yield "|---|---|---|---|"
        for name, known in one.mutants.items():
            if known.how in (RUN, MONITOR):
                yield f"| `{name}` | {known.runs} | {_run(known)} | {known.by.partition(' although')[0][:90]} |"
    yield ""


def _run(known: Known) -> str:
    where = "" if known.on == "usual" else f"{known.on}, "
    faults = ", ".join(f"`{fault}`" for fault in known.faults) or "no fault"
    return where + faults + ("" if known.seed is None else f", seed {known.seed}")


def _equal(records: Mapping[str, Record]) -> Iterator[str]:
    yield "## Why others are equivalent"
    yield ""
    yield "Each is run all the same, without a fault and with faults at its step and the next one, and did no worse"
    yield "than the procedure itself in the same case; *alike* are runs in which it sent the same commands in the same"
    yield "order. Premises have tests (`tests/unit/test_equivalence.py`), but for what the API server and clients are"
    yield "documented to do."
    yield ""
    yield "| mutants | runs | alike | why | first |"
    yield "|---|---|---|---|---|"
    found: dict[str, list[tuple[str, Known]]] = {}
    for label, one in records.items():
        for name, known in one.mutants.items():
            if known.how == EQUIVALENT:
                found.setdefault(known.by, []).append((f"`{name}` of `{label}`", known))
    for why, all_of_it in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        runs, alike = (sum(getattr(known, field) for _, known in all_of_it) for field in ("runs", "alike"))
        yield f"| {len(all_of_it)} | {runs} | {alike} | {why} | {all_of_it[0][0]} |"
