"""A small world for the runner: an executor over a mutable cluster description, moved on one second at a time.

It is not the simulator. It knows just enough of Deployments, DaemonSets, kubelets and raft for a plan to succeed or to
go wrong for the right reason: rollouts with maxUnavailable 1 and victim ranking, pause, scaling in proportion over two
ReplicaSets, anti-affinity, the NODE_IPS gate, joining, kicking and "left" files. At each second it notes which database
has no majority (``leaderless``) and which is led from an address that writers do not know (``out_of_reach``).
Everything is scriptable: ``at`` runs a function at a time, ``before`` and ``after`` hook every mutation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from support_views import Cluster, Server, central_pod, server_id

from harness.addresses import host_of, raft_address, split_list
from harness.cluster import DATABASES, ClusterView, Database, NodeFiles, Pod, Report, Workload
from harness.executor import Capability, Reply, RolloutStatus, Timing, WaitTimeout
from harness.rollout_order import COST_SINCE, cost

T = TypeVar("T")
CENTRAL = "ovn-central"
WRITER = "kube-ovn-controller"
REMOVAL = 4.0
READY = 3.0
UNREADY = 35.0
"""Seconds until an old pod object is gone, a started container is Ready, a failing one is NotReady."""


class World:
    """Implements :class:`harness.executor.Executor`. ``still`` worlds change only by scripts and mutations."""

    name = "stub"
    capabilities: frozenset[Capability] = frozenset()
    timing = Timing(election=6.0, restart=10.0, poll=1.0)

    def __init__(self, cluster: Cluster, *, still: bool = False) -> None:
        self.cluster = cluster
        self.start = cluster.at
        self.still = still
        self.mutations: list[tuple[object, ...]] = []
        self.looks = 0
        self.leaderless: list[tuple[float, Database]] = []
        self.out_of_reach: list[tuple[float, Database]] = []
        self.before: Callable[[tuple[object, ...]], None] = lambda mutation: None
        self.after: Callable[[tuple[object, ...]], None] = lambda mutation: None
        self.disks: dict[str, list[str] | None] = {node.name: [] for node in cluster.nodes}
        self.left: set[tuple[Database, str]] = set()
        self.since: dict[str, float] = {}
        self.sizes: dict[str, int] = {}
        self.desired = cluster.workloads[CENTRAL].replicas
        self._script: list[tuple[float, Callable[[], object]]] = []
        self._serial = 0
        for pod in cluster.central():
            self.sizes[pod.env["NODE_IPS"]] = self.sizes.get(pod.env["NODE_IPS"], 0) + 1
        for server in [server for raft in cluster.raft.values() for server in raft.servers]:
            if server.node is not None:
                self.disks[server.node] = ["ovnnb_db.db", "ovnsb_db.db"]

    # -- script -------------------------------------------------------------------------------------------------

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Do ``action`` when ``now()`` reaches ``seconds``."""
        self._script.append((seconds, action))

    def _mutate(self, *mutation: object) -> None:
        self.before(mutation)
        self.mutations.append(mutation)

    def _done(self) -> None:
        self._watch_quorum()
        self.after(self.mutations[-1])

    # -- observe ------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.cluster.at - self.start

    def view(self) -> ClusterView:
        self.looks += 1
        return self.cluster.view()

    def status(self, database: Database, node: str) -> Report:
        return self.cluster.report(database, node) or Report(node, database, None, "no pod")

    def status_text(self, database: Database, node: str) -> Reply:
        report = self.status(database, node)
        return (
            Reply(0, f"{report.status.nickname}\nName: {database.schema}\n")
            if report.status
            else Reply(2, report.error)
        )

    def configuration(self, database: Database, node: str) -> Mapping[str, str]:
        return {server.sid: server.address for server in self.cluster.raft[database].servers}

    def files(self, node: str) -> NodeFiles:
        names = self.disks[node]
        reachable = self.cluster.node(node).ready and names is not None
        return NodeFiles(node, tuple(sorted(names or ())) if reachable else None)

    def rollout_status(self, kind: str, workload: str) -> RolloutStatus:
        found = self.cluster.workloads[workload]
        pods = [p for p in self.cluster.pods if p.app == found.app and not p.terminating]
        fresh = [p for p in pods if _fits(p, found.env) and p.ready]
        done = not found.paused and len(fresh) == len(pods) >= (found.replicas if kind == "Deployment" else 0)
        return RolloutStatus(done, f"{found.ref} {'successfully rolled out' if done else 'is rolling'}")

    # -- act ----------------------------------------------------------------------------------------------------

    def kick(self, database: Database, via: str, server: str) -> Reply:
        self._mutate("kick", database, via, server)
        reply = self._kick(database, via, server)
        self._done()
        return reply

    def _kick(self, database: Database, via: str, server: str) -> Reply:
        raft = self.cluster.raft[database]
        teller = self.status(database, via).status
        if teller is None:
            return Reply(2, "unknown cluster")
        found = [s for s in raft.servers if s.sid.startswith(server) or s.address == server]
        if len(found) != 1:
            return Reply(2, "unknown server")
        if raft.leader is None:
            return Reply(2, "failed to send removal request")
        if found[0].running and found[0].node is not None:
            self.left.add((database, found[0].node))
            self.since[self.cluster.pod_on(found[0].node).name] = self.cluster.at
        raft.servers.remove(found[0])
        leads = raft.leader == via
        raft.elect()
        return Reply(0, "started removal" if leads else "sent removal request to leader")

    def move_leadership(self, database: Database, via: str) -> Reply:
        self._mutate("move_leadership", database, via)
        raft = self.cluster.raft[database]
        others = [s.node for s in raft.live() if s.node != via]
        if raft.leader == via and others:
            raft.leader, raft.term = others[0], raft.term + 1
        self._done()
        return Reply(0, "")

    def backup(self, database: Database, via: str) -> Reply:
        self._mutate("backup", database, via)
        self._done()
        return Reply(0, f"/tmp/ovn{database}_db.backup")

    def label_node(self, node: str, key: str, value: str | None) -> None:
        self._mutate("label_node", node, key, value)
        self.cluster.label(node, value)
        self._done()

    def annotate_pod(self, pod: str, key: str, value: str | None) -> None:
        self._mutate("annotate_pod", pod, key, value)
        self.cluster.put_pod(pod, annotations={} if value is None else {key: value})
        self._done()

    def scale(self, workload: str, replicas: int) -> None:
        self._mutate("scale", workload, replicas)
        self.cluster.put_workload(workload, replicas=replicas)
        self._done()

    def set_env(self, kind: str, workload: str, name: str, value: str) -> None:
        self._mutate("set_env", kind, workload, name, value)
        self.cluster.set_env(workload, name, value)
        self._done()

    def patch_rollout(self, workload: str, *, min_ready_seconds: int | None = None) -> None:
        self._mutate("patch_rollout", workload, min_ready_seconds)
        self.cluster.put_workload(workload, min_ready_seconds=min_ready_seconds)
        self._done()

    def pause(self, workload: str) -> None:
        self._mutate("pause", workload)
        self.cluster.put_workload(workload, paused=True)
        self._done()

    def resume(self, workload: str) -> None:
        self._mutate("resume", workload)
        self.cluster.put_workload(workload, paused=False)
        self._done()

    def delete_pod(self, pod: str) -> None:
        self._mutate("delete_pod", pod)
        self._terminate(next(p for p in self.cluster.pods if p.name == pod))
        self._done()

    def delete_pods(self, app: str) -> tuple[str, ...]:
        self._mutate("delete_pods", app)
        names = tuple(pod.name for pod in self.cluster.pods if pod.app == app)
        for pod in [pod for pod in self.cluster.pods if pod.app == app]:
            self._terminate(pod)
        self._done()
        return names

    def remove_directory(self, node: str) -> Reply:
        self._mutate("remove_directory", node)
        if not self.cluster.node(node).ready:
            return Reply(1, "no route to host")
        self.disks[node] = []
        self.left -= {(db, node) for db in DATABASES}
        self._done()
        return Reply(0, "")

    # -- time ---------------------------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        deadline = self.now() + timeout
        while True:
            result = condition()
            if result:
                return result
            if self.now() >= deadline:
                raise WaitTimeout(reason, timeout)
            self.tick()

    def sleep(self, seconds: float) -> None:
        end = self.now() + seconds
        while self.now() < end:
            self.tick()

    def close(self) -> None:
        return None

    def tick(self) -> None:
        """One second passes."""
        self.cluster.at += 1.0
        due = [action for at, action in self._script if at <= self.now()]
        self._script = [(at, action) for at, action in self._script if at > self.now()]
        for action in due:
            action()
        if not self.still:
            self._controllers()
            self._schedule()
            self._kubelets()
            self._daemonsets()
            self._label_leaders()
        self._watch_quorum()

    def _watch_quorum(self) -> None:
        for database, raft in self.cluster.raft.items():
            if not self.still:
                raft.elect()
            if raft.leader is None:
                self.leaderless.append((self.now(), database))
            elif self.cluster.address(raft.leader) not in split_list(self.cluster.workloads[WRITER].env["OVN_DB_IPS"]):
                self.out_of_reach.append((self.now(), database))

    # -- Deployment and ReplicaSets -----------------------------------------------------------------------------

    def _active(self, template: str) -> list[Pod]:
        pods = [pod for pod in self.cluster.central() if not pod.terminating and pod.phase in ("Running", "Pending")]
        return [pod for pod in pods if pod.env["NODE_IPS"] == template]

    def _available(self, pod: Pod) -> bool:
        wanted = self.cluster.workloads[CENTRAL].min_ready_seconds
        return pod.ready and pod.ready_since is not None and self.cluster.at - pod.ready_since >= wanted

    def _controllers(self) -> None:
        deployment = self.cluster.workloads[CENTRAL]
        current = deployment.env["NODE_IPS"]
        self.sizes = {t: n for t, n in self.sizes.items() if n or t == current}
        total = sum(self.sizes.values())
        if deployment.paused or deployment.replicas != self.desired:
            self._scale_in_proportion(deployment.replicas - total)
        self.desired = deployment.replicas
        if not deployment.paused:
            self._roll(current, deployment.replicas)
        for template, size in self.sizes.items():
            self._replicas(template, size)
        for workload in self.cluster.workloads.values():
            if workload.kind == "Deployment" and workload.name != CENTRAL:
                self._replace_all(workload)

    def _replace_all(self, workload: Workload) -> None:
        """A Deployment with maxUnavailable 100%: every outdated pod at once, on a node that is up."""
        up = next((node for node in self.cluster.nodes if node.ready), None)
        for pod in [pod for pod in self.cluster.pods if pod.app == workload.app]:
            if up is not None and not _fits(pod, workload.env):
                self.cluster.put_pod(
                    pod.name,
                    env=workload.env,
                    node=up.name,
                    address=up.address,
                    ready=True,
                    ready_since=self.cluster.at,
                )

    def _scale_in_proportion(self, change: int) -> None:
        for _ in range(abs(change)):
            biggest = max(self.sizes, key=lambda template: self.sizes[template])
            self.sizes[biggest] += 1 if change > 0 else -1

    def _roll(self, current: str, replicas: int) -> None:
        self.sizes.setdefault(current, 0)
        self.sizes[current] += max(0, replicas - sum(self.sizes.values()))
        fresh_unavailable = sum(1 for pod in self._active(current) if not self._available(pod))
        fresh_unavailable += max(0, self.sizes[current] - len(self._active(current)))
        budget = sum(self.sizes.values()) - (replicas - 1) - fresh_unavailable
        old = [t for t in self.sizes if t != current and self.sizes[t]]
        unhealthy = {t: sum(1 for pod in self._active(t) if not self._available(pod)) for t in old}
        for template in old:
            while budget > 0 and unhealthy[template] and self.sizes[template]:
                self.sizes[template] -= 1
                unhealthy[template] -= 1
                budget -= 1
        available = sum(1 for t in self.sizes for pod in self._active(t) if self._available(pod))
        spare = min(available - (replicas - 1), budget)
        for template in old:
            while spare > 0 and self.sizes[template]:
                self.sizes[template] -= 1
                spare -= 1

    def _replicas(self, template: str, size: int) -> None:
        pods = self._active(template)
        for _ in range(size - len(pods)):
            self._serial += 1
            name = f"ovn-central-{self._serial:04d}"
            self.cluster.pods.append(central_pod(name, None, None, {"NODE_IPS": template}, None))
        for pod in sorted(pods, key=self._rank)[: max(0, len(pods) - size)]:
            self._terminate(pod)

    def _rank(self, pod: Pod) -> tuple[object, ...]:
        use_cost = self.cluster.versions.kubernetes >= COST_SINCE
        since = pod.ready_since if pod.ready_since is not None else float("inf")
        return (pod.node is not None, pod.ready, cost(pod) if use_cost else 0, -since)

    def _terminate(self, pod: Pod) -> None:
        if pod.terminating:
            return
        if pod.node is None:
            self.cluster.pods.remove(pod)
            return
        self.cluster.put_pod(pod.name, terminating=True, ready=False, ready_since=None)
        self.since[pod.name] = self.cluster.at
        if pod.app == CENTRAL:
            self._stop(pod.node)

    def _stop(self, node: str) -> None:
        for raft in self.cluster.raft.values():
            for server in raft.servers:
                if server.node == node:
                    server.running = False
            raft.elect()

    # -- scheduler and kubelets ---------------------------------------------------------------------------------

    def _schedule(self) -> None:
        for pod in [pod for pod in self.cluster.central() if pod.node is None]:
            taken = {other.node for other in self.cluster.central() if other.phase in ("Running", "Pending")}
            free = [n for n in self.cluster.view().labelled() if n.name not in taken and n.ready]
            if free:
                self.cluster.put_pod(pod.name, node=free[0].name, address=free[0].address, phase="Running")
                self.since[pod.name] = self.cluster.at

    def _kubelets(self) -> None:
        for pod in list(self.cluster.pods):
            node = self.cluster.node(pod.node) if pod.node is not None else None
            if node is None or not node.ready:
                continue
            age = self.cluster.at - self.since.get(pod.name, self.start)
            if pod.terminating:
                if age >= REMOVAL:
                    self.cluster.pods.remove(pod)
            elif pod.app == CENTRAL:
                self._run(pod, node.name, age)
            elif not pod.ready and age >= READY:
                self.cluster.put_pod(pod.name, ready=True, ready_since=self.cluster.at)

    def _run(self, pod: Pod, node: str, age: float) -> None:
        allowed = pod.address in split_list(pod.env["NODE_IPS"])
        serving = [self._serve(db, node) for db in DATABASES] if allowed else [False]
        healthy = all(serving)
        if pod.ready and not healthy and age >= UNREADY:
            self.cluster.put_pod(pod.name, ready=False, ready_since=None)
        if not pod.ready and healthy and age >= READY:
            self.cluster.put_pod(pod.name, ready=True, ready_since=self.cluster.at)

    def _serve(self, database: Database, node: str) -> bool:
        """What a start script does with the files it finds; whether the server is a member now."""
        if (database, node) in self.left:
            return False
        raft = self.cluster.raft[database]
        mine = next((s for s in raft.servers if s.node == node), None)
        disk = self.disks[node]
        assert disk is not None
        if mine is not None:
            mine.running = True
        elif raft.leader is not None and database.file not in disk:
            address = raft_address(self.cluster.address(node), database.raft_port)
            self._serial += 1
            raft.servers.append(Server(server_id(database, 0x10 + self._serial), address, node))
            disk.append(database.file)
        raft.elect()
        return mine is not None

    def _label_leaders(self) -> None:
        for pod in self.cluster.central():
            leads = {db: self.cluster.raft[db].leader == pod.node and pod.node is not None for db in DATABASES}
            flags = {"nb": leads[Database.NB], "sb": leads[Database.SB], "northd": leads[Database.SB]}
            self.cluster.put_pod(
                pod.name, labels={f"ovn-{what}-leader": str(flag).lower() for what, flag in flags.items()}
            )

    # -- DaemonSets ---------------------------------------------------------------------------------------------

    def _daemonsets(self) -> None:
        for workload in self.cluster.workloads.values():
            if workload.kind == "DaemonSet" and workload.replicas:
                self._daemonset(workload.app, workload.env, rolling=workload.strategy == "RollingUpdate")

    def _daemonset(self, app: str, env: Mapping[str, str], *, rolling: bool) -> None:
        pods = [pod for pod in self.cluster.pods if pod.app == app]
        for node in self.cluster.nodes:
            if all(pod.node != node.name for pod in pods):
                self._serial += 1
                name = f"{app}-{self._serial:04d}"
                self.cluster.pods.append(Pod(name, app, node.name, node.address, "Running", False, env=env))
                self.since[name] = self.cluster.at
                return
        outdated = [pod for pod in pods if not _fits(pod, env)]
        if rolling and outdated and all(pod.ready for pod in pods):
            self._terminate(outdated[0])


def _fits(pod: Pod, env: Mapping[str, str]) -> bool:
    return all(pod.env.get(name) == value for name, value in env.items())


def hosts(cluster: Cluster, database: Database) -> list[str]:
    return sorted(host_of(server.address) for server in cluster.raft[database].servers)
