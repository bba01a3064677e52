"""Programs that change a cluster by themselves, from what they believed before the procedure began."""

from __future__ import annotations

from dataclasses import dataclass

from harness import health
from harness.addresses import host_of, split_list
from harness.cluster import DATABASES, ClusterView, Workload
from harness.executor import LabExecutor
from harness.steps import CENTRAL

NODE_IPS, OVN_DB_IPS = "NODE_IPS", "OVN_DB_IPS"


@dataclass(frozen=True, slots=True)
class Before:
    """What was when the plan began: values of a chart, or what an install script found."""

    view: ClusterView

    @property
    def members(self) -> tuple[str, ...]:
        """Addresses in NODE_IPS."""
        central = self.view.workload(CENTRAL)
        return split_list(central.env.get(NODE_IPS, "")) if central is not None else ()

    # -- configuration ------------------------------------------------------------------------------------------

    def put_back_node_ips(self, lab: LabExecutor) -> bool:
        """Whether that changed anything, here as in the others."""
        old, new = self.view.workload(CENTRAL), lab.view().workload(CENTRAL)
        return old is not None and new is not None and _env(lab, old, new, NODE_IPS)

    def put_back_chart(self, lab: LabExecutor) -> bool:
        """``helm upgrade``: NODE_IPS and replicas of ovn-central, OVN_DB_IPS of everybody (facts: kube-ovn 1.2)."""
        changed = self.put_back_node_ips(lab)
        for old in self.view.workloads:
            new = _same(lab.view(), old)
            if new is None:
                continue
            changed |= _env(lab, old, new, OVN_DB_IPS)
            if old.name == CENTRAL and old.replicas is not None and new.replicas != old.replicas:
                lab.scale(old.name, old.replicas)
                changed = True
        return changed

    def put_back_all(self, lab: LabExecutor) -> bool:
        """The install script: it labels nodes, then does as the chart does."""
        changed = False
        key = self.view.label[0]
        for node in self.view.nodes:
            now = lab.view().node(node.name)
            if now is not None and now.labels.get(key) != node.labels.get(key) and key in node.labels:
                lab.label_node(node.name, key, node.labels[key])
                changed = True
        return self.put_back_chart(lab) or changed

    # -- membership ---------------------------------------------------------------------------------------------

    def kick_strangers(self, lab: LabExecutor) -> bool:
        """Kick every server whose address was not in NODE_IPS then (ovn-kubernetes #1747)."""
        view, changed = lab.view(), False
        for database in DATABASES:
            leader = view.leader(database)
            if leader is None:
                continue
            node, status = leader
            strangers = [server for server in status.servers if host_of(server.address) not in self.members]
            for server in strangers:
                changed |= lab.kick(database, node, server.address).ok
        return changed


def _env(lab: LabExecutor, old: Workload, new: Workload, variable: str) -> bool:
    value = old.env.get(variable)
    if value is None or new.env.get(variable) == value:
        return False
    lab.set_env(old.kind, old.name, variable, value)
    return True


def _same(view: ClusterView, workload: Workload) -> Workload | None:
    return next((w for w in view.workloads if (w.kind, w.name) == (workload.kind, workload.name)), None)


def bystander(view: ClusterView, about: tuple[str, ...]) -> str:
    """The last member whose node is none of ``about``; "" if there is none."""
    hosts = health.member_hosts(view, DATABASES[0])
    found = [node.name for node in view.labelled() if node.address in hosts and node.name not in about]
    return found[-1] if found else ""
