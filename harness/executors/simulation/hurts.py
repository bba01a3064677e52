"""What faults do to a simulated cluster, kind by kind."""

from __future__ import annotations

from collections.abc import Callable

from fake_kube.cluster import Cluster
from fake_raft.weather import DELAY, LOSS, REORDER
from harness.cluster import Database
from harness.errors import BadInput
from harness.executors.simulation.cluster import Machines
from harness.executors.simulation.host import Machine
from harness.faults import LATENT, STARTS_LATE, SYNCS_LATE, Fault, FaultKind

_WEATHER = {FaultKind.DELAY: DELAY, FaultKind.LOSS: LOSS, FaultKind.REORDER: REORDER}
_PORTS = {FaultKind.NB_CUT: Database.NB, FaultKind.SB_CUT: Database.SB}


class Hurts:
    """Every kind of :class:`harness.faults.FaultKind`, on machines in memory."""

    def __init__(self, machines: Machines, kube: Cluster) -> None:
        self._machines = machines
        self._kube = kube
        self._of_node: dict[FaultKind, Callable[[Machine], bool]] = {
            FaultKind.CRASH: machines.crash,
            FaultKind.STOP: machines.stop,
            FaultKind.NODE_DOWN: self._power_off,
            FaultKind.NODE_UP: self._power_on,
            FaultKind.PAUSE: lambda machine: machines.pause(machine, True),
            FaultKind.RESUME: lambda machine: machines.pause(machine, False),
            FaultKind.WIPE: Machine.wipe,
            FaultKind.KEEP_COPY: Machine.keep_copy,
            FaultKind.STALE_DISK: machines.put_back,
            FaultKind.FORGET: lambda machine: machine.hamper(forgets=True),
            FaultKind.DISK_FULL: lambda machine: machine.hamper(full=True),
            FaultKind.SLOW_DISK: lambda machine: machine.hamper(slow=SYNCS_LATE),
            FaultKind.SLOW_START: lambda machine: machines.starts_late(machine, STARTS_LATE),
            FaultKind.SAYS_READY: lambda machine: machines.says(machine, True),
            FaultKind.SAYS_UNREADY: lambda machine: machines.says(machine, False),
            FaultKind.MEND: machines.mend,
        }

    def do(self, fault: Fault, machines: list[Machine]) -> bool:
        """Whether it changed anything. Raises :class:`BadInput` for a bridge that does not have two ends."""
        match fault.kind:
            case FaultKind.HEAL:
                return self._machines.heal()
            case FaultKind.PARTITION | FaultKind.ONE_WAY:
                return self._machines.cut_off(machines, both=fault.kind is FaultKind.PARTITION)
            case FaultKind.NB_CUT | FaultKind.SB_CUT:
                return self._machines.cut_raft(machines, _PORTS[fault.kind])
            case FaultKind.BRIDGE:
                if len(machines) != 2:
                    raise BadInput(f"a bridge has two ends, not {len(machines)}", todo="name two nodes")
                return self._machines.cut_apart(machines[0], machines[1])
            case FaultKind.DELAY | FaultKind.LOSS | FaultKind.REORDER:
                return sum([self._machines.worsen(machine, _WEATHER[fault.kind]) for machine in machines]) > 0
        return sum([self._of_node[fault.kind](machine) for machine in machines]) > 0

    def felt(self, kind: FaultKind, machine: Machine) -> int:
        """How often something would have gone otherwise but for a fault of :data:`harness.faults.LATENT`."""
        assert kind in LATENT, "others say at once whether they changed anything"
        match kind:
            case FaultKind.DISK_FULL:
                return machine.refused + sum(disk.unwritten for disk in machine.made)
            case FaultKind.SLOW_DISK:
                return sum(disk.delayed for disk in machine.made)
            case FaultKind.FORGET:
                return sum(disk.forgotten for disk in machine.made)
            case FaultKind.SLOW_START:
                return machine.late_starts
            case FaultKind.SAYS_READY | FaultKind.SAYS_UNREADY:
                return machine.lies
        return self._machines.world.network.weather.felt

    def _power_on(self, machine: Machine) -> bool:
        changed = self._machines.power_on(machine)
        if changed:
            self._kube.node_up(machine.name)
        return changed

    def _power_off(self, machine: Machine) -> bool:
        changed = self._machines.power_off(machine)
        if changed:
            self._kube.node_down(machine.name)
        return changed
