"""The clock of real, scaled time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from harness.executors.processes.real_clock import RealClock

LONG = 3600.0
"""Cluster seconds that no test waits for."""


@pytest.fixture
def clock() -> Iterator[RealClock]:
    clock = RealClock(0.001)
    yield clock
    clock.stop()


def test_callbacks_run_in_order_of_time_not_of_asking(clock: RealClock) -> None:
    order: list[str] = []
    done = threading.Event()
    with clock.lock:
        clock.call_later(30, done.set)
        clock.call_later(20, lambda: order.append("second"))
        clock.call_later(10, lambda: order.append("first"))
    assert done.wait(5)
    assert order == ["first", "second"]


def test_equal_times_run_in_order_of_asking() -> None:
    clock = RealClock(1e9)  # its now() stands still, so that all are due at the same instant
    order: list[int] = []
    done = threading.Event()
    with clock.lock:
        for i in range(20):
            clock.call_later(0, lambda i=i: order.append(i))  # type: ignore[misc]
        clock.call_later(0, done.set)
    assert done.wait(5)
    clock.stop()
    assert order == list(range(20))


def test_a_timer_that_comes_earlier_is_not_kept_waiting(clock: RealClock) -> None:
    done = threading.Event()
    clock.call_later(LONG * 1000, lambda: None)
    clock.call_later(1, done.set)
    assert done.wait(5)


def test_a_cancelled_timer_never_runs(clock: RealClock) -> None:
    ran: list[str] = []
    done = threading.Event()
    with clock.lock:
        timer = clock.call_later(0, lambda: ran.append("cancelled"))
        clock.call_later(1, done.set)
        timer.cancel()
    assert done.wait(5)
    assert not ran


def test_a_callback_may_ask_for_the_next(clock: RealClock) -> None:
    done = threading.Event()
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(clock.now())
        if len(ticks) == 5:
            done.set()
        else:
            clock.call_later(10, tick)

    clock.call_later(0, tick)
    assert done.wait(5)
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(ticks))


def test_callbacks_hold_the_lock(clock: RealClock) -> None:
    entered = threading.Event()
    with clock.lock:
        clock.call_later(0, entered.set)
        assert not entered.wait(0.05), "a callback ran although somebody else held the lock"
    assert entered.wait(5)


def test_the_first_error_is_kept_and_the_clock_goes_on(clock: RealClock) -> None:
    done = threading.Event()

    def fail(text: str) -> None:
        raise ValueError(text)

    clock.check()
    with clock.lock:
        clock.call_later(0, lambda: fail("first"))
        clock.call_later(1, lambda: fail("second"))
        clock.call_later(2, done.set)
    assert done.wait(5)
    for _ in range(2):
        with pytest.raises(ValueError, match="first"):
            clock.check()


def test_nothing_runs_after_stop() -> None:
    clock = RealClock(0.001)
    ran: list[str] = []
    with clock.lock:
        clock.call_later(0, lambda: ran.append("late"))
        stopper = threading.Thread(target=clock.stop)
        stopper.start()
        while not clock._stopped:
            pass
    stopper.join()
    assert not ran
    clock.stop()


def test_a_callback_may_stop_the_clock() -> None:
    clock = RealClock(0.001)
    stopped = threading.Event()

    def stop() -> None:
        clock.stop()
        stopped.set()

    clock.call_later(0, stop)
    assert stopped.wait(5)


def test_scale_is_real_seconds_for_one_cluster_second() -> None:
    slow, fast = RealClock(1000.0), RealClock(0.0001)
    event = threading.Event()
    fast.call_later(100, event.set)
    assert event.wait(5)
    assert fast.now() >= 100
    assert slow.now() < 1
    slow.stop()
    fast.stop()


def test_the_clock_knows_how_late_it_was(clock: RealClock) -> None:
    done = threading.Event()
    assert clock.latest == 0
    with clock.lock:  # the first one holds the others up
        held = threading.Event()
        clock.call_later(0, lambda: held.wait(0.05) and None)
        clock.call_later(0, done.set)
    assert done.wait(5)
    assert clock.latest >= 50, "50 ms are 50 cluster seconds here"
