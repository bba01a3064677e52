"""What an entry of a real file carries: a JSON transaction, or a schema with a whole database; and markers as such.

fake_raft's own commands are markers, plain strings. A real server's are :class:`Json`, the text of what it wrote: it
goes through logs, messages and snapshots unread, and into the next file as it was. A marker becomes the insertion of a
row with that name. The row's uuid follows from the name, so a marker that is committed twice (a command that was sent
again) is one row, as the index on names of OVN's tables has it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

COMMENT = "written by fake_raft"
ROWS = uuid.UUID("6f766e73-7761-5000-8000-66616b657261")


class Json(str):
    """The text of an entry's ``data`` or of a snapshot's ``prev_data`` as it stood in a file."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """``text``: a database schema in JSON (ovsdb(7), RFC 7047 3.2), as in an .ovsschema file. A marker becomes a row of
    ``table`` with the marker in ``column``, which must hold one string. Raises ValueError if it is no such schema."""

    text: str
    table: str = "Address_Set"
    column: str = "name"

    def __post_init__(self) -> None:
        try:
            schema = json.loads(self.text)
            columns = schema["tables"][self.table]["columns"]
            kind = columns[self.column]["type"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"no schema with {self.table}.{self.column}: {error!r}") from None
        key = kind.get("key") if isinstance(kind, dict) and "value" not in kind else kind
        if key != "string" and not (isinstance(key, dict) and key.get("type") == "string"):
            raise ValueError(f"{self.table}.{self.column} does not hold strings")

    def clustered(self) -> Any:
        """The schema as ``ovsdb-tool create-cluster`` writes it: servers of a cluster refuse ephemeral columns."""
        schema = json.loads(self.text)
        for table in schema["tables"].values():
            for column in table["columns"].values():
                column.pop("ephemeral", None)
        return schema


def compact(value: Any) -> str:
    """JSON without spaces, in the order of its members."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def row_uuid(marker: str) -> str:
    return str(uuid.uuid5(ROWS, marker))


def transaction(marker: str, table: str, column: str) -> str:
    """The ``data`` of an entry that inserts a marker."""
    return compact([None, {table: {row_uuid(marker): {column: marker}}, "_comment": COMMENT}])


def marker_of(text: str) -> str | None:
    """The marker that :func:`transaction` wrote as ``text``; None for anything else, which stays what it is."""
    if COMMENT not in text:
        return None
    try:
        _, changes = json.loads(text)
        table, row = next(iter(changes.items()))
        column, marker = next(iter(next(iter(row.values())).items()))
        return marker if transaction(marker, table, column) == text else None
    except (ValueError, TypeError, AttributeError, StopIteration):
        return None


def snapshot(markers: Sequence[str], schema: Schema) -> str:
    """The ``prev_data`` of a database that has these rows and nothing else."""
    return compact([schema.clustered(), database(markers, schema.table, schema.column)])


def database(markers: Iterable[str], table: str, column: str) -> dict[str, Any]:
    rows = {row_uuid(marker): {column: marker} for marker in markers}
    return ({table: rows} if rows else {}) | {"_comment": COMMENT}


def markers_of(text: str) -> tuple[str, ...] | None:
    """The markers that :func:`snapshot` wrote as ``text``, in their order; None for any other database."""
    if COMMENT not in text:
        return None
    try:
        schema, tables = json.loads(text)
        tables.pop("_comment")
        table, rows = next(iter(tables.items()), ("", {}))
        found = [next(iter(row.items())) for row in rows.values()]
        column = found[0][0] if found else ""
        markers = tuple(marker for _, marker in found)
        return markers if compact([schema, database(markers, table, column)]) == text else None
    except (ValueError, TypeError, AttributeError, KeyError, StopIteration):
        return None
