"""The kubelet of one node: starts, probes, restarts and removes the containers of pods bound there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fake_kube.api import Api
from fake_kube.backoff import Backoff
from fake_kube.objects import Node, Phase, Pod, ProbeSpec, State
from fake_kube.probes import Probe
from fake_kube.runtime import ProbeKind, Runtime
from fake_kube.timers import Timers

KILLED = 143
LOST = 255


class PodWorker:
    """One pod on one node.

    ``alive`` is whether processes run; ``pod.state`` is what the API server was told last, so the two differ while a
    node is down. ``ready``/``ready_since`` are the kubelet's own, which win when a frozen node comes back.
    """

    def __init__(self, api: Api, runtime: Runtime, pod: Pod) -> None:
        self._api = api
        self._runtime = runtime
        self.pod = pod
        self.alive = False
        self.ready = False
        self.ready_since: float | None = None
        self._timers = Timers(api.clock)
        self._backoff = Backoff()
        self._life = 0
        self._started_before = False
        self._killing = False
        self._watched = True
        self._probes = [
            Probe(kind, spec, timers=self._timers, now=api.now, ask=self._ask, report=self._probed)
            for kind, spec in _specs(pod)
        ]

    # -- the container's lives ----------------------------------------------------------------------------------

    def create(self) -> None:
        """The pod is new on this node, or a kubelet has started and found it without processes."""
        self._timers.later(self._api.draw("container starts"), self._start)

    def _start(self) -> None:
        pod, now = self.pod, self._api.now()
        if self._started_before:
            pod.restarts += 1
        self._life += 1
        self.alive = True
        self._killing = False
        pod.phase, pod.state, pod.reason, pod.started = Phase.RUNNING, State.RUNNING, "", now
        self._api.event("Started", f"{pod.name} (restarts {pod.restarts})")
        for probe in self._probes:
            probe.container_started(now)
        if not self._started_before:
            self._started_before = True
            self._start_probes(after_kubelet_start=False)
        self._runtime.start(pod, partial(self._exited, self._life))
        self._ready_without_probe()

    def _ready_without_probe(self) -> None:
        if self.alive and self.pod.template.readiness is None:
            self._set_ready(True)

    def _exited(self, life: int, code: int) -> None:
        """The container ended by itself."""
        if life != self._life or not self.alive:
            return
        if not self._watched:
            self.alive = False
            return
        self._ended(code)
        if self._killing or self.pod.terminating:
            return
        wait = self._backoff.exited(self._api.now())
        if not wait:
            self._timers.later(self._api.draw("restart after exit"), self._start)
            return
        self._timers.later(self._api.draw("restart after exit"), self._crash_loop)
        self._timers.later(wait + self._api.draw("kubelet looks again"), self._start)

    def _crash_loop(self) -> None:
        self.pod.state, self.pod.reason = State.WAITING, "CrashLoopBackOff"
        self._api.event("CrashLoopBackOff", self.pod.name)

    def _ended(self, code: int) -> None:
        pod = self.pod
        self.alive = False
        pod.state, pod.reason, pod.last_exit = State.TERMINATED, "Completed" if code == 0 else "Error", code
        self._api.event("Exited", f"{pod.name}: {pod.reason} {code}")
        for probe in self._probes:
            probe.container_stopped()
        self._set_ready(False)

    def _kill(self) -> None:
        """TERM ends a bash that runs as PID 1 with 143 (facts: kubernetes 0.11)."""
        if self.alive:
            self._life += 1
            self._runtime.kill(self.pod)
            self._ended(KILLED)

    # -- probes -------------------------------------------------------------------------------------------------

    def _start_probes(self, *, after_kubelet_start: bool) -> None:
        for probe in self._probes:
            if after_kubelet_start or self._api.kubernetes.random_first_probe:
                probe.start(self._api.draw("first probe") * probe.spec.period)
            else:
                probe.start(min(1.0, probe.spec.period))

    def _ask(self, kind: ProbeKind, done: Callable[[bool], None]) -> None:
        self._runtime.probe(self.pod, kind, done)

    def _probed(self, kind: ProbeKind, ok: bool) -> None:
        if kind is ProbeKind.READINESS:
            self._set_ready(ok)
        elif not ok:
            self._killing = True
            self._api.event("Unhealthy", f"{self.pod.name}: liveness probe failed, container will be restarted")
            self._timers.later(self._api.draw("process dies"), self._kill_unhealthy)

    def _kill_unhealthy(self) -> None:
        self._kill()
        self._timers.later(self._api.draw("restart after liveness"), self._start)

    def _set_ready(self, ready: bool) -> None:
        if ready != self.ready:
            self.ready = ready
            self.ready_since = self._api.now()
        self._api.set_ready(self.pod, ready)

    # -- deletion -----------------------------------------------------------------------------------------------

    def terminate(self) -> None:
        """The object is being deleted: the process dies soon, the object goes later (facts: kubernetes 3)."""
        self._quiet()
        if self.alive:
            self._timers.later(self._api.draw("process dies"), self._kill)
        self._timers.later(self._api.draw("object goes"), self._gone)

    def _gone(self) -> None:
        self._kill()
        self._quiet()
        self._api.remove_pod(self.pod)

    def refuse(self) -> None:
        """A kubelet that starts does not admit the pod: its node's labels do not match any more."""
        self._quiet()
        self._api.event("NodeAffinity", f"{self.pod.name}: Predicate NodeAffinity failed")
        self._timers.later(self._api.draw("refused pod fails"), self._fail)

    def _fail(self) -> None:
        self._kill()
        self._set_ready(False)
        self._api.fail_pod(self.pod, "NodeAffinity")

    def _quiet(self) -> None:
        self._timers.cancel_all()
        for probe in self._probes:
            probe.stop()

    # -- the kubelet and its machine ----------------------------------------------------------------------------

    def freeze(self) -> None:
        """Nobody looks after the container; its processes are as they are."""
        self._watched = False
        self._quiet()

    def power_off(self) -> None:
        """The processes are gone; nobody is told."""
        self._watched = False
        self._quiet()
        if self.alive:
            self._life += 1
            self.alive = False
            self._runtime.kill(self.pod)

    def thaw(self) -> None:
        """The kubelet goes on where it was: its own view of readiness is what counts."""
        self._watched = True
        if self.pod.terminating:
            self.terminate()
            return
        self._api.set_ready(self.pod, self.ready, self.ready_since)
        if self.pod.phase is Phase.FAILED:
            return
        if self.alive:
            for probe in self._probes:
                probe.resume(self._api.draw("first probe") * probe.spec.period)
            if self._killing:
                self._timers.later(self._api.draw("process dies"), self._kill_unhealthy)
        else:
            self._timers.later(self._api.draw("restart after exit"), self._start)

    def adopt(self) -> None:
        """A kubelet has started: back-off and counts are forgotten, and Ready has to be seen anew."""
        self._watched = True
        self._backoff.reset()
        self._killing = False
        self._set_ready(False)
        if not self.alive:
            for probe in self._probes:
                probe.container_stopped()
            if self.pod.running:
                self.pod.state, self.pod.reason, self.pod.last_exit = State.TERMINATED, "Error", LOST
            self.create()
        if self._started_before:
            self._start_probes(after_kubelet_start=True)
        self._ready_without_probe()

    def remove_after_boot(self) -> None:
        """It was being deleted when its node went down: the container is not started again (facts: kubernetes 10)."""
        self._set_ready(False)
        self._timers.later(self._api.draw("terminating object goes after boot"), self._gone)

    def close(self) -> None:
        self._timers.close()


