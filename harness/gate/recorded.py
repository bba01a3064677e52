"""What became of every mutant when the gate's power was last measured, kept in a file: so that a change after which a
mutant lives that was killed is seen by running the kill once more, and not by measuring anew.

The file is JSON, ``scenarios/mutants.json`` of the repository (``make mutants`` writes it): for each subject its
mutants, each with ``lint`` (rules), ``run`` or ``monitor`` (what killed it, after how many ``runs``, and the run that
did: ``on`` which cluster, ``faults``, ``seed``), ``equivalent`` (why, and in how many ``runs`` nothing showed, in how
many of them the same commands were sent: ``alike``) or ``lives`` (in how many runs).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import BadInput
from harness.gate.mutation import EQUIVALENT, LINT, LIVES, MONITOR, RUN, Fate, Score
from harness.gate.situations import Ground
from harness.search.case import Case, Hit

FORMAT = 1
FILE = Path("scenarios") / "mutants.json"
"""In the repository."""
_HOWS = (LINT, RUN, MONITOR, EQUIVALENT, LIVES)


@dataclass(frozen=True, slots=True)
class Known:
    """One mutant's fate: ``by`` what it was killed or why it is equivalent; ``on``, ``faults`` and ``seed`` of the run
    that killed it."""

    how: str
    by: str
    runs: int = 0
    on: str = ""
    faults: tuple[str, ...] = ()
    seed: int | None = None
    alike: int = 0

    def base(self, grounds: Sequence[Ground]) -> Case:
        """The run that killed it, without the mistake. Raises :class:`BadInput` if there is no such cluster."""
        found = next((ground for ground in grounds if ground.name == self.on), None)
        if found is None:
            raise BadInput(f"no mutant is tried on a cluster {self.on!r}", todo="make mutants")
        return replace(found.case, hits=tuple(Hit.parse(text) for text in self.faults), seed=self.seed)


@dataclass(frozen=True, slots=True)
class Record:
    """All mutants of one subject, and what measuring them took. ``cpu``: seconds."""

    label: str
    cpu: float
    mutants: Mapping[str, Known]

    def count(self, *hows: str) -> int:
        return sum(known.how in hows for known in self.mutants.values())

    @property
    def killed(self) -> int:
        return self.count(LINT, RUN, MONITOR)

    @property
    def real(self) -> int:
        """Those that are not equivalent."""
        return len(self.mutants) - self.count(EQUIVALENT)

    @property
    def living(self) -> list[str]:
        return [name for name, known in self.mutants.items() if known.how == LIVES]


def read(path: Path) -> dict[str, Record]:
    """Every subject's record. Raises :class:`BadInput` for a file that is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}; this ovnswap reads {FORMAT}")
        subjects = data["subjects"].items()
        return {label: Record(label, one["cpu"], _mutants(one["mutants"])) for label, one in subjects}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: {error!r}", todo="make mutants writes it anew") from None


def _mutants(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Known]:
    found = {}
    for name, one in data.items():
        how = next(how for how in _HOWS if how in one)
        faults = tuple(one.get("faults", ()))
        found[name] = Known(
            how,
            one[how] if how != LIVES else "",
            one.get("runs", 0),
            one.get("on", ""),
            faults,
            one.get("seed"),
            one.get("alike", 0),
        )
    return found


def of(score: Score, cpu: float) -> Record:
    """What was just measured, in the order of mutants that ``score`` has."""
    return Record(score.label, round(cpu, 1), {fate.mutation: _known(fate) for fate in score.fates})


def _known(fate: Fate) -> Known:
    if fate.how in (RUN, MONITOR):
        hits = tuple(str(hit) for hit in fate.case.hits)
        return Known(fate.how, fate.by, fate.runs, fate.ground, hits, fate.case.seed)
    return Known(fate.how, fate.by, fate.runs, alike=fate.alike)


def written(records: Mapping[str, Record]) -> str:
    """The file's content."""
    subjects = {
        label: {"cpu": one.cpu, "mutants": {name: _data(known) for name, known in sorted(one.mutants.items())}}
        for label, one in records.items()
    }
    return json.dumps({"format": FORMAT, "subjects": subjects}, indent=1) + "\n"


def _data(known: Known) -> dict[str, Any]:
    if known.how in (LIVES, EQUIVALENT):
        return {known.how: known.by, "runs": known.runs, "alike": known.alike}
    if known.how == LINT:
        return {LINT: known.by}
    run = {"on": known.on, "faults": list(known.faults), "seed": known.seed}
    return {known.how: known.by, "runs": known.runs, **run}
