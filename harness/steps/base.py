"""What a step is: one operator action with its kubectl line, precondition, action, "done when" and undo.

A step is frozen data. Everything it decides is decided from a view, so it can be planned, printed and tested without a
cluster; only :meth:`Step.act` touches one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from harness.cluster import ClusterView, Database
from harness.executor import Executor, Reply
from harness.forecast import Forecast, Impact

CENTRAL = "ovn-central"
CONTROLLER = "kube-ovn-controller"

REGISTRY: dict[str, type[Step]] = {}
"""Step classes by name, so that a saved plan can be read back."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a step may not be taken now: what was seen, why it matters, what to do. ``fatal`` if waiting can't help."""

    seen: str
    why: str = ""
    todo: str = ""
    fatal: bool = False


@dataclass(frozen=True)
class Step:
    """Base of all steps; parameters are the fields of the subclass.

    ``deadline`` is in cluster seconds. ``safe_point``: the cluster may be left like this for a week. ``repeatable``:
    after a timeout, and a look that finds the precondition still true, the action may be sent again.
    """

    deadline: ClassVar[float] = 300.0
    safe_point: ClassVar[bool] = True
    repeatable: ClassVar[bool] = False
    read_only: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        REGISTRY[cls.__name__] = cls

    @property
    def title(self) -> str:
        """A few words for a table or a progress line."""
        raise NotImplementedError

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        """The exact lines an operator would type, for the cluster as seen in ``view``."""
        raise NotImplementedError

    def undo(self, view: ClusterView) -> str:
        """How to take the step back, or why that can't be done."""
        return "nothing to undo"

    def satisfied(self, view: ClusterView) -> bool:
        """Whether there is nothing (left) to do: makes a run that was killed anywhere start again from reality."""
        return False

    def blocked(self, view: ClusterView) -> Problem | None:
        """The precondition: why the step may not be taken now."""
        return None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        """Do it; returns what the command answered, if it answered."""
        return None

    def pending(self, view: ClusterView) -> str | None:
        """The "done when": None if the step is done, else what is still awaited."""
        return None

    def impact(self, forecast: Forecast) -> Impact:
        """What the step does to quorum."""
        return Impact(forecast, forecast)

    def as_dict(self) -> dict[str, Any]:
        """The step as plain data; :func:`from_dict` reads it back."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return {"step": type(self).__name__, **values}


def _plain(value: Any) -> Any:
    if isinstance(value, Database):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def from_dict(data: Mapping[str, Any]) -> Step:
    """Read a step back from :meth:`Step.as_dict`.

    Raises ValueError for an unknown step or parameters that do not fit.
    """
    name = data.get("step")
    if not isinstance(name, str) or name not in REGISTRY:
        raise ValueError(f"unknown step {name!r}")
    cls = REGISTRY[name]
    known = {field.name for field in fields(cls)}
    given = {key: value for key, value in data.items() if key != "step"}
    if set(given) != known:
        raise ValueError(f"step {name} takes {sorted(known)}, not {sorted(given)}")
    return cls(**{key: _read(key, value) for key, value in given.items()})


def _read(key: str, value: Any) -> Any:
    if key == "database":
        return Database(value)
    if isinstance(value, list):
        return tuple(value)
    return value