def _specs(pod: Pod) -> list[tuple[ProbeKind, ProbeSpec]]:
    both = ((ProbeKind.READINESS, pod.template.readiness), (ProbeKind.LIVENESS, pod.template.liveness))
    return [(kind, spec) for kind, spec in both if spec is not None]


class Kubelet:
    """``running`` is False while the machine is off or ``frozen``, or the kubelet itself restarts."""

    def __init__(self, api: Api, runtime: Runtime, node: Node) -> None:
        self._api = api
        self._runtime = runtime
        self.node = node
        self.running = True
        self.workers: dict[str, PodWorker] = {}
        self.frozen = False
        self._timers = Timers(api.clock)

    def bound(self, pod: Pod) -> None:
        worker = PodWorker(self._api, self._runtime, pod)
        self.workers[pod.name] = worker
        if self.running:
            self._admit(worker)

    def deleting(self, pod: Pod) -> None:
        worker = self.workers.get(pod.name)
        if worker is not None and self.running:
            worker.terminate()

    def removed(self, pod: Pod) -> None:
        """The object is gone; if somebody else removed it the container goes too."""
        worker = self.workers.pop(pod.name, None)
        if worker is not None:
            worker.power_off()
            worker.close()

    def _admit(self, worker: PodWorker) -> None:
        if worker.pod.template.selector.matches(self.node.labels):
            worker.create()
        else:
            worker.refuse()

    # -- the machine --------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        self._stop()
        self.frozen = False
        for worker in self.workers.values():
            worker.power_off()

    def freeze(self) -> None:
        self._stop()
        self.frozen = True
        for worker in self.workers.values():
            worker.freeze()

    def power_on(self) -> None:
        """Back from :meth:`power_off` (boots) or from :meth:`freeze` (goes on)."""
        if self.frozen:
            self.frozen = False
            self._timers.later(self._api.draw("node ready after freeze"), self._go_on)
        else:
            self._timers.later(self._api.draw("kubelet boots"), partial(self._begin, True))

    def restart(self) -> None:
        """``systemctl restart kubelet``: containers go on, for a while nobody looks after them."""
        self._stop()
        for worker in self.workers.values():
            worker.freeze()
        self._timers.later(self._api.draw("kubelet restarts"), partial(self._begin, False))

    def _stop(self) -> None:
        self.running = False
        self._timers.cancel_all()

    def _go_on(self) -> None:
        self.running = True
        for worker in list(self.workers.values()):
            worker.thaw()

    def _begin(self, booted: bool) -> None:
        self.running = True
        self._api.event("Kubelet", f"started on {self.node.name}")
        for worker in list(self.workers.values()):
            pod = worker.pod
            fits = pod.template.selector.matches(self.node.labels)
            if pod.phase is Phase.FAILED and not pod.terminating:
                continue
            if pod.terminating and booted:
                if not fits:
                    self._api.fail_pod(pod, "NodeAffinity")
                worker.remove_after_boot()
            elif pod.terminating:
                worker.terminate()
            elif fits:
                worker.adopt()
            else:
                worker.refuse()

    def close(self) -> None:
        self._timers.close()
        for worker in self.workers.values():
            worker.close()
