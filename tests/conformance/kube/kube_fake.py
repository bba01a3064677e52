"""A case's world on fake_kube, in virtual time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kube_world import NODES, WITHIN, Deletions, SeenPod, Shape

from fake_kube.cluster import Cluster
from fake_kube.objects import DaemonSetSpec, DeploymentSpec, KubeError, Phase, ProbeSpec, Selector, State
from fake_kube.profile import kubernetes_profile

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "fake_kube"))

from kube_support import FakeRuntime, Seeded, VirtualClock

NAME = "d"
KEY, VALUE = "conformance", "yes"
TICK = 0.1


class FakeWorld:
    """``seed`` draws delays and orders."""

    def __init__(self, version: tuple[int, int], seed: int) -> None:
        self._clock = VirtualClock()
        self._runtime = FakeRuntime(self._clock)
        self._cluster = Cluster(self._clock, self._runtime, Seeded(seed), kubernetes_profile(version))
        for number, name in enumerate(NODES, 3):
            self._cluster.add_node(name, f"10.0.0.{number}")
        self._seen = Deletions()
        self._kind = "Deployment"

    def now(self) -> float:
        return self._clock.now()

    def pods(self) -> tuple[SeenPod, ...]:
        found = tuple(
            SeenPod(
                name=pod.name,
                node=pod.node or "",
                ready=pod.ready,
                terminating=pod.terminating,
                value=pod.env["VALUE"],
                restarts=pod.restarts,
                failed=pod.phase is Phase.FAILED,
                exit=pod.last_exit,
                running=pod.state is State.RUNNING,
            )
            for pod in self._cluster.pods.values()
        )
        self._seen.look(found)
        return found

    def deletions(self) -> str:
        self.pods()
        return self._seen.nodes

    def forget(self) -> None:
        self.pods()
        self._seen.forget()

    def wait(self, condition: Callable[[], Any], what: str, within: float = WITHIN) -> Any:
        deadline = self.now() + within
        while True:
            self.pods()
            found = condition()
            if found:
                return found
            assert self.now() < deadline, f"fake: waited {within:g} s for {what}"
            self._clock.run(TICK)

    def sleep(self, seconds: float) -> None:
        until = self.now() + seconds
        while self.now() < until:
            self._clock.run(TICK)
            self.pods()

    def create(self, shape: Shape) -> None:
        self._kind = shape.kind
        for node in shape.labelled:
            self.label(node, True)
        ends = shape.ends
        if ends is not None:
            self._runtime.ends = lambda pod: (ends, 0)
        readiness = ProbeSpec(shape.period, 3, 0.0, 30.0)
        liveness = ProbeSpec(shape.period, 5, 0.0, 30.0) if shape.liveness else None
        placed: dict[str, Any] = {
            "name": NAME,
            "app": NAME,
            "env": {"VALUE": "old"},
            "selector": Selector(((KEY, (VALUE,)),)),
            "readiness": readiness,
            "liveness": liveness,
        }
        if shape.kind == "DaemonSet":
            strategy = "OnDelete" if shape.on_delete else "RollingUpdate"
            self._cluster.create_daemonset(DaemonSetSpec(**placed, strategy=strategy))
        else:
            self._cluster.create_deployment(
                DeploymentSpec(
                    **placed,
                    replicas=shape.replicas,
                    spread_hosts=True,
                    max_surge=0,
                    max_unavailable=shape.unavailable,
                )
            )

    def label(self, node: str, on: bool) -> None:
        self._cluster.label_node(node, KEY, VALUE if on else None)

    def cordon(self, node: str, on: bool) -> None:
        if on:
            self._cluster.cordon(node)
        else:
            self._cluster.uncordon(node)

    def sicken(self, node: str, on: bool) -> None:
        if on:
            self._runtime.sick.add(node)
        else:
            self._runtime.sick.discard(node)

    def delete(self, name: str) -> None:
        self._cluster.delete_pod(name)

    def scale(self, replicas: int) -> None:
        self._cluster.scale(NAME, replicas)

    def set_value(self, value: str) -> None:
        self._cluster.set_env(self._kind, NAME, "VALUE", value)

    def brake(self, seconds: int) -> None:
        self._cluster.patch_deployment(NAME, min_ready_seconds=seconds)

    def pause(self, on: bool) -> None:
        if on:
            self._cluster.pause(NAME)
        else:
            self._cluster.resume(NAME)

    def surge(self, surge: int, unavailable: int) -> None:
        self._cluster.patch_deployment(NAME, max_surge=surge, max_unavailable=unavailable)

    def undo(self) -> str:
        try:
            self._cluster.undo(NAME)
        except KubeError as error:
            return str(error)
        return ""

    def replicasets(self) -> tuple[tuple[str, int], ...]:
        found = sorted(self._cluster.replicasets.values(), key=lambda rs: (rs.created, rs.serial))
        return tuple((dict(rs.template.env)["VALUE"], rs.replicas) for rs in found)

    def rollout(self) -> tuple[bool, str]:
        try:
            return self._cluster.rollout_status(self._kind, NAME)
        except KubeError as error:
            return True, str(error)

    def restart_kubelet(self, node: str) -> None:
        self._cluster.restart_kubelet(node)

    def power(self, node: str, on: bool) -> None:
        if on:
            self._cluster.node_up(node)
        else:
            self._cluster.node_down(node)

    def node_ready(self, node: str) -> bool:
        return self._cluster.nodes[node].ready

    def close(self) -> None:
        self._cluster.close()
