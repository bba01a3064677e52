"""kube-ovn-leader-checker: the process that keeps leader labels, saves raft headers and may end its pod.

In each ovn-central pod it runs in the foreground of the start script (:class:`fake_kube.start_script.Serve`).
Source: facts, kube-ovn 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fake_kube.cluster import Cluster
from fake_kube.objects import KubeError, Pod
from fake_kube.profile import KubeOvnProfile
from fake_kube.timers import Timers

PERIOD = 5.0
CENTRAL = "ovn-central"
NB_LABEL = "ovn-nb-leader"
SB_LABEL = "ovn-sb-leader"
NORTHD_LABEL = "ovn-northd-leader"


@dataclass(frozen=True, slots=True)
class LeaderFlags:
    """What a pod's own servers and northd say of themselves."""

    nb: bool
    sb: bool
    northd: bool


@dataclass(frozen=True, slots=True)
class Peers:
    """What is seen from a pod whose own server leads ``db``.

    ``leaders``: other addresses of the pod's NODE_IPS whose server says that it leads; ``servers``: how many servers
    the own ``cluster/status`` lists (None if it can't be had).
    """

    db: str
    leaders: tuple[str, ...] = ()
    servers: int | None = None


Ask = Callable[[Pod, Callable[[LeaderFlags | None], None]], None]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What some releases' checkers do besides labelling, given by whoever runs the processes.

    ``ask_peers(pod, db, done)`` is only called for a database that the pod's server leads. ``destroy(pod, db)``
    deletes the pod's own file of ``db`` (the integrity check). ``fatal(pod, reason)``: the pod's checker has ended,
    and so its start script ends. ``write_header(pod)`` saves the raft header of both databases.
    """

    ask_peers: Callable[[Pod, str, Callable[[Peers], None]], None] | None = None
    destroy: Callable[[Pod, str], None] | None = None
    fatal: Callable[[Pod, str], None] | None = None
    write_header: Callable[[Pod], None] | None = None


class LeaderChecker:
    """The checkers of all running ovn-central pods: each looks every five seconds.

    ``ask(pod, done)`` looks at the pod's own servers, now or later; None (or no answer) when the pidfile checks or a
    query fail, or the start script is not that far. Labels of a pod that can't look go stale: nobody clears them.
    """

    def __init__(self, cluster: Cluster, ask: Ask, profile: KubeOvnProfile, hooks: Hooks | None = None) -> None:
        self._cluster = cluster
        self._ask = ask
        self._profile = profile
        self._hooks = hooks or Hooks()
        self._timers = Timers(cluster.clock)
        self._strikes: dict[tuple[str, int, str], int] = {}
        self._timers.later(PERIOD, self._tick)

    def stop(self) -> None:
        """No checker looks any more."""
        self._timers.close()

    def _tick(self) -> None:
        self._timers.later(PERIOD, self._tick)
        for pod in self._cluster.pods_of(CENTRAL):
            if pod.running:
                self._ask_one(pod)

    def _ask_one(self, pod: Pod) -> None:
        life = pod.restarts

        def answered(flags: LeaderFlags | None) -> None:
            if flags is not None and pod.running and pod.restarts == life:
                self._look(pod, flags)

        self._ask(pod, answered)

    def _look(self, pod: Pod, flags: LeaderFlags) -> None:
        try:
            for label, value in ((NB_LABEL, flags.nb), (SB_LABEL, flags.sb), (NORTHD_LABEL, flags.northd)):
                self._cluster.label_pod(pod.name, label, "true" if value else "false")
        except KubeError:
            return
        if self._hooks.write_header is not None and self._profile.writes_header:
            self._hooks.write_header(pod)
        for db, leads in (("nb", flags.nb), ("sb", flags.sb)):
            if not leads:
                self._strikes.pop((pod.name, pod.restarts, db), None)
            elif self._hooks.ask_peers is not None and self._wants_peers:
                self._hooks.ask_peers(pod, db, lambda peers: self._judge(pod, peers))

    @property
    def _wants_peers(self) -> bool:
        return self._profile.duplicate_leader.strikes > 0 or self._profile.integrity_check

    def _judge(self, pod: Pod, peers: Peers) -> None:
        """A second leader, or (in some releases) a cluster smaller than NODE_IPS, ends the pod."""
        if not pod.running:
            return
        key = (pod.name, pod.restarts, peers.db)
        self._strikes[key] = self._strikes.get(key, 0) + 1 if peers.leaders else 0
        needed = self._profile.duplicate_leader.strikes
        expected = len([item for item in pod.env.get("NODE_IPS", "").split(",") if item.strip()])
        if needed and self._strikes[key] >= needed:
            self._strikes[key] = 0
            self._die(pod, f"{peers.db}: multiple leaders, also {', '.join(peers.leaders)}")
        elif self._profile.integrity_check and peers.servers is not None and peers.servers < expected:
            if self._hooks.destroy is not None:
                self._hooks.destroy(pod, peers.db)
            self._die(pod, f"{peers.db}: {peers.servers} servers, {expected} in NODE_IPS")

    def _die(self, pod: Pod, reason: str) -> None:
        if self._hooks.fatal is not None:
            self._hooks.fatal(pod, reason)
