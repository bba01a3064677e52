"""The gate's power as last measured, as a page (docs/mutants.md), and as the words that README says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from harness.gate.mutation import EQUIVALENT, LINT, MONITOR, RUN
from harness.gate.recorded import Known, Record

GUARDED = ("guarded:remove", "guarded:add", "guarded:replace")
NAMES = {"remove": "removal", "add": "addition", "replace": "replacement"}

_HEAD = """# The gate's power

Written by `make mutants`, from `scenarios/mutants.json`; [gate.md](gate.md#the-gates-own-power) says what a mutant is
and how it is judged. `make test` runs every kill of the guarded procedures once more, and some of any others' that are
in the file (all of them every night): it fails if a mutant lives that was killed, if one is new, or if what stands
here and in README is not what the file says.

"""


def percent(record: Record) -> float:
    return 100.0 * record.killed / record.real if record.real else 100.0


def words(records: Mapping[str, Record]) -> str:
    """What README says of the guarded procedures."""
    guarded = [records[label] for label in GUARDED]
    killed, real = (sum(getattr(one, name) for one in guarded) for name in ("killed", "real"))
    each = ", ".join(f"{one.killed} of {one.real} for the {NAMES[one.label.split(':')[1]]}" for one in guarded)
    return f"{each}: {100.0 * killed / real:.1f} % together, in {sum(one.cpu for one in guarded):.0f} s of CPU"


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


def _living(records: Mapping[str, Record]) -> Iterator[str]:
    yield "## What lives, and is not proved to be equivalent"
    yield ""
    if not any(one.living for one in records.values()):
        yield "Nothing."
    for label, one in records.items():
        yield from (f"- `{label}`: `{name}`, in {one.mutants[name].runs} runs" for name in one.living)


def _kills(records: Mapping[str, Record]) -> Iterator[str]:
    yield "## What kills it by running"
    yield ""
    yield "The cluster is the usual one ([gate.md](gate.md)), unless it says `first` (the first of NODE_IPS leaves) or"
    yield "`dead` (the leaver is a dead node of four, and the operator reads for 15 s)."
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
    yield "Each argument is confirmed by a run without a fault. Premises have tests (`tests/unit/test_equivalence.py`),"
    yield "but for what the API server and clients are documented to do."
    yield ""
    reasons: Counter[str] = Counter()
    example: dict[str, str] = {}
    for label, one in records.items():
        for name, known in one.mutants.items():
            if known.how == EQUIVALENT:
                reasons[known.by] += 1
                example.setdefault(known.by, f"`{name}` of `{label}`")
    for reason, count in reasons.most_common():
        yield f"- {count}: {reason}. First: {example[reason]}."
