"""Questions to an ovsdb-server about itself and about marker rows.

A marker is an Address_Set, which northd copies from nb to sb under the same name, and of which it makes no flows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.cluster import Database
from harness.executors.processes.jsonrpc import Connection, Refused

MARKER_TABLE = "Address_Set"


@dataclass(frozen=True, slots=True)
class ServerState:
    """The row of ``_Server``'s Database table: ovsdb-server(5). ``index`` is how far the database has come in the log,
    0 where the server does not say."""

    leader: bool
    connected: bool
    cluster_id: str | None
    index: int = 0


def server_state(connection: Connection, database: Database, timeout: float) -> ServerState | None:
    """What the server says of ``database``; None if it has no such database. Raises OSError or Refused."""
    columns = ["leader", "connected", "cid", "index"]
    where = [["name", "==", database.schema]]
    operation = {"op": "select", "table": "Database", "where": where, "columns": columns}
    answer = connection.request("transact", ["_Server", operation], timeout)
    rows = answer[0].get("rows", [])
    if not rows:
        return None
    row = rows[0]
    index = row["index"] if isinstance(row["index"], int) else 0  # an empty set while it has none
    return ServerState(bool(row["leader"]), bool(row["connected"]), _optional(row["cid"]), index)


def insert_marker(connection: Connection, name: str, timeout: float) -> None:
    """Write one row into nb. Raises Refused if the transaction failed, OSError if its outcome is unknown."""
    operation = {"op": "insert", "table": MARKER_TABLE, "row": {"name": name}}
    answer = connection.request("transact", [Database.NB.schema, operation], timeout)
    for result in answer:
        if isinstance(result, dict) and result.get("error"):
            raise Refused(result)


def markers(
    connection: Connection, database: Database, timeout: float, among: Iterable[str] | None = None
) -> list[str]:
    """Names of all marker rows, or of those ``among`` some. Raises OSError or Refused."""
    wheres: list[list[Any]] = [[]] if among is None else [[["name", "==", name]] for name in among]
    select = {"op": "select", "table": MARKER_TABLE, "columns": ["name"]}
    operations = [{**select, "where": where} for where in wheres]
    answer = connection.request("transact", [database.schema, *operations], timeout)
    if any(result is None or "rows" not in result for result in answer):
        raise Refused(answer)
    return [row["name"] for result in answer for row in result["rows"]]


def _optional(value: object) -> str | None:
    """The UUID in an OVSDB column that may be an empty set (RFC 7047, 5.1)."""
    return str(value[1]) if isinstance(value, list) and value[0] == "uuid" else None
