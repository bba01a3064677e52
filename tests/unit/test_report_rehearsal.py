"""The report of a rehearsal as text: it fits a terminal, also with two faults in each run."""

from __future__ import annotations

from harness.commands.rehearsing import spoken
from harness.procedures.wanted import Wanted
from harness.report.rehearsal import by_single_trouble, laid_lines, table
from harness.search.case import Case, Hit
from harness.search.tally import Tally
from harness.search.trial import Summary, Verdict
from harness.search.troubles import TROUBLES

NODE = "kube-ovn-control-plane3"


def hit(name: str) -> Hit:
    return Hit.parse(f"3:before:{name}" + (f"@{NODE}" if TROUBLES[name].hands is None else ""))


def tally(*runs: tuple[Verdict, float, tuple[str, ...]]) -> Tally:
    found = Tally()
    for verdict, stall, names in runs:
        case = Case(Wanted("guarded", "remove", NODE), hits=tuple(hit(name) for name in names))
        reasons = ("the excuse", "nb has no leader") if verdict is Verdict.LAID else ("nb has no leader",)
        found.add(Summary(case, verdict, reasons, (), (stall, 1.0), 0.0, 0.0, 0, (), "", 0.0))
    return found


def test_a_run_with_two_faults_stands_in_the_rows_of_both() -> None:
    found = tally(
        (Verdict.DONE, 3.0, ("crash", "operator-pauses")),
        (Verdict.STUCK, 600.0, ("crash", "second-operator")),
        (Verdict.DONE, 4.0, ("crash", "crash")),
    )
    ends, stalls = by_single_trouble(found)
    assert (ends["crash"][Verdict.DONE], ends["crash"][Verdict.STUCK], stalls["crash"]) == (2, 1, (600.0, 1.0))
    assert (ends["operator-pauses"][Verdict.DONE], stalls["operator-pauses"]) == (1, (3.0, 1.0))
    lines = list(table(found))
    assert [line.split()[0] for line in lines] == ["each", "FAULT", "crash", "operator-pauses", "second-operator"]
    assert lines[2].split() == ["crash", "2", "-", "-", "-", "1", "-", "600/1", "s"]


def test_the_table_fits_a_terminal_whatever_the_faults() -> None:
    names = [*TROUBLES]
    runs = [(verdict, 9999.0, (name, names[-1 - n])) for n, name in enumerate(names) for verdict in Verdict]
    for found in (tally(*runs), tally(*((verdict, stall, some[:1]) for verdict, stall, some in runs))):
        assert max(map(len, table(found))) <= 80
        assert len([*table(found)]) <= len(names) + 2


def test_of_many_pairs_the_most_frequent_are_named() -> None:
    others = [name for name in TROUBLES if name != "crash"]
    found = tally(*((Verdict.LAID, 1.0, ("crash", name)) for name in (others[0], *others)))
    (line,) = [line for line in laid_lines(found) if " times " in line]
    assert f"crash + {others[0]} 2" in line
    assert f"{len(others) - 5} more pairs" in line


def test_times_are_said_as_people_say_them() -> None:
    said = [spoken(seconds) for seconds in (3.2, 90, 600, 9000, 1_000_000)]
    assert said == ["3 s", "90 s", "10 min", "2 hours", "12 days"]
