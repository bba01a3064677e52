"""``make mutants``: measure the gate's power, keep every kill in scenarios/mutants.json, and write docs/mutants.md.

Arguments: the subjects to measure (guarded:remove ... documented:add); none only writes the page. The others' records
stay as they are. With ``--arguments`` first, only mutants are run again that an argument, or the record, calls
equivalent; the rest stays. The exit status says whether a subject is below what is asked for.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness.gate import mutation, recorded, situations  # noqa: E402
from harness.gate.gate import Settings  # noqa: E402
from harness.gate.recorded import Record  # noqa: E402
from harness.gate.subject import Subject, ours  # noqa: E402
from harness.report.mutants_page import page, percent, words  # noqa: E402


def cpu() -> float:
    """Seconds of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def measured(subject: Subject, before: Record | None, arguments: bool) -> Record:
    """What became of a subject's mutants; with ``arguments`` only of those that are argued for, the others as
    ``before``."""
    began, jobs = cpu(), int(os.environ.get("JOBS", os.cpu_count() or 1))
    if not arguments or before is None:
        score = mutation.score(subject, Settings(budget=None, jobs=jobs))
        return recorded.of(score, cpu() - began)
    where = situations.grounds(subject)
    found = list(mutation.argued(where, jobs))
    claimed = {fate.mutation for fate in found}
    withdrawn = [n for n, known in before.mutants.items() if known.how == mutation.EQUIVALENT and n not in claimed]
    found += [mutation.run((where, name)) for name in withdrawn]
    again = recorded.of(mutation.Score(subject.label, len(found), tuple(found)), cpu() - began)
    return Record(subject.label, before.cpu, {**before.mutants, **again.mutants})


def main(names: list[str]) -> int:
    path = ROOT / recorded.FILE
    records = recorded.read(path) if path.exists() else {}
    weak = []
    arguments = names[:1] == ["--arguments"]
    for name in names[arguments:]:
        for subject in ours(name):
            records[subject.label] = one = measured(subject, records.get(subject.label), arguments)
            print(f"{subject.label}: {percent(one):.1f} %, live: {', '.join(one.living) or 'none'}", flush=True)
            path.write_text(recorded.written(records), encoding="utf-8")
            weak += [subject.label] if percent(one) < mutation.ENOUGH and subject.procedure == "guarded" else []
    (ROOT / "docs" / "mutants.md").write_text(page(records), encoding="utf-8")
    print(f"README says: {words(records)}")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
