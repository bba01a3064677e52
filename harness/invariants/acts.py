"""What an operator does, and how an attempt ends, as values."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cluster import ClusterView, Database

CHANGES = (
    *("kick", "move_leadership", "label_node", "annotate_pod", "scale", "set_env", "patch_rollout", "pause", "resume"),
    *("delete_pod", "delete_pods", "remove_directory"),
)
"""Methods of an executor that change a cluster."""


OPERATOR = "operator"
"""The actor who follows the procedure that is judged. Colleagues and programs have other names."""


@dataclass(frozen=True, slots=True)
class Act:
    """One change, about to be made by ``actor`` on the cluster as it really is in ``view``. ``what`` is the executor's
    method, ``arguments`` what it was called with, in order."""

    at: float
    actor: str
    what: str
    arguments: tuple[object, ...]
    view: ClusterView

    @property
    def own(self) -> bool:
        """Whether it is the procedure's doing."""
        return self.actor == OPERATOR

    @property
    def database(self) -> Database | None:
        return self.arguments[0] if self.arguments and isinstance(self.arguments[0], Database) else None

    def __str__(self) -> str:
        words = " ".join(str(argument) for argument in self.arguments)
        return f"{self.what.replace('_', ' ')} {words}".strip()


@dataclass(frozen=True, slots=True)
class Ending:
    """One attempt: ``how`` is done, refused, stopped or died, ``reason`` why in words; ``acts`` how many changes it
    made; ``view`` what is there now. ``leaves`` and ``comes`` are the addresses that the procedure takes out and brings
    in ("" for none)."""

    at: float
    how: str
    acts: int
    view: ClusterView
    leaves: str = ""
    comes: str = ""
    reason: str = ""
