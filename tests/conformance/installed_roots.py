"""The ovsdb-servers that are here to be compared with: the host's own, and those that ci/ovs-roots.sh has unpacked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

HOST = "host"
"""The name of the installation that is on the host's own PATH."""

SUITES = ("trixie", "sid")
"""Debian releases that are compared with as well."""

PROGRAM = re.compile(r"^\S+ \(Open vSwitch\) (\d+\.\d+\.\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installation:
    """One set of OVS's programs.

    ``prefix`` goes before a command's words, as in ``[*prefix, "ovsdb-server", ...]``: the program of that name is then
    this installation's. The process that is started is the program's own in the end, so that its pid can be signalled.
    ``version`` is what its ovsdb-server says, like ``3.5.0``.
    """

    name: str
    version: str
    prefix: tuple[str, ...] = ()


def directory(suite: str) -> Path:
    """Where ci/ovs-roots.sh puts a suite."""
    given = os.environ.get("OVNSWAP_ROOTS")
    if given:
        return Path(given) / suite
    # Set but empty counts as unset, as for the script.
    cached = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cached) / "ovnswap" / "roots" / suite


def prefix(name: str) -> tuple[str, ...]:
    """The words before a command of ``HOST`` or of a suite."""
    if name == HOST:
        return ()
    return ("env", f"PATH={directory(name) / 'bin'}:{os.environ.get('PATH', os.defpath)}")


@cache
def find(name: str) -> Installation | None:
    """``HOST`` or a suite; None if it is not here, or does not run."""
    if name != HOST and not (directory(name) / "bin" / "ovsdb-server").exists():
        return None
    if name == HOST and shutil.which("ovsdb-server") is None:
        return None
    words = [*prefix(name), "ovsdb-server", "--version"]
    said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20).stdout
    found = PROGRAM.search(said)
    return Installation(name, found.group(1), prefix(name)) if found else None


def missing(name: str) -> str:
    """Why an installation cannot be compared with, and the line that changes that."""
    if name == HOST:
        return "no ovsdb-server on PATH: apt-get install openvswitch-common"
    return f"Debian {name}'s OVS is not unpacked in {directory(name)}: ci/ovs-roots.sh {name}"


def need(name: str) -> Installation:
    """The installation; skips the test that asks if there is none."""
    found = find(name)
    if found is None:
        pytest.skip(missing(name))
    return found
