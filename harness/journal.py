"""The journal of a run: one JSON line for each thing that happened, synced before the run goes on.

It is a hint for people and for reports. A run that starts again decides from the cluster, never from the journal.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol


class Journal(Protocol):
    def record(self, event: str, **values: Any) -> None:
        """Write one event with its values (JSON types)."""


class MemoryJournal:
    """Keeps events in a list: for tests and for runs that nobody asked to record."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def record(self, event: str, **values: Any) -> None:
        self.events.append({"event": event, **values})


class FileJournal:
    """Appends JSON lines to a file; each is on disk when :meth:`record` returns. Raises OSError if it can't be."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a", encoding="utf-8")

    def record(self, event: str, **values: Any) -> None:
        self._file.write(json.dumps({"event": event, **values}, ensure_ascii=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> FileJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
