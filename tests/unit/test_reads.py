"""A client never goes back: it turns away from servers that are behind it, and notices rows that are gone."""

from __future__ import annotations

from harness.cluster import Database
from harness.reads import Reads
from harness.workload import Regression


def test_a_server_that_is_behind_is_not_read_from() -> None:
    reads = Reads(Database.SB)
    assert reads.fresh(0)
    reads.look(("a", "b"), 7, 1.0)
    assert [reads.fresh(index) for index in (6, 7, 8)] == [False, True, True]
    reads.look(("a", "b"), 5, 2.0)
    assert not reads.fresh(6), "it only grows"


def test_rows_that_come_and_stay_are_no_regression() -> None:
    reads = Reads(Database.NB)
    for index, rows in enumerate(((), ("a",), ("a", "b"), ("b", "a", "c")), 1):
        reads.look(rows, index, float(index))
    assert reads.regressions == []


def test_a_row_that_is_gone_is_told_once_with_both_times() -> None:
    reads = Reads(Database.NB)
    reads.look(("a", "b", "c"), 4, 1.0)
    reads.look(("a", "d"), 5, 2.5)
    gone = [Regression(Database.NB, row, 1.0, 2.5) for row in ("b", "c")]
    assert reads.regressions == gone
    reads.look(("a", "b", "d"), 6, 3.0)
    reads.look(("a",), 7, 4.0)
    assert reads.regressions == [*gone, Regression(Database.NB, "d", 3.0, 4.0)], "b has been told"
