"""The backend ``kind``: real ovn-central pods in a kind cluster of our own, which may be hurt.

``ci/lab.sh`` makes the cluster and puts ovn-central into it; a new executor has it begin anew. The cluster itself
outlives executors: pytest-kind's fixture in the checkout's ``conftest.py``, or ``ci/lab.sh down``, removes it.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from harness.addresses import split_list
from harness.cluster import Database
from harness.errors import BadInput, OvnswapError
from harness.executor import Capability, Reply, Timing
from harness.executors.kind_hurts import FAULTS, Hurts, docker
from harness.executors.kube import execution, installation, objects
from harness.executors.kube.api import Api
from harness.executors.kube.api import connect as read_kubeconfig
from harness.executors.kubernetes import KubernetesExecutor
from harness.executors.processes import jsonrpc
from harness.executors.processes.client import ProcessClient
from harness.executors.processes.database import markers
from harness.executors.processes.network import Pair
from harness.executors.processes.real_clock import RealClock
from harness.faults import Fault, FaultKind, FaultPlan
from harness.raft_events import RaftEvent
from harness.recording import Letter
from harness.spec import ClusterSpec
from harness.steps import CONTROLLER
from harness.workload import Client

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "ci" / "lab.sh"
DEFAULT_NAME = "ovnswap-lab"
INSTALL = "LAB_INSTALL"
"""The variable that says how ovn-central gets into the cluster: ``lab`` or ``kube-ovn``; ``--ovn-install`` sets it."""

NODES = 4
"""Three control planes and a worker: as many members and spares as a spec may ask for."""

BEGINS_WITHIN = 900
"""Real seconds that making the cluster, if need be, and its ovn-central may take."""

PATIENCE = 2.0
"""Seconds for a question to a server that is not asked through Kubernetes."""

LISTED_FOR = 1.0
"""Seconds for which a pod's OVN_DB_IPS are not looked at again."""

BEAT = 1.0
"""Seconds between two looks at how late this machine is with its own timers."""

OVS_APP = "ovs"


def missing() -> str | None:
    """Why no kind cluster can be used here, with what helps; None if one can."""
    for module, package in (("kubernetes", "kubernetes"), ("pytest_kind", "pytest-kind")):
        if importlib.util.find_spec(module) is None:
            return f"the package {package} is not installed: pip install 'ovnswap[kind]'"
    if not LAB.exists():
        return "ci/lab.sh is not here: run it from a checkout"
    if shutil.which("docker") is None:
        return "docker not found: sudo apt-get install docker.io"
    if docker("info", "--format", "{{.ServerVersion}}").returncode != 0:
        return "Docker does not answer: start it, or ci/lab.sh up"
    return None


def name() -> str:
    """The cluster's name: LAB_NAME, or the usual one."""
    return os.environ.get("LAB_NAME") or DEFAULT_NAME


def directory() -> Path:
    """Where ``ci/lab.sh`` keeps the cluster's kubeconfig: LAB_DIR, or in the checkout."""
    return Path(os.environ.get("LAB_DIR") or ROOT / ".make" / "lab" / name())


