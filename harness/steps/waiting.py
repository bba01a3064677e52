"""Waiting for a fixed time, as a runbook does that trusts a clock instead of looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.cluster import ClusterView
from harness.executor import Executor, Reply
from harness.steps.base import Step


@dataclass(frozen=True)
class Sleep(Step):
    """``sleep``: ``seconds`` of the cluster's time, whatever happens meanwhile."""

    seconds: float
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"wait {self.seconds:g} s"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"sleep {self.seconds:g}",)

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.sleep(self.seconds)
        return None
