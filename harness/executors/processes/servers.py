"""Command lines and readiness of ovsdb-server and ovn-northd, as ovn-ctl(8) starts them."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from harness.addresses import raft_address
from harness.cluster import Database
from harness.executors.processes import jsonrpc
from harness.executors.processes.host import Host

STARTS_WITHIN = 15.0
"""Real seconds until a server answers on its control socket."""

_LOOK_AGAIN = 0.005
_STAMP = re.compile(r"^\S+Z\|\d+\|")


def schema(db: Database) -> Path:
    return Path("/usr/share/ovn") / f"ovn-{db}.ovsschema"


def server_command(host: Host, db: Database) -> list[str]:
    """One ovsdb-server for one database, not detached, so that it stays our child."""
    name = f"ovsdb-server-{db}"
    return [
        "ovsdb-server",
        *("--no-chdir", "-vconsole:warn", "-vsyslog:off", "-vfile:info", f"--log-file={host.log / name}.log"),
        f"--remote=punix:{host.socket(db)}",
        f"--remote=ptcp:{db.client_port}:{host.address}",
        f"--unixctl={host.control(db)}",
        f"--pidfile={host.run / name}.pid",
        str(host.file(db)),
    ]


def northd_command(host: Host, addresses: tuple[str, ...]) -> list[str]:
    """ovn-northd with connections to ``addresses``, or to the local sockets when there are none."""
    connections = {
        db: ",".join(raft_address(a, db.client_port) for a in addresses) or f"unix:{host.socket(db)}" for db in Database
    }
    return [
        "ovn-northd",
        *("--no-chdir", "-vconsole:warn", "-vsyslog:off", "-vfile:info", f"--log-file={host.log / 'ovn-northd.log'}"),
        f"--ovnnb-db={connections[Database.NB]}",
        f"--ovnsb-db={connections[Database.SB]}",
        f"--unixctl={host.northd_control}",
        f"--pidfile={host.run / 'ovn-northd.pid'}",
    ]


def await_started(process: subprocess.Popen[bytes], control: Path, words: Path) -> str:
    """Wait until a new server serves; returns "" or the words with which it ended instead.

    A daemon answers on its control socket from its main loop only, so an answer means that its files are open.
    """
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return _last_words(words) or f"ended with code {process.returncode}"
        try:
            jsonrpc.control(control, "version", timeout=deadline - time.monotonic())
        except (OSError, jsonrpc.Refused):
            time.sleep(_LOOK_AGAIN)
        else:
            return ""
    return "does not answer on its control socket"


def _last_words(words: Path) -> str:
    """What a server printed before it ended, without time stamps and warnings."""
    try:
        lines = words.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    told = [line for line in lines if not _STAMP.match(line)] or [_STAMP.sub("", line) for line in lines]
    return "; ".join(told)
