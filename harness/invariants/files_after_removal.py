"""P5: files go after the server has left, and then they do go."""

from __future__ import annotations

from collections.abc import Iterable

from harness import health
from harness.addresses import host_of
from harness.cluster import DATABASES
from harness.invariants.acts import Act
from harness.invariants.base import EndState, Grade, Property


class FilesAfterRemoval(Property):
    """Who deletes the files of a member takes a copy that counts, and makes a ghost of its server. Files that stay
    behind bring a server back that nobody wants, when the node is used again. Files that a fault puts back on a retired
    node that was cleared have not stayed behind."""

    id = "P5"
    statement = "A node's database files are deleted only when it is a member of neither database; a retired node that "
    statement += "can be reached keeps no database file, no saved raft header and no ovn-central pod."
    source = (
        'Jepsen, membership nemesis: "Removing data is unsafe unless we can prove the node has been properly removed"; '
    )
    source += "kube-ovn #6721; facts: kube-ovn 10, oracle (vii); testing C"
    end_grade = Grade.ORDER

    def begin(self) -> None:
        self._cleared: dict[str, float] = {}

    def on_act(self, act: Act) -> None:
        if act.what != "remove_directory" or not act.own:
            return
        node = act.view.node(str(act.arguments[0]))
        if node is None:
            return
        self._cleared[node.name] = act.at
        for database in DATABASES:
            if any(host_of(entry.address) == node.address for entry in health.members(act.view, database)):
                text = f"{act.actor} removes the files of {node.name}, where a configured {database} server lives"
                self.broken(text, database)

    def at_end(self, end: EndState) -> Iterable[str]:
        found = []
        for name in end.retired:
            node, pod = end.view.node(name), end.view.central_pod(name)
            reachable = node is not None and node.ready
            if pod is not None and reachable and pod.phase == "Running":
                found.append(f"pod {pod.name} is still on the retired node {name}")
            files = end.files.get(name)
            since = self._cleared.get(name)
            put_back = since is not None and self.world.put_back.get(name, -1.0) >= since
            if reachable and not put_back and files is not None and files.databases:
                found.append(f"{', '.join(files.databases)} left on the retired node {name}")
        return found
