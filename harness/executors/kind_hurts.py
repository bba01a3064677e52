"""What faults do to the nodes of a kind cluster: Docker for machines, nft for links, commands in nodes for the rest."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

from harness.errors import BadInput, OvnswapError
from harness.faults import Fault, FaultKind

RAFT_PORTS = {
    FaultKind.PARTITION: "{ 6643, 6644 }",
    FaultKind.ONE_WAY: "{ 6643, 6644 }",
    FaultKind.NB_CUT: "{ 6643 }",
    FaultKind.SB_CUT: "{ 6644 }",
    FaultKind.BRIDGE: "{ 6643, 6644 }",
    FaultKind.LOSS: "{ 6643, 6644 }",
}
"""What each fault of the network drops."""

LOST = 20
"""Of a hundred packets, how many a lossy link drops."""

TABLE = "inet ovnswap"
_PACKETS = re.compile(r"packets (\d+)")

FAULTS = frozenset(
    {
        *(FaultKind.CRASH, FaultKind.STOP, FaultKind.NODE_DOWN, FaultKind.NODE_UP, FaultKind.PAUSE, FaultKind.RESUME),
        *(FaultKind.WIPE, FaultKind.KEEP_COPY, FaultKind.STALE_DISK, *RAFT_PORTS, FaultKind.HEAL),
    }
)

KILL = "kill -9 $(pidof ovsdb-server ovn-northd)"


def docker(*command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *command], input=stdin, capture_output=True, text=True, timeout=120, check=False)


class Hurts:
    """``address(node)`` raises BadInput for a node that is not there; ``in_pod(node, script)`` runs a shell script in
    the node's ovn-central container, and returns whether it could; ``directory`` is where nodes have the databases."""

    def __init__(self, directory: str, address: Callable[[str], str], in_pod: Callable[[str, str], bool]) -> None:
        self._directory = directory
        self._address = address
        self._in_pod = in_pod
        self._down: dict[str, None] = {}
        self._cut: dict[str, None] = {}
        self._dropped: dict[str, int] = {}  # by tables that have been removed

    def do(self, fault: Fault) -> bool:
        """Whether it changed anything. Raises :class:`BadInput` for a bridge that does not have two ends."""
        if fault.kind is FaultKind.HEAL:
            return self._heal()
        if fault.kind is FaultKind.BRIDGE and len(fault.nodes) != 2:
            raise BadInput(f"a bridge has two ends, not {len(fault.nodes)}", todo="name two nodes")
        if fault.kind in RAFT_PORTS:
            changed = [self._cut_off(node, fault) for node in fault.nodes]
        else:
            changed = [self._hurt(fault.kind, node) for node in fault.nodes]
        return any(changed)

    def felt(self, fault: Fault) -> int:
        """Packets that were dropped on the way from and to the fault's nodes."""
        return sum(self._dropped.get(node, 0) + self._counted(node) for node in fault.nodes)

    def mend(self, nodes: tuple[str, ...]) -> None:
        """End all that lasts."""
        self._heal()
        for node in nodes:
            if _state(node) == "paused":
                docker("unpause", node)
            if node in self._down:
                docker("start", node)

    def _hurt(self, kind: FaultKind, node: str) -> bool:
        at = self._directory
        match kind:
            case FaultKind.CRASH:
                # Servers and their monitors at once, then the start script, so that the container ends.
                return self._in_pod(node, f"{KILL} && kill 1")
            case FaultKind.STOP:
                return self._in_pod(node, "kill 1")
            case FaultKind.NODE_DOWN:
                self._down[node] = None
                return _state(node) == "running" and docker("kill", node).returncode == 0
            case FaultKind.NODE_UP:
                self._down.pop(node, None)
                return _state(node) == "exited" and docker("start", node).returncode == 0
            case FaultKind.PAUSE:
                return docker("pause", node).returncode == 0
            case FaultKind.RESUME:
                return docker("unpause", node).returncode == 0
            case FaultKind.WIPE:
                return _on(node, f'[ -n "$(ls -A {at} 2>/dev/null)" ] && find {at} -mindepth 1 -delete')
            case FaultKind.KEEP_COPY:
                return _on(node, f"rm -rf {at}.copy && cp -a {at} {at}.copy")
            case FaultKind.STALE_DISK:
                # The start script lives on until the copy is there: nothing may start on half of it.
                script = f"[ -d {at}.copy ] && {KILL} && find {at} -mindepth 1 -delete && cp -a {at}.copy/. {at}/"
                return _on(node, script) and self._in_pod(node, "kill 1")
            case _:
                raise BadInput(f"{kind.value} is no fault of single nodes")

    def _cut_off(self, node: str, fault: Fault) -> bool:
        """Drop raft's packets between this node and those that the fault keeps from it, all or some of them."""
        if node in self._cut:
            return False
        named = ", ".join(self._address(other) for other in fault.nodes if fault.kind is not FaultKind.BRIDGE)
        apart = f"!= {{ {named} }}"  # all that are not hurt together with it
        if fault.kind is FaultKind.BRIDGE:
            apart = next(self._address(other) for other in fault.nodes if other != node)
        lot = f"numgen random mod 100 < {LOST} " if fault.kind is FaultKind.LOSS else ""
        rules = [f"add table {TABLE}"]
        hooks = {"output": "daddr"} if fault.kind is FaultKind.ONE_WAY else {"output": "daddr", "input": "saddr"}
        for hook, side in hooks.items():
            rules.append(f"add chain {TABLE} {hook} {{ type filter hook {hook} priority 0; }}")
            rules += [
                f"add rule {TABLE} {hook} ip {side} {apart} tcp {port} {RAFT_PORTS[fault.kind]} {lot}counter drop"
                for port in ("dport", "sport")
            ]
        done = docker("exec", "-i", node, "nft", "-f", "-", stdin="\n".join(rules) + "\n")
        if done.returncode != 0:
            raise OvnswapError(f"nft in {node}: {done.stderr.strip()}")
        self._cut[node] = None
        return True

    def _counted(self, node: str) -> int:
        if node not in self._cut:
            return 0
        listed = docker("exec", node, "nft", "list", "table", *TABLE.split())
        return sum(int(found) for found in _PACKETS.findall(listed.stdout))

    def _heal(self) -> bool:
        healed = bool(self._cut)
        for node in list(self._cut):
            self._dropped[node] = self._dropped.get(node, 0) + self._counted(node)
            docker("exec", node, "nft", "delete", "table", *TABLE.split())
            del self._cut[node]
        return healed


def _on(node: str, script: str) -> bool:
    return docker("exec", node, "sh", "-c", script).returncode == 0


def _state(node: str) -> str:
    return docker("inspect", "-f", "{{.State.Status}}", node).stdout.strip()