def lab(command: str, spec: ClusterSpec | None = None) -> str:
    """Run ``ci/lab.sh COMMAND`` for ``spec``; returns what it printed. Raises OvnswapError with its words."""
    env = dict(os.environ, LAB_NAME=name(), LAB_DIR=str(directory()))
    if spec is not None:
        env["LAB_MEMBERS"], env["LAB_SPARES"] = str(spec.members), str(NODES - spec.members)
        if env.get(INSTALL) != "kube-ovn":  # its chart has its own release and placement
            env["LAB_RELEASE"], env["LAB_PLACEMENT"] = spec.versions.kube_ovn, spec.placement
    try:
        done = subprocess.run(
            [LAB, command],
            env=env,
            capture_output=True,
            text=True,
            timeout=BEGINS_WITHIN,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OvnswapError(f"ci/lab.sh {command} took longer than {BEGINS_WITHIN} s") from None
    if done.returncode != 0:
        last = "; ".join(done.stderr.strip().splitlines()[-3:])
        raise OvnswapError(f"ci/lab.sh {command} failed: {last}", todo=f"see {directory() / 'log'}")
    return done.stdout


def cluster(kubeconfig: Path, image: str | None, kind_path: Path, kubectl_path: Path) -> Any:
    """pytest-kind's object for the lab's cluster; nothing is made yet. Raises ImportError if it is not installed."""
    from pytest_kind import KindCluster

    return KindCluster(name(), kubeconfig, image=image, kind_path=kind_path, kubectl_path=kubectl_path)


def unsuitable(spec: ClusterSpec) -> str | None:
    """Why the cluster can't have this shape; None if it can."""
    if spec.members + spec.spares > NODES:
        return f"the kind cluster has {NODES} nodes, not {spec.members + spec.spares}"
    if os.environ.get(INSTALL) == "kube-ovn" and spec.placement == "affinity":
        return "what places ovn-central is for Kube-OVN's chart to say"
    if spec.extra_workloads:
        return "the lab has no ovn-ic-controller and no ovs-ovn-dpdk"
    return None


def tls() -> ssl.SSLContext | None:
    """How a client shows itself to the lab's servers, which ``LAB_SSL=1`` makes speak TLS; None without it.

    OVSDB looks at who signed a certificate, not at the name in it.
    """
    keys = directory() / "tls"
    if not (keys / "cert").exists():
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(keys / "cacert")
    context.load_cert_chain(keys / "cert", keys / "key")
    return context


class Outside:
    """The network as the client sees it: Docker's bridge. Faults on it are made in the nodes."""

    partitions = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls

    def add(self, host: str) -> str:
        raise NotImplementedError(host)

    def namespace(self, _host: str) -> int | None:
        return None

    def socket(self, _host: str) -> socket.socket:
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        return plain if self._tls is None else self._tls.wrap_socket(plain)

    def link(self, host: str, up: bool) -> None:
        raise NotImplementedError((host, up))

    waits = False

    def cut(self, _pairs: Iterable[Pair], _port: int | None = None) -> bool:
        return False

    def lose(self, host: str) -> bool:
        raise NotImplementedError(host)

    def delay(self, host: str, late: tuple[float, ...]) -> bool:
        raise NotImplementedError((host, late))

    def felt(self) -> int:
        return 0

    def heal(self) -> bool:
        return False

    def rejoin(self, pairs: Iterable[Pair]) -> None:
        """Never called: nodes of kind are not ours to filter."""

    def mangle(self, host: str, rules: Iterable[str]) -> None:
        """Never called: nodes of kind are not ours to filter."""

    def processes(self) -> list[int]:
        return []

    def close(self) -> None:
        return


class KindExecutor(KubernetesExecutor):
    """A kind cluster whose ovn-central has just been made. Faults are Docker's and nft's; seconds are seconds."""

    name = "kind"

    def __init__(self, spec: ClusterSpec, *, keep: bool = False, anew: bool = True) -> None:
        """Raises :class:`BadInput` for a spec that does not fit, OvnswapError if the cluster does not form.

        ``keep`` changes nothing: the cluster is there until ``ci/lab.sh down``. Without ``anew`` ovn-central is taken
        as it is, if it is there and in order: for what neither minds nor leaves a trace.
        """
        reason = unsuitable(spec)
        if reason is not None:
            raise BadInput(reason)
        self.spec = spec
        self.kept = keep
        self._undo = ExitStack()
        lab("reset" if anew else "ensure", spec)
        api = Api(read_kubeconfig(directory() / "kubeconfig", f"kind-{name()}"))
        uid = str(api.read("core", "read_namespace", "kube-system")["metadata"]["uid"])
        found = installation.find(api, uid, os.environ.get("LAB_NAMESPACE") or "kube-system")
        backups = Path(self._undo.enter_context(tempfile.TemporaryDirectory(prefix="ovnswap-backups-")))
        super().__init__(api, found, backups=backups, may_create_pods=True)
        self._clock = RealClock(1.0)
        self._undo.callback(self._clock.stop)
        self._beat()
        self._outside = Outside(tls())
        self._client = ProcessClient(self._outside, self._listed, self.now, self._clock)
        self._undo.callback(self._client.stop)
        self._hurts = Hurts(found.directory, self._address, self._in_pod)
        self._undo.callback(self._mend)
        self._fired: list[tuple[float, Fault, bool]] = []
        self._known: dict[Database, tuple[float, tuple[str, ...]]] = {}
        self._addresses = {node.name: node.address for node in self.view().nodes}
        self.acquire(f"lab-{os.getpid()}-{time.time_ns() % 10**9}")

    # -- for a command that works on this cluster from outside ------------------------------------------------------

    def step_aside(self) -> None:
        """Give the lock back: another run may work here now. This object changes nothing any more, but for faults."""
        super().close()

    def named(self, kubeconfig: Path | None = None) -> dict[str, str]:
        """The variables by which ``ovnswap`` reaches this cluster as the backend ``kube``."""
        connection = self.api.connection
        return {
            "OVNSWAP_BACKEND": "kube",
            "OVNSWAP_KUBECONFIG": str(kubeconfig or connection.source),
            "OVNSWAP_CONTEXT": connection.context,
            "OVNSWAP_ALLOW_CLUSTER": self.installation.uid,
        }

    # -- what the interface asks besides --------------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability) - {Capability.RAFT_EVENTS, Capability.ORDERED_EVENTS}

    @property
    def faults(self) -> frozenset[FaultKind]:
        return FAULTS

    @property
    def timing(self) -> Timing:
        # A machine that is late with our own timers is late with the servers' too, when they vote and when they reply.
        usual = super().timing
        return Timing(election=usual.election + 2 * self._clock.latest, restart=usual.restart, poll=1.0)

    def _beat(self) -> None:
        self._clock.call_later(BEAT, self._beat)

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        def checked() -> T | None:
            self._clock.check()
            return condition()

        return super().wait(checked, timeout, reason)

    def raft_events(self) -> tuple[RaftEvent, ...]:
        """None: the files lie on other machines, and an ovsdb-server holds them open."""
        return ()

    def rows(self, database: Database, node: str) -> frozenset[str] | None:
        try:
            sock = self._outside.socket(node)
            connection = jsonrpc.connect_tcp(sock, self._address(node), database.client_port, PATIENCE)
        except OSError:
            return None
        try:
            return frozenset(markers(connection, database, PATIENCE))
        except (OSError, jsonrpc.Refused):
            return None
        finally:
            connection.close()

    def at_next_election(
        self, databases: tuple[Database, ...], nodes: tuple[str, ...], act: Callable[[], None]
    ) -> bool:
        return False

    def check_files(self, database: Database) -> Reply | None:
        return None

    def overhear(self, listen: Callable[[Letter], None]) -> bool:
        return False

    def client(self) -> Client:
        return self._client

    def _listed(self, database: Database) -> tuple[str, ...]:
        """Addresses that running clients of ``database`` use: of a kube-ovn-controller or an ovs-ovn pod."""
        looked, known = self._known.get(database, (-LISTED_FOR, ()))
        if self.now() - looked < LISTED_FOR:
            return known
        app = CONTROLLER if database is Database.NB else OVS_APP
        try:
            where = self.installation.namespace
            pods = self.api.read("core", "list_namespaced_pod", where, label_selector=f"app={app}")["items"]
        except OvnswapError:
            return known  # clients don't ask the API server for their environment
        for item in pods:
            container = item["spec"]["containers"][0]
            if objects.running(item, container["name"]) and not item["metadata"].get("deletionTimestamp"):
                known = split_list(objects.environment(item["spec"], container["name"]).get("OVN_DB_IPS", ""))
                break
        self._known[database] = (self.now(), known)
        return known

    def _address(self, node: str) -> str:
        if node not in self._addresses:
            raise BadInput(f"there is no node {node}")
        return self._addresses[node]

    # -- faults -----------------------------------------------------------------------------------------------------

    def felt(self, fault: Fault) -> int:
        return self._hurts.felt(fault)

    def inject(self, fault: Fault) -> bool:
        if fault.kind not in FAULTS:
            raise BadInput(f"{self.name} can't do {fault.kind.value}", todo="use --backend sim or ovsdb")
        for node in fault.nodes:
            self._address(node)
        changed = self._hurts.do(fault)
        self._fired.append((self.now(), fault, changed))
        return changed

    def arm(self, plan: FaultPlan) -> None:
        for timed in plan.faults:
            self._clock.call_later(timed.after, functools.partial(self._inject_later, timed.fault))

    def _inject_later(self, fault: Fault) -> None:
        self.inject(fault)

    def fired(self) -> tuple[tuple[float, Fault, bool], ...]:
        return tuple(self._fired)

    def _in_pod(self, node: str, script: str) -> bool:
        place = self._place(node)
        return place is not None and execution.run(self.api, place, ["sh", "-c", script], 10.0).ok

    # -- the end ----------------------------------------------------------------------------------------------------

    def _mend(self) -> None:
        """Nothing that was done to the nodes outlives this executor."""
        self._hurts.mend(tuple(self._addresses))

    def where(self) -> Path:
        """The directory with the cluster's kubeconfig."""
        return directory()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._undo.close()
