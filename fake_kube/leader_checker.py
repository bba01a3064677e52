"""kube-ovn-leader-checker: the process that keeps leader labels, saves raft headers and may end its pod.

It runs in the foreground of the start script (its :class:`fake_kube.start_script.Serve`), one a pod.
Source: facts, kube-ovn 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fake_kube.cluster import Cluster
from fake_kube.objects import KubeError
from fake_kube.profile import KubeOvnProfile
from fake_kube.runtime import Clock
from fake_kube.timers import Timers

PERIOD = 5.0
NB_LABEL = "ovn-nb-leader"
SB_LABEL = "ovn-sb-leader"
NORTHD_LABEL = "ovn-northd-leader"


@dataclass(frozen=True, slots=True)
class LeaderFlags:
    """What the pod's own servers and northd say of themselves."""

    nb: bool
    sb: bool
    northd: bool


@dataclass(frozen=True, slots=True)
class Peers:
    """What the leader checker learns when its own server leads ``db``.

    ``leaders``: other addresses of NODE_IPS whose server says that it leads; ``servers``: servers in the own status.
    """

    db: str
    leaders: tuple[str, ...] = ()
    servers: int | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the checker can do, given by whoever runs the pod's processes. Each may answer now or later.

    ``ask``: look at the own servers; None (or no answer) when the pidfile checks or a query fail.
    ``ask_peers``: ``(db, done)``, only called for a database that the own server leads.
    ``destroy``: delete the own file of ``db`` (the integrity check of some releases). ``fatal``: the checker has
    ended; its start script ends with it. ``write_header``: save the raft header of both databases.
    """

    ask: Callable[[Callable[[LeaderFlags | None], None]], None]
    ask_peers: Callable[[str, Callable[[Peers], None]], None] | None = None
    destroy: Callable[[str], None] | None = None
    fatal: Callable[[str], None] | None = None
    write_header: Callable[[], None] | None = None


class LeaderChecker:
    """Looks every five seconds while it runs. Labels of a pod whose checker can't look go stale: nobody clears them."""

    def __init__(self, cluster: Cluster, clock: Clock, pod: str, profile: KubeOvnProfile, hooks: Hooks) -> None:
        self._cluster = cluster
        self._pod = pod
        self._profile = profile
        self._hooks = hooks
        self._timers = Timers(clock)
        self._asked = 0
        self._strikes = {"nb": 0, "sb": 0}
        self._timers.later(0, self._tick)

    def stop(self) -> None:
        """The container was killed. ``fatal`` is not called."""
        self._asked += 1
        self._timers.close()

    def _tick(self) -> None:
        self._timers.later(PERIOD, self._tick)
        self._asked += 1
        asked = self._asked

        def answered(flags: LeaderFlags | None) -> None:
            if asked == self._asked and flags is not None:
                self._look(flags, asked)

        self._hooks.ask(answered)

    def _look(self, flags: LeaderFlags, asked: int) -> None:
        try:
            for label, value in ((NB_LABEL, flags.nb), (SB_LABEL, flags.sb), (NORTHD_LABEL, flags.northd)):
                self._cluster.label_pod(self._pod, label, "true" if value else "false")
        except KubeError:
            return
        if self._hooks.write_header is not None and self._profile.writes_header:
            self._hooks.write_header()
        for db, leads in (("nb", flags.nb), ("sb", flags.sb)):
            if not leads:
                self._strikes[db] = 0
            elif self._hooks.ask_peers is not None and self._wants_peers:
                self._hooks.ask_peers(db, lambda peers: self._judge(peers) if asked == self._asked else None)

    @property
    def _wants_peers(self) -> bool:
        return self._profile.duplicate_leader.strikes > 0 or self._profile.integrity_check

    def _judge(self, peers: Peers) -> None:
        """A second leader, or (in some releases) a cluster smaller than NODE_IPS, ends the pod."""
        needed = self._profile.duplicate_leader.strikes
        self._strikes[peers.db] = self._strikes[peers.db] + 1 if peers.leaders else 0
        if needed and self._strikes[peers.db] >= needed:
            self._die(f"{peers.db}: multiple leaders, also {', '.join(peers.leaders)}")
        elif self._profile.integrity_check and peers.servers is not None and peers.servers < self._expected():
            if self._hooks.destroy is not None:
                self._hooks.destroy(peers.db)
            self._die(f"{peers.db}: {peers.servers} servers, {self._expected()} in NODE_IPS")

    def _expected(self) -> int:
        pod = self._cluster.pods.get(self._pod)
        return 0 if pod is None else len([item for item in pod.env.get("NODE_IPS", "").split(",") if item.strip()])

    def _die(self, reason: str) -> None:
        self.stop()
        if self._hooks.fatal is not None:
            self._hooks.fatal(reason)
