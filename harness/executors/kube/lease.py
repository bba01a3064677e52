"""One operator at a time: a Lease beside ovn-central that says who works on it, and goes stale by itself.

What expires is decided by the API server's clock, of which each answer tells; a run that can't renew its Lease for as
long as it lives makes no further change.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.errors import BadInput, Locked, StepFailed
from harness.executors.kube.api import FIELD_MANAGER, Api, Failure
from harness.executors.kube.objects import moment

NAME = "ovnswap"
TTL = 60
"""Seconds for which a Lease counts after it was renewed last."""

RENEW = 15.0
"""Seconds between two renewals."""

_PREFIX = "ovnswap/"
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the Lease. ``age`` is seconds since it was renewed, ``ttl`` how long it then counts."""

    run_id: str
    who: str
    host: str
    pid: int
    step: str
    since: str
    age: float
    ttl: int

    @property
    def live(self) -> bool:
        return self.age < self.ttl

    def words(self) -> str:
        """For people: who, where, which run, at which step, and whether it still counts."""
        state = f"renewed {self.age:.0f} s ago" if self.live else f"expired: not renewed for {self.age:.0f} s"
        at = f", at step {self.step}" if self.step else ""
        return f"{self.who} on {self.host} (process {self.pid}), run {self.run_id}, since {self.since}{at}; {state}"


def read(api: Api, namespace: str) -> Holder | None:
    """Who holds the Lease in ``namespace`` now, or held it last; None if nobody does."""
    item = api.find("leases", "read_namespaced_lease", NAME, namespace)
    return _holder(item, api) if item is not None else None


def release(api: Api, namespace: str, run_id: str) -> Holder:
    """Take the Lease away from run ``run_id``, whoever that is.

    Raises :class:`BadInput` if that run does not hold it.
    """
    item = api.find("leases", "read_namespaced_lease", NAME, namespace)
    holder = _holder(item, api) if item is not None else None
    if item is None or holder is None:
        raise BadInput("nobody holds the lock", todo="ovnswap lock show")
    if holder.run_id != run_id:
        raise BadInput(f"run {run_id} does not hold the lock: {holder.words()}", todo=f"--run-id {holder.run_id}")
    try:
        api.request("leases", "replace_namespaced_lease", NAME, namespace, _freed(item), field_manager=FIELD_MANAGER)
    except Failure as failure:
        raise api.explain(failure, "release the lock") from None
    return holder


