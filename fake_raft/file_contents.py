"""What a database holds after a sequence of commands, as ovsdb-server replays them (ovsdb(5), "Transaction Records").

Needed where many commands become one snapshot, and to compare servers whose snapshots lie at different places.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fake_raft.file_data import Json, Schema, compact, transaction

Row: TypeAlias = dict[str, Any]
NOT_TABLES = ("_comment", "_date", "_is_diff")
NO_UUID = ["uuid", "00000000-0000-0000-0000-000000000000"]
DEFAULTS: dict[str, Any] = {"integer": 0, "real": 0.0, "boolean": False, "string": "", "uuid": NO_UUID}


class NotReplayable(ValueError):
    """A command does not fit the database; the text says why."""


@dataclass(slots=True)
class Contents:
    """``tables``: table -> uuid -> column -> value, in the JSON of RFC 7047 5.1, without what has its default value.
    ``schema`` is None until a command brings one."""

    schema: Any = None
    tables: dict[str, dict[str, Row]] = field(default_factory=dict)

    def apply(self, text: str) -> None:
        """One real command. Raises :class:`NotReplayable`."""
        try:
            schema, changes = json.loads(text)
            if schema is not None:
                self.schema, self.tables = schema, {}
            for table, rows in (changes or {}).items():
                if table not in NOT_TABLES:
                    self._change(table, rows, diff=changes.get("_is_diff") is True)
        except NotReplayable:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            raise NotReplayable(f"no transaction of an OVSDB file: {error}") from None

    def _change(self, table: str, changes: dict[str, Row | None], *, diff: bool) -> None:
        try:
            columns = self.schema["tables"][table]["columns"]
        except (KeyError, TypeError):
            raise NotReplayable(f"no table {table} in the schema") from None
        rows = self.tables.setdefault(table, {})
        for uuid, change in changes.items():
            if change is None:
                if rows.pop(uuid, None) is None:
                    raise NotReplayable(f"deletes row {uuid} of {table}, which does not exist")
                continue
            row = rows.setdefault(uuid, {})
            for column, value in change.items():
                if column not in columns:
                    raise NotReplayable(f"no column {column} in table {table}")
                put(row, column, columns[column]["type"], value, diff=diff)

    def text(self) -> str:
        """As one ``prev_data``."""
        return compact([self.schema, {table: rows for table, rows in self.tables.items() if rows}])


def replay(rows: Iterable[str], schema: Schema | None = None) -> Contents:
    """The database after ``rows``, which begin with a snapshot's; ``schema`` is the one of markers. Raises
    :class:`NotReplayable`."""
    contents = Contents(schema.clustered() if schema else None)
    table, column = (schema.table, schema.column) if schema else ("Address_Set", "name")
    for row in rows:
        contents.apply(row if isinstance(row, Json) else transaction(row, table, column))
    return contents


def put(row: Row, column: str, kind: Any, value: Any, *, diff: bool) -> None:
    """Set or, for columns with more than one element, change by a difference. Defaults are left out."""
    if diff and column in row and composite(kind):
        value = changed(row[column], value, kind)
    if value == default(kind):
        row.pop(column, None)
    else:
        row[column] = value


def composite(kind: Any) -> bool:
    return isinstance(kind, dict) and kind.get("max", 1) != 1


def default(kind: Any) -> Any:
    """What a row has where it says nothing."""
    if not isinstance(kind, dict):
        return DEFAULTS[kind]
    if "value" in kind:
        return ["map", []]
    if kind.get("min", 1) == 0 or composite(kind):
        return ["set", []]
    key = kind["key"]
    return DEFAULTS[key["type"] if isinstance(key, dict) else key]


def changed(old: Any, diff: Any, kind: dict[str, Any]) -> Any:
    """An element of the difference that is there goes, one that is not comes; a key with another value gets it."""
    elements: Callable[[Any], list[Any]] = pairs if "value" in kind else atoms
    known = {compact(element): element for element in elements(old)}
    for element in elements(diff):
        text = compact(element)
        if text in known:
            del known[text]
            continue
        if "value" in kind:
            known = {name: pair for name, pair in known.items() if pair[0] != element[0]}
        known[text] = element
    left = list(known.values())
    if "value" in kind:
        return ["map", left]
    return left[0] if len(left) == 1 else ["set", left]


def atoms(value: Any) -> list[Any]:
    """The elements of a set: one alone stands for itself."""
    return list(value[1]) if isinstance(value, list) and value[0] == "set" else [value]


def pairs(value: Any) -> list[Any]:
    if not isinstance(value, list) or value[0] != "map":
        raise NotReplayable(f"no map: {compact(value)}")
    return list(value[1])
