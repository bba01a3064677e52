"""Somebody who types ``ovnswap`` commands at the kind cluster, each in a process of its own that can be killed.

The journal of a run is followed while it is written, and each line gets the time of the lab's own clock: the same on
which the client's writes and the faults are.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cluster import Database
from harness.executors.kind import KindExecutor
from harness.workload import History

ROOT = Path(__file__).parents[2]
ENDS_WITHIN = 1800.0
"""Seconds that one run may take on a busy machine; an undisturbed swap takes 5 to 8 minutes."""

LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that has ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that says what is wrong; a traceback is none."""
        assert "Traceback" not in self.err, self.err
        lines = [line for line in self.err.splitlines() if line.startswith("ovnswap: ")]
        assert len(lines) == 1, self.err
        return lines[0]


@dataclass(slots=True)
class StepSeen:
    """One step of a run, by the lab's clock; ``ended`` is None if the run ended before the step."""

    number: int
    key: str
    title: str
    commands: list[str]
    started: float
    ended: float | None = None
    outcome: str = "begun"


class Running:
    """A command under way, and what its journal has said so far."""

    def __init__(self, lab: KindExecutor, words: tuple[str, ...], journal: Path, env: Mapping[str, str]) -> None:
        self._lab = lab
        self._journal = journal
        self._read = journal.stat().st_size if journal.exists() else 0
        self._out = journal.with_suffix(".out").open("w+", encoding="utf-8")
        self._err = journal.with_suffix(".err").open("w+", encoding="utf-8")
        self.words = words
        self.steps: list[StepSeen] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", *words],
            env=dict(env),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            text=True,
        )

    def events(self, within: float = ENDS_WITHIN) -> Iterator[dict[str, Any]]:
        """What the journal says, as it says it, until the process has ended."""
        deadline = time.monotonic() + within
        while True:
            over = self.process.poll() is not None
            for event in self._new():
                self._note(event)
                yield event
            if over:
                return
            assert time.monotonic() < deadline, f"{' '.join(self.words)} did not end within {within:g} s"
            time.sleep(LOOK)

    def _new(self) -> list[dict[str, Any]]:
        if not self._journal.exists():
            return []
        with self._journal.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]

    def _note(self, event: dict[str, Any]) -> None:
        now = self._lab.now()
        if event["event"] == "step":
            step = event["step"]
            key = json.dumps(step, sort_keys=True)
            self.steps.append(StepSeen(event["number"], key, step["step"], event["commands"], now))
        elif event["event"].startswith("step-") and self.steps and self.steps[-1].number == event["number"]:
            self.steps[-1].ended, self.steps[-1].outcome = now, event["event"].removeprefix("step-")

    def stalls(self, history: History, database: Database) -> list[float]:
        """For each step the client's longest wait for an answer that was due first while the step was the latest."""
        ends = [step.started for step in self.steps[1:]] + [history.stopped]
        return [
            history.stall_begun_within(database, step.started, end) for step, end in zip(self.steps, ends, strict=True)
        ]

    def kill_within(self, seconds: float) -> None:
        """Kill it so many seconds from now, or when the journal says more: no step is passed over."""
        deadline = time.monotonic() + seconds
        said = self._journal.stat().st_size
        while time.monotonic() < deadline and self._journal.stat().st_size == said:
            time.sleep(LOOK)
        self.kill()

    def kill(self) -> None:
        """SIGKILL: nothing of the process can clean up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for _ in self.events():  # what it wrote last
            continue

    def end(self) -> Typed:
        """Wait for the end."""
        for _ in self.events():
            continue
        self._out.seek(0)
        self._err.seek(0)
        return Typed(self.words, self.process.returncode, self._out.read(), self._err.read())

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._out.close()
        self._err.close()


@dataclass(slots=True)
class Operator:
    """``env`` names the cluster; journals and outputs go below ``state``."""

    lab: KindExecutor
    env: dict[str, str]
    state: Path
    _runs: list[Running] = field(default_factory=list)

    def begin(self, *words: str) -> Running:
        """Start a command; ``apply`` gets a journal that is followed, and no question."""
        journal = self.state / f"{len(self._runs):03d}" / "journal.jsonl"
        journal.parent.mkdir(parents=True)
        more = ("--yes", "--journal", str(journal)) if words[0] == "apply" else ()
        env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.state), "COLUMNS": "150", **self.env}
        running = Running(self.lab, (*words, *more), journal, env)
        self._runs.append(running)
        return running

    def type(self, *words: str) -> Typed:
        return self.begin(*words).end()

    def close(self) -> None:
        for running in self._runs:
            running.close()
