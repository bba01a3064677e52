"""From calls to steps, for the cluster at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness import steps as made
from harness.addresses import host_of, split_list
from harness.cluster import Database
from harness.procedures.runbook.binding import Binding, Unbound, is_placeholder
from harness.procedures.runbook.commands import Call
from harness.procedures.runbook.sections import Section
from harness.procedures.runbook.shell import Unclear
from harness.steps import CENTRAL, Step

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def bind(section: Section, binding: Binding, *, page: bool) -> tuple[list[tuple[Step, Call]], list[Unclear]]:
    """Each step with the call that it comes from, and what can't be bound.

    ``page``: somebody reads it, and looks at a status that stands behind a kick until the server is gone. A script
    that prints a status looks at nothing.
    """
    found: list[tuple[Step, Call]] = []
    unclear: list[Unclear] = []
    reader = _Reader(section, binding, page)
    for call in section.calls:
        if call.namespace not in (None, "", binding.view.namespace):
            unclear.append(Unclear(call.line, call.text, f"namespace {binding.view.namespace}, not {call.namespace}"))
            continue
        try:
            found.append((reader.step(call), call))
        except Unbound as error:
            unclear.append(Unclear(call.line, call.text, str(error)))
    return found, unclear


class _Reader:
    """Remembers what has been kicked."""

    def __init__(self, section: Section, binding: Binding, page: bool) -> None:
        self._section, self._binding, self._page = section, binding, page
        self._kicked: dict[Database, str] = {}
        self._kicks = any(call.verb == "kick" for call in section.calls)

    def step(self, call: Call) -> Step:
        """Raises :class:`Unbound` for what has no meaning in the cluster at hand."""
        view = self._binding.view
        match call.verb:
            case "list":
                return made.ListPods()
            case "status":
                return self._status(Database(call["db"]))
            case "kick":
                database = Database(call["db"])
                self._kicked[database] = self._binding.server(database, call["id"])
                return made.Kick(database, self._kicked[database])
            case "backup":
                return made.Backup(Database(call["db"]))
            case "unlabel" | "label":
                return self._label(call)
            case "rm":
                return self._remove(call)
            case "delete":
                if call["app"] not in {workload.app for workload in view.workloads}:
                    raise Unbound(f"an app of the cluster instead of {call['app']}")
                return made.DeletePods(call["app"])
            case "unready":
                return made.AwaitNotReady(self._binding.pod_node(call["pod"]))
            case "sleep":
                return made.Sleep(float(call["seconds"]) * _UNITS[call["unit"]])
        return self._workload(call)

    def _status(self, database: Database) -> Step:
        if self._page and database in self._kicked:
            return made.ConfirmKicked(database, self._kicked[database])
        return made.ShowStatus(database) if self._kicks or not self._page else made.CheckStatus(database)

    def _label(self, call: Call) -> Step:
        key, value = self._binding.view.label
        if call["key"] != key or call["value"] not in ("", value):
            raise Unbound(f"the label {key}={value}")
        node = self._binding.name(call["node"])
        return made.Unlabel(node, key) if call.verb == "unlabel" else made.Label(node, key, call["value"] or value)

    def _remove(self, call: Call) -> Step:
        directory = self._binding.view.directory
        if call["dir"].rstrip("/") != directory and not is_placeholder(call["dir"]):
            raise Unbound(f"the database directory, {directory}")
        node = self._binding.name(call["node"]) if call["node"] else self._binding.node.name
        looks = any(database.file in call.prose for database in Database)
        return (made.CheckDirectory if self._page and looks else made.RemoveDirectory)(node, directory)

    def _workload(self, call: Call) -> Step:
        kind = "DaemonSet" if call["kind"].startswith(("daemon", "ds")) else "Deployment"
        name = call["name"]
        workload = self._binding.view.workload(name)
        if workload is None or workload.kind != kind:
            known = ", ".join(w.ref for w in self._binding.view.workloads)
            raise Unbound(f"one of {known} instead of {kind.lower()}/{name}")
        restarts = name == CENTRAL
        match call.verb:
            case "scale":
                return made.Scale(name, self._count(call["count"]))
            case "env":
                joins = self._section.verb == "add"
                addresses = self._binding.addresses(call["value"], joins)
                if call["variable"] not in workload.env:
                    raise Unbound(f"a variable that {workload.ref} has instead of {call['variable']}")
                return made.SetEnv(kind, name, call["variable"], addresses, restarts_members=restarts)
            case "rollout":
                return made.RolloutStatus(kind, name, restarts_members=restarts)
            case "pause":
                return made.PauseRollout(name)
        return made.ResumeRollout(name)

    def _count(self, text: str) -> int:
        """Replicas: as many as the list has addresses here, if that is what the runbook says there."""
        lists = [call["value"] for call in self._section.calls if call.verb == "env" and call["name"] == CENTRAL]
        joins = self._section.verb == "add"
        ours = len(self._binding.addresses(lists[0], joins)) if lists else None
        if is_placeholder(text):
            if ours is None:
                raise Unbound("a number of replicas")
            return ours
        if not text.isdigit():
            raise Unbound(f"a number of replicas instead of {text}")
        return ours if ours is not None and int(text) == len(split_list(lists[0])) else int(text)


def target(section: Section, ids: dict[tuple[Database, str], str]) -> tuple[str, str]:
    """(name, address) of the node that a procedure is about, as the file has them; "" for what it does not say."""
    names = [call["node"] for call in section.calls if call.verb in ("label", "unlabel")]
    name = next((name for name in names if not is_placeholder(name)), "")
    stay = {address for call in section.calls if call.verb == "env" for address in split_list(call["value"])}
    kicked = (address for address in _kicked(section.calls, ids) if section.verb == "add" or address not in stay)
    return name, next(kicked, "")


def _kicked(calls: Sequence[Call], ids: dict[tuple[Database, str], str]) -> Iterator[str]:
    for call in calls:
        if call.verb == "kick":
            known = ids.get((Database(call["db"]), call["id"][:4]))
            if known is not None:
                yield known
            elif host_of(call["id"]) != call["id"]:
                yield host_of(call["id"])
