"""Talking to the API server: one client for each thread, a deadline on every request, errors that say what is known.

Why not simply ``load_kube_config()`` and the generated methods: that sets a default for the whole process (another
library's call would then go to this cluster), nothing has a timeout, urllib3 repeats requests by itself, and typed
answers of an old server may not fit a new client's models (facts: peers B4). Answers are plain JSON here.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from harness.errors import BadInput, OvnswapError, Refused, StepFailed

FIELD_MANAGER = "ovnswap"
"""Who changed a field, as ``managedFields`` of the object will say."""

CONNECT, READ = 5.0, 30.0
"""Seconds that a connection, and the answer to one request, may take."""

PATIENCE = 60.0
"""Seconds for which a read is tried again while the API server does not answer: one of several may have gone down, and
a load balancer takes a while to notice."""

PAUSE = 1.0
"""Seconds between two tries."""

MERGE = "application/strategic-merge-patch+json"

_CONFIG: Any = config  # untyped in some releases of the package

_APIS: Mapping[str, Callable[[Any], Any]] = {
    "core": client.CoreV1Api,
    "apps": client.AppsV1Api,
    "leases": client.CoordinationV1Api,
    "access": client.AuthorizationV1Api,
    "version": client.VersionApi,
}


class Failure(Exception):
    """One request that did not work. ``status`` is the HTTP code, 0 if there was no answer; ``sent`` whether the server
    may have carried it out all the same; ``reason`` is the server's or the network's word for it."""

    def __init__(self, status: int, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.sent = sent

    @property
    def passing(self) -> bool:
        """Whether it may be over in a moment: no answer, too many requests, a server that starts or stops."""
        return self.status in (0, 429, 500, 502, 503, 504)


class Connection(NamedTuple):
    """What a kubeconfig says about one context: the client's settings, the server's URL, where it was read."""

    settings: Any
    context: str
    server: str
    source: str


def connect(kubeconfig: Path | None, context: str | None) -> Connection:
    """Read ``kubeconfig`` (None: KUBECONFIG, then ~/.kube/config). Nothing is asked of the cluster yet.

    Raises :class:`BadInput` if there is none, it can't be read, or ``context`` is not in it, or not given.
    """
    path = str(kubeconfig) if kubeconfig is not None else None
    source = path or "KUBECONFIG or ~/.kube/config"
    try:
        contexts, active = _CONFIG.list_kube_config_contexts(path)
    except (ConfigException, OSError) as error:
        seen = f"no kubeconfig at {source}: {_one_line(error)}"
        raise BadInput(seen, todo="--kubeconfig FILE, or set KUBECONFIG") from None
    except Exception as error:  # PyYAML's errors, and AttributeError or TypeError for a file of another kind
        seen = f"{source} is no kubeconfig: {_one_line(error)}"
        raise BadInput(seen, todo="--kubeconfig FILE") from None
    names = [str(item["name"]) for item in contexts]
    known = ", ".join(names) or "none"
    if not context:
        current = f" (kubectl would take {active['name']})" if active else ""
        why = "a cluster that is to be changed is named, not assumed"
        raise BadInput(f"no context is named{current}", why=why, todo=f"--context NAME, one of: {known}")
    if context not in names:
        raise BadInput(f"{source} has no context {context!r}", todo=f"--context NAME, one of: {known}")
    settings = client.Configuration()
    try:
        _CONFIG.load_kube_config(path, context, client_configuration=settings, persist_config=False)
    except Exception as error:  # a credential plugin that fails, a missing certificate file, undecodable data
        seen = f"context {context} of {source} can't be used: {_one_line(error)}"
        raise BadInput(seen, todo=f"try: kubectl --context {context} get namespace kube-system") from None
    settings.retries = False  # urllib3 would send some requests twice
    return Connection(settings, context, str(settings.host), source)


class Api:
    """Requests to one cluster, from any thread."""

    def __init__(self, connection: Connection, *, patience: float = PATIENCE) -> None:
        self.connection = connection
        self.patience = patience
        self.changed = False
        """Whether anything was changed through this object: then a failure leaves the cluster half-way."""
        self.skew = 0.0
        """Seconds that the server's clock is ahead of this machine's."""
        self._local = threading.local()

    def client(self) -> Any:
        """A new ApiClient: exec needs one of its own, for it redirects every request of the client it is given."""
        return client.ApiClient(self.connection.settings)

    def _api(self, name: str) -> Any:
        found = getattr(self._local, name, None)
        if found is None:
            if not hasattr(self._local, "client"):
                self._local.client = self.client()
            found = _APIS[name](self._local.client)
            setattr(self._local, name, found)
        return found

    def request(self, api: str, method: str, *args: Any, **options: Any) -> dict[str, Any]:
        """One request, sent once. Raises :class:`Failure`."""
        try:
            answer = getattr(self._api(api), method)(
                *args, _preload_content=False, _request_timeout=(CONNECT, READ), **options
            )
            self._set_clock(answer)
            value: dict[str, Any] = json.loads(answer.data)
            return value
        except ApiException as error:
            raise _failure(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise Failure(0, _one_line(error), sent=not _never_sent(error)) from None
        except (OSError, ValueError) as error:
            raise Failure(0, _one_line(error), sent=True) from None

    def read(self, api: str, method: str, *args: Any, **options: Any) -> dict[str, Any]:
        """A request that changes nothing, tried again while the server does not answer, for :attr:`patience` seconds.

        Raises what :meth:`explain` makes of a failure.
        """
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return self.request(api, method, *args, **options)
            except Failure as failure:
                if not failure.passing or time.monotonic() >= deadline:
                    raise self.explain(failure, _words(method)) from None
                time.sleep(PAUSE)

    def find(self, api: str, method: str, *args: Any, **options: Any) -> dict[str, Any] | None:
        """:meth:`read` of one object; None if it does not exist."""
        try:
            return self.read(api, method, *args, **options)
        except Absent:
            return None

    def explain(self, failure: Failure, what: str) -> OvnswapError:
        """The error that a user sees for ``failure`` while doing ``what``."""
        where = f"context {self.connection.context}, {self.connection.server}"
        if failure.status == 404:
            return Absent(f"{what}: {failure.reason}")
        kind: type[OvnswapError] = StepFailed if self.changed else Refused
        if failure.status == 401:
            todo = f"log in again, then: kubectl --context {self.connection.context} auth can-i get pods"
            return kind(
                f"{where}: the credentials are not accepted: {failure.reason}", why="expired, or wrong", todo=todo
            )
        if failure.status == 403:
            return kind(f"{what}: {failure.reason}", why="the role lacks it", todo="kubectl apply -f ci/rbac.yaml")
        if failure.passing:
            seen = f"{where} can't be reached ({what}): {failure.reason}"
            if not self.changed:
                return OvnswapError(seen, why="nothing was changed", todo="check the server and the network")
            why = "what was changed so far stands; whether more happened is not known"
            return StepFailed(seen, why=why, todo="when it answers again, run the same command: it goes on from there")
        return kind(f"{what}: {failure.reason}", todo="look at the object, then run the same command again")

    def server_now(self) -> datetime:
        """The API server's time."""
        return datetime.fromtimestamp(time.time() + self.skew, UTC)

    def _set_clock(self, answer: Any) -> None:
        date = answer.headers.get("Date") if getattr(answer, "headers", None) is not None else None
        if date is None:
            return
        try:
            ahead = parsedate_to_datetime(date).timestamp() - time.time()
        except ValueError:
            return
        if abs(ahead - self.skew) > 2.0:  # the header has whole seconds
            self.skew = ahead


class Absent(OvnswapError):
    """The object does not exist."""


def _failure(error: ApiException) -> Failure:
    status = int(error.status or 0)
    text = _one_line(error.reason or error)
    with contextlib.suppress(TypeError, ValueError, KeyError):
        text = _one_line(json.loads(error.body or "")["message"])
    # A gateway that gives up, and a server that says 500, may have passed the request on before.
    return Failure(status, text, sent=status in (0, 500, 502, 504))


def _never_sent(error: Exception) -> bool:
    """Whether no connection was made, so that nothing can have happened."""
    reason = getattr(error, "reason", error)
    never = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.SSLError)
    return isinstance(error, never) or isinstance(reason, never)


def _words(method: str) -> str:
    """``list_namespaced_pod`` in words."""
    return method.replace("_namespaced", "").replace("_", " ")


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
