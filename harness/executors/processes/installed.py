"""What this machine has of what the backend needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

LOOPBACK_VARIABLE = "OVNSWAP_LOOPBACK"
"""Set to 1 to use addresses of 127.0.0.0/8 even as root."""

_PROGRAMS = {
    "ovsdb-server": "openvswitch-common",
    "ovsdb-tool": "openvswitch-common",
    "ovs-appctl": "openvswitch-common",
    "ovn-nbctl": "ovn-common",
    "ovn-sbctl": "ovn-common",
    "ovn-northd": "ovn-central",
    "setpriv": "util-linux",
    "stat": "coreutils",
}
_NETWORK_PROGRAMS = {"ip": "iproute2", "iptables-restore": "iptables"}


def missing() -> str | None:
    """What the backend ``ovsdb`` lacks here, with the line that installs it; None if it can run."""
    wanted = {**_PROGRAMS, **(_NETWORK_PROGRAMS if may_use_namespaces() else {})}
    lacking = [program for program in wanted if shutil.which(program, path=search_path()) is None]
    if not lacking:
        return None
    packages = dict.fromkeys(wanted[program] for program in lacking)
    return f"{', '.join(lacking)} not found: apt-get install {' '.join(packages)}"


def search_path() -> str:
    """PATH with the directories of system programs, which an ordinary user's lacks on Debian."""
    return os.pathsep.join(filter(None, (os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin")))


def may_use_namespaces() -> bool:
    """Whether to try: even root may lack the right, as in most containers."""
    return os.geteuid() == 0 and os.environ.get(LOOPBACK_VARIABLE, "") != "1"


def ovs_release() -> str:
    """The release of the ovsdb-server that will run; "" if it does not say."""
    program = shutil.which("ovsdb-server", path=search_path()) or "ovsdb-server"
    words = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\(Open vSwitch\) (\d+(?:\.\d+)*)", words)
    return match[1] if match else ""