class Lock:
    """The Lease, held from :meth:`acquire` to :meth:`release` and renewed by a thread of its own."""

    def __init__(self, api: Api, namespace: str, run_id: str) -> None:
        self._api = api
        self._namespace = namespace
        self.run_id = run_id
        self.step = ""
        """What the run does now; written at the next renewal."""
        self._since = ""
        self._version = ""
        self._taken_by: str | None = None
        self._renewed = 0.0
        self._stop = threading.Event()
        self._busy = threading.Lock()
        self._thread: threading.Thread | None = None

    def acquire(self) -> Holder | None:
        """Take the Lease; returns who had left it behind, if somebody had.

        Raises :class:`Locked`, which names the holder, if it is held.
        """
        self._since = _micro(self._api.server_now())
        for _ in range(5):
            item = self._api.find("leases", "read_namespaced_lease", NAME, self._namespace)
            before = _holder(item, self._api) if item is not None else None
            if before is not None and before.live and not _dead(before):
                raise Locked(
                    f"somebody else works on this cluster: {before.words()}",
                    why="two runs at once lose the majority",
                    todo=f"wait, or if that run is dead: ovnswap lock release --run-id {before.run_id}",
                )
            if self._write(item):
                self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
                self._thread.start()
                return before
        raise Locked("several runs want the lock at once", todo="try again")

    def _write(self, item: Object | None) -> bool:
        """Create or replace the Lease; False if somebody was faster."""
        body = self._body(item)
        try:
            if item is None:
                made = self._api.request("leases", "create_namespaced_lease", self._namespace, body)
            else:
                made = self._api.request("leases", "replace_namespaced_lease", NAME, self._namespace, body)
        except Failure as failure:
            if failure.status == 409:
                return False
            raise self._api.explain(failure, "take the lock (a Lease)") from None
        self._version = made["metadata"]["resourceVersion"]
        self._renewed = time.monotonic()
        return True

    def _body(self, item: Object | None) -> dict[str, Any]:
        meta: dict[str, Any] = {"name": NAME, "namespace": self._namespace}
        if item is not None:
            meta["resourceVersion"] = item["metadata"]["resourceVersion"]
        facts = {"run-id": self.run_id, "host": socket.gethostname(), "pid": str(os.getpid()), "who": _who()}
        meta["annotations"] = {_PREFIX + key: value for key, value in (facts | {"step": self.step}).items()}
        changes = ((item or {}).get("spec") or {}).get("leaseTransitions") or 0
        spec = {
            "holderIdentity": f"{facts['who']}@{facts['host']}/{self.run_id}",
            "leaseDurationSeconds": TTL,
            "acquireTime": self._since,
            "renewTime": _micro(self._api.server_now()),
            "leaseTransitions": changes + (not self._version),
        }
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}

    def _keep(self) -> None:
        while not self._stop.wait(RENEW):
            self._renew()

    def _renew(self) -> None:
        with self._busy:
            if self._stop.is_set() or self._taken_by is not None:
                return
            try:
                item = self._api.request("leases", "read_namespaced_lease", NAME, self._namespace)
                holder = _holder(item, self._api)
                if holder is None or holder.run_id != self.run_id:
                    self._taken_by = holder.words() if holder is not None else "nobody: it was released"
                    return
                made = self._api.request("leases", "replace_namespaced_lease", NAME, self._namespace, self._body(item))
                self._version = made["metadata"]["resourceVersion"]
                self._renewed = time.monotonic()
            except Failure as failure:
                if failure.status == 404:
                    self._taken_by = "nobody: it was deleted"

    def check(self) -> None:
        """Raises :class:`StepFailed` if this run may not count on the Lease any more."""
        todo = "ovnswap lock show; then run the same command again: it goes on from what is really there"
        if self._taken_by is not None:
            raise StepFailed(f"this run has lost its lock; it is held by {self._taken_by}", todo=todo)
        if time.monotonic() - self._renewed > TTL - RENEW / 2:
            self._renew()  # now, if it works at all
            if time.monotonic() - self._renewed > TTL - RENEW / 2:
                raise StepFailed("the lock can't be renewed", why="another run may take it over", todo=todo)
            self.check()

    def release(self) -> None:
        """Give the Lease back, if it is still this run's. Never raises: it expires by itself."""
        self._stop.set()
        with self._busy:
            try:
                item = self._api.request("leases", "read_namespaced_lease", NAME, self._namespace)
                holder = _holder(item, self._api)
                if holder is not None and holder.run_id == self.run_id:
                    self._api.request("leases", "replace_namespaced_lease", NAME, self._namespace, _freed(item))
            except Failure:
                return


def _freed(item: Object) -> dict[str, Any]:
    """The Lease without a holder. It is not deleted: that would need one permission more, and lose the count."""
    meta = {"name": NAME, "namespace": item["metadata"]["namespace"]}
    meta["resourceVersion"] = item["metadata"]["resourceVersion"]
    spec = {"leaseTransitions": (item.get("spec") or {}).get("leaseTransitions") or 0}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}


def _holder(item: Object, api: Api) -> Holder | None:
    spec = item.get("spec") or {}
    if not spec.get("holderIdentity"):
        return None
    notes = {k.removeprefix(_PREFIX): v for k, v in (item["metadata"].get("annotations") or {}).items()}
    renewed = moment(spec.get("renewTime")) or 0.0
    pid = notes.get("pid", "0")
    return Holder(
        run_id=notes.get("run-id", spec["holderIdentity"]),
        who=notes.get("who", spec["holderIdentity"]),
        host=notes.get("host", "an unknown host"),
        pid=int(pid) if pid.isdecimal() else 0,
        step=notes.get("step", ""),
        since=_stamp(datetime.fromtimestamp(moment(spec.get("acquireTime")) or renewed, UTC)),
        age=max(0.0, api.server_now().timestamp() - renewed),
        ttl=int(spec.get("leaseDurationSeconds") or TTL),
    )


def _dead(holder: Holder) -> bool:
    """Whether the holder was a process of this machine that is no more: a run that was killed can go on at once."""
    return holder.host == socket.gethostname() and holder.pid > 0 and not _exists(holder.pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _micro(moment_: datetime) -> str:
    """MicroTime, as a Lease has it. Never a whole second: some releases of the client read the text and write it anew
    without the zeros, which the API server refuses."""
    return moment_.replace(microsecond=moment_.microsecond or 1).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _stamp(moment_: datetime) -> str:
    return moment_.strftime("%Y-%m-%dT%H:%M:%SZ")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
