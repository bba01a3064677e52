"""Asking the servers of an ovn-central pod: status, kick, backup, by commands in its container.

Always in the pod of the node that is meant, never in one that a label calls leader: such labels go stale (facts:
kube-ovn 3).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

from harness import raft_status
from harness.cluster import Database, Report
from harness.errors import Inconclusive, OvnswapError
from harness.executor import Reply
from harness.executors.kube import execution
from harness.executors.kube.api import Api
from harness.executors.kube.execution import ExecResult, Job, Place, Verdict

PATIENCE = 10
"""Seconds that ovn-appctl waits for a server."""

SLACK = 10.0
"""Seconds more that the way to the container and back may take."""

BACKUP_TIMEOUT = 600.0

_ALARM = 142
"""ovn-appctl's exit code when its own patience is over: 128 + SIGALRM."""

# Images of other makers may lack the first name; the program is the same.
_APPCTL = 'p=$(command -v ovn-appctl || command -v ovs-appctl) || exit 127; exec "$p" "$@"'

_BACKUP = """set -e
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
ovsdb-tool cluster-to-standalone "$d/backup" "$1"
sha256sum < "$d/backup"
gzip -c "$d/backup" | base64
"""

# Configurations in the file, one a line: of the snapshot (prev_servers) or of a later entry, with the entry's index.
# Entries can be long; only the part that matters leaves the node.
_SERVERS = r"""grep -aoE '"(prev_servers|servers)":\{("[0-9a-f-]{36}":("[^"]*"|\{[^{}]*\}),?)*\}' "$1" || true"""

_SID = re.compile(r'"([0-9a-f-]{36})":(?:"([^"]*)"|(\{[^{}]*\}))')


def appctl(database: Database, *command: str) -> list[str]:
    """The command line that asks ``database``'s server in its container."""
    return ["sh", "-c", _APPCTL, "appctl", "-T", str(PATIENCE), "-t", database.control, *command]


def ask(api: Api, place: Place, database: Database) -> Job:
    """Begin to ask for ``cluster/status``; many can be under way at once."""
    return Job(api, place, appctl(database, "cluster/status", database.schema), PATIENCE + SLACK)


def report(node: str, database: Database, result: ExecResult) -> Report:
    """What the server said of itself, or why it said nothing."""
    if not result.ok:
        return Report(node, database, None, _said(result))
    try:
        return Report(node, database, raft_status.parse(result.stdout.decode(errors="replace")))
    except raft_status.StatusError as error:
        return Report(node, database, None, str(error))


def reply(result: ExecResult) -> Reply:
    """A question's answer as an operator would see it."""
    if result.ok:
        return Reply(0, result.text if result.stdout else "")
    return Reply(result.code if result.code is not None else 1, _said(result))


def tell(api: Api, place: Place, database: Database, what: str, *command: str) -> Reply:
    """Ask a server to do something, once.

    Raises :class:`Inconclusive` if nobody knows whether it has heard: the exec timed out or broke, or ovn-appctl got no
    answer in its time.
    """
    result = execution.run(api, place, appctl(database, *command), PATIENCE + SLACK)
    if result.unknown or (result.verdict is Verdict.NONZERO and result.code == _ALARM):
        raise Inconclusive(
            f"{what} on {place.pod}: {result.error}",
            why="whether the server has heard it is not known",
            todo="look at the status of every member; the same command again goes on from what is there",
        )
    return reply(result)


def backup(api: Api, place: Place, database: Database, path: Path) -> Reply:
    """Copy the database out as a standalone file to ``path``; its checksum is compared."""
    command = ["sh", "-c", _BACKUP, "backup", f"/etc/ovn/{database.file}"]
    result = execution.run(api, place, command, BACKUP_TIMEOUT)
    if not result.ok:
        return reply(result)
    checksum, _, body = result.stdout.partition(b"\n")
    try:
        content = gzip.decompress(base64.b64decode(body))
    except (ValueError, OSError, EOFError, zlib.error) as error:
        return Reply(1, f"the copy of {database} from {place.pod} arrived broken: {error}")
    if hashlib.sha256(content).hexdigest() != checksum.split()[0].decode():
        return Reply(1, f"the copy of {database} from {place.pod} arrived with another checksum")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise OvnswapError(f"can't write the backup {path}: {error.strerror}", todo="--backups DIRECTORY") from None
    return Reply(0, str(path))


def configuration(api: Api, place: Place, database: Database) -> Mapping[str, str]:
    """The configuration that comes last in the server's file: full sid -> address; empty if it can't be read.

    Last in the file is latest in the log, but for entries that a new leader had truncated (facts: ovsdb-raft 5): what
    is read here only completes an id whose digits the leader's status shows.
    """
    command = ["sh", "-c", _SERVERS, "servers", f"/etc/ovn/{database.file}"]
    result = execution.run(api, place, command, PATIENCE + SLACK)
    lines = result.stdout.decode(errors="replace").splitlines() if result.ok else []
    return servers_of(lines[-1]) if lines else {}


def servers_of(text: str) -> dict[str, str]:
    """Read ``"servers":{...}``: a server is its address, or an object with an address."""
    found = {}
    for sid, address, described in _SID.findall(text):
        found[sid] = address or str(json.loads(described).get("address", ""))
    return found


def release(api: Api, place: Place) -> str:
    """The OVS release of the pod's ovsdb-server; "" if it does not say."""
    result = execution.run(api, place, ["ovsdb-server", "--version"], PATIENCE + SLACK)
    match = re.search(r"\(Open vSwitch\) (\d+\.\d+\.\d+)", result.stdout.decode(errors="replace"))
    return match[1] if match is not None else ""


def _said(result: ExecResult) -> str:
    """Without the line that ovs-appctl adds to a server's own."""
    lines = result.text.split("\n")
    if len(lines) > 1 and lines[-1].endswith("server returned an error"):
        lines.pop()
    return "\n".join(lines)
