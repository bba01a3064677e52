"""What faults do to nodes whose servers are real processes, kind by kind."""

from __future__ import annotations

from collections.abc import Callable

from fake_kube.cluster import Cluster
from harness.cluster import Database
from harness.errors import BadInput
from harness.executors.processes.host import Host
from harness.executors.processes.hurt_disk import can_slow
from harness.executors.processes.machines import Machines
from harness.faults import LINKS_LATE, NETWORK, OVERTAKES, STARTS_LATE, SYNCS_LATE, Fault, FaultKind

_WEATHER = frozenset({FaultKind.DELAY, FaultKind.LOSS, FaultKind.REORDER})
_PORTS = {FaultKind.NB_CUT: Database.NB.raft_port, FaultKind.SB_CUT: Database.SB.raft_port}


class Hurts:
    """The kinds of :class:`harness.faults.FaultKind` that this machine can do to processes and namespaces of ours."""

    def __init__(self, machines: Machines, kube: Cluster) -> None:
        self._machines = machines
        self._kube = kube
        self._of_host: dict[FaultKind, Callable[[Host], bool]] = {
            FaultKind.CRASH: lambda host: machines.crash(host.name),
            FaultKind.STOP: lambda host: machines.stop(host.name),
            FaultKind.NODE_DOWN: self._power_off,
            FaultKind.NODE_UP: self._power_on,
            FaultKind.PAUSE: lambda host: machines.pause(host.name, True),
            FaultKind.RESUME: lambda host: machines.pause(host.name, False),
            FaultKind.WIPE: Host.wipe,
            FaultKind.KEEP_COPY: Host.keep_copy,
            FaultKind.STALE_DISK: lambda host: machines.put_back(host.name),
            FaultKind.FORGET: lambda host: host.disk.forget(),
            FaultKind.DISK_FULL: lambda host: host.disk.fill(machines.servers(host.name)),
            FaultKind.SLOW_DISK: self._slow_disk,
            FaultKind.SLOW_START: lambda host: _set(host, "late", STARTS_LATE),
            FaultKind.SAYS_READY: lambda host: _set(host, "says", True),
            FaultKind.SAYS_UNREADY: lambda host: _set(host, "says", False),
            FaultKind.MEND: self._mend,
        }

    def kinds(self) -> frozenset[FaultKind]:
        """What can be done here."""
        network = self._machines.site.network
        cannot: frozenset[FaultKind] = frozenset()
        if not network.partitions:
            cannot |= NETWORK
        elif not network.waits:
            cannot |= _WEATHER
        if not can_slow():
            cannot |= {FaultKind.SLOW_DISK}
        return frozenset(FaultKind) - cannot

    def needs(self, kind: FaultKind) -> str:
        """What to do so that ``kind`` can be done."""
        return "apt-get install strace" if kind is FaultKind.SLOW_DISK else f"run as root for {kind.value}"

    def do(self, fault: Fault, hosts: list[Host]) -> bool:
        """Whether it changed anything. Raises :class:`BadInput` for a bridge that does not have two ends."""
        network, scale = self._machines.site.network, self._machines.site.clock.scale
        match fault.kind:
            case FaultKind.HEAL:
                return network.heal()
            case FaultKind.PARTITION | FaultKind.ONE_WAY:
                return self._machines.cut_off(fault.nodes, both=fault.kind is FaultKind.PARTITION)
            case FaultKind.NB_CUT | FaultKind.SB_CUT:
                return self._machines.cut_raft(fault.nodes, _PORTS[fault.kind])
            case FaultKind.BRIDGE:
                if len(fault.nodes) != 2:
                    raise BadInput(f"a bridge has two ends, not {len(fault.nodes)}", todo="name two nodes")
                one, other = fault.nodes
                return network.cut([(one, other), (other, one)])
            case FaultKind.LOSS:
                return sum([network.lose(node) for node in fault.nodes]) > 0
            case FaultKind.DELAY | FaultKind.REORDER:
                late = (LINKS_LATE,) if fault.kind is FaultKind.DELAY else OVERTAKES
                return sum([network.delay(node, tuple(part * scale for part in late)) for node in fault.nodes]) > 0
        return sum([self._of_host[fault.kind](host) for host in hosts]) > 0

    def felt(self, kind: FaultKind, host: Host) -> int:
        """How often something would have gone otherwise but for a fault of :data:`harness.faults.LATENT`."""
        match kind:
            case FaultKind.DISK_FULL:
                return host.disk.refused()
            case FaultKind.SLOW_DISK:
                return host.disk.delayed()
            case FaultKind.FORGET:
                return host.disk.forgotten
            case FaultKind.SLOW_START:
                return host.late_starts
            case FaultKind.SAYS_READY | FaultKind.SAYS_UNREADY:
                return host.lies
        return self._machines.site.network.felt()

    def _power_off(self, host: Host) -> bool:
        changed = self._machines.unplug(host.name) and self._kube.node_down(host.name)
        if changed:
            host.disk.lose_power()
        return changed

    def _power_on(self, host: Host) -> bool:
        return self._machines.plug(host.name) and self._kube.node_up(host.name)

    def _slow_disk(self, host: Host) -> bool:
        seconds = SYNCS_LATE * self._machines.site.clock.scale
        return host.disk.slow_down(seconds, self._machines.servers(host.name))

    def _mend(self, host: Host) -> bool:
        was = host.late > 0 or host.says is not None
        host.late, host.says = 0.0, None
        return host.disk.mend(self._machines.servers(host.name)) or was


def _set(host: Host, name: str, value: object) -> bool:
    before = getattr(host, name)
    setattr(host, name, value)
    return bool(before != value)
