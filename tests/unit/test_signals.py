"""Signals in the instant in which something is made that has to be removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.executors.ovsdb import OvsdbExecutor
from harness.executors.processes import janitor
from harness.signals import held
from harness.spec import ClusterSpec


@pytest.fixture(autouse=True)
def ctrl_c_raises() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    """To this very thread, as in a process that has no other: pytest's workers have."""
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


def test_a_signal_comes_when_it_does_no_harm_any_more() -> None:
    reached = []

    def work() -> None:
        with held():
            ctrl_c()
            reached.append("the end of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached


def test_a_signal_right_after_the_run_directory_was_made_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    usual = janitor.make_run_directory

    def interrupted() -> Path:
        made.append(usual())
        ctrl_c()
        return made[0]

    monkeypatch.setattr(janitor, "make_run_directory", interrupted)
    with pytest.raises(KeyboardInterrupt):
        OvsdbExecutor(ClusterSpec())
    assert made
    assert not made[0].exists()
