"""What a client's history says about writes and stalls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cluster import DATABASES, Database
from harness.workload import History, Write

NB, SB = DATABASES


def history(*writes: Write, started: float = 0.0, stopped: float = 10.0) -> History:
    return History(started, stopped, writes)


def write(at: float, acknowledged: float | None, database: Database = NB, row: str = "") -> Write:
    return Write(database, row or f"{database}-{at:g}", at, acknowledged)


def test_only_acknowledged_rows_of_the_database_are_promises() -> None:
    told = history(write(1, 1.1), write(2, None), write(1, 3.0, SB), write(3, 3.2))
    assert told.acknowledged(NB) == ("nb-1", "nb-3")
    assert told.acknowledged(SB) == ("sb-1",)


def test_a_history_without_an_answer_is_one_stall() -> None:
    told = history(write(1, None), started=2.0, stopped=9.5)
    assert told.longest_stall(NB) == 7.5
    assert told.stalls(NB, 7.4) == ((2.0, 9.5),)
    assert told.stalls(NB, 7.5) == ()


def test_the_time_before_the_first_and_after_the_last_answer_counts() -> None:
    assert history(write(1, 6.0), write(6, 6.5)).longest_stall(NB) == 6.0
    assert history(write(0, 0.5), write(1, 1.5)).longest_stall(NB) == 8.5


def test_databases_stall_apart() -> None:
    told = history(write(0, 1.0), write(1, 9.0), write(0, 5.0, SB))
    assert told.stalls(NB, 2.0) == ((1.0, 9.0),)
    assert told.stalls(SB, 2.0) == ((0.0, 5.0), (5.0, 10.0))


def test_answers_that_overtake_each_other_make_no_negative_gap() -> None:
    told = history(write(1, 8.0), write(2, 3.0), write(3, 5.0))
    assert told.stalls(NB, 0.0) == ((0.0, 3.0), (3.0, 5.0), (5.0, 8.0), (8.0, 10.0))


@given(st.lists(st.floats(0, 100), max_size=20), st.floats(0, 100))
def test_stalls_are_the_gaps_above_the_limit_and_cover_the_longest(times: list[float], limit: float) -> None:
    told = history(*(write(0, at, row=str(n)) for n, at in enumerate(times)), stopped=100.0)
    longest = told.longest_stall(NB)
    found = told.stalls(NB, limit)
    assert bool(found) == (longest > limit)
    assert all(b - a > limit for a, b in found)
    assert max((b - a for a, b in found), default=longest) == longest
    inside = [at for at in times if any(a < at < b for a, b in found)]
    assert not inside


def test_a_write_is_a_value() -> None:
    with pytest.raises(AttributeError):
        write(1, None).acknowledged = 2.0  # type: ignore[misc]


def test_a_stall_counts_for_the_time_in_which_an_answer_was_due() -> None:
    told = history(write(0, 2.5), write(3, 9.0))
    assert told.stall_begun_within(NB, 3.0, 4.0) == 6.5, "the next answer was due at 3.5"
    assert told.stall_begun_within(NB, 2.0, 3.0) == 0.0
    assert told.stall_begun_within(NB, 0.0, 3.5) == 2.5, "the wait for the first answer"
