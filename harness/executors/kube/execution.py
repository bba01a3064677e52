"""Running a command in a container, with everything that can be known about how it ended.

The client's own way loses the exit code, or ends in three kinds of exceptions when there is none, returns silently with
half of the output when its timeout is over, has no timeout at all while it connects, and turns Ctrl-C into an
ApiException (facts: peers B4). So each command runs in a thread of its own that this module can give up on, and the
status channel is read here.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from harness.executors.kube.api import Api

STDOUT, STDERR, STATUS = 1, 2, 3
_HANDSHAKE = re.compile(r"Handshake status (\d+)")
_BODY = re.compile(r"-\+-\+-\s*(?!.*-\+-\+-)(?:b?['\"])?(.*?)['\"]?$")
_NOT_STARTED = re.compile(r"executable file not found|no such file or directory|container not found|not running", re.I)


class Verdict(Enum):
    """How a command ended.

    ``NOT_STARTED``: it can't have run (the API server or the kubelet refused). ``BROKEN``: the connection or the
    runtime failed, and it may have run. ``TIMEOUT``: nobody knows, and it may run still.
    """

    DONE = "done"
    NONZERO = "nonzero"
    NOT_STARTED = "not-started"
    BROKEN = "broken"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class ExecResult:
    """``code`` is None unless the command's own exit code is known; ``error`` says why."""

    verdict: Verdict
    code: int | None
    stdout: bytes
    stderr: bytes
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.verdict is Verdict.DONE

    @property
    def unknown(self) -> bool:
        """Whether nobody can tell if the command did its work."""
        return self.verdict in (Verdict.BROKEN, Verdict.TIMEOUT)

    @property
    def text(self) -> str:
        """What it printed, or why it could not, for people."""
        shown = self.stdout if self.ok else self.stderr or self.stdout
        return shown.decode(errors="replace").rstrip("\n") or self.error


@dataclass(frozen=True, slots=True)
class Place:
    """A container to run commands in."""

    namespace: str
    pod: str
    container: str


class Job:
    """A command that runs in a thread of its own."""

    def __init__(self, api: Api, place: Place, command: Sequence[str], timeout: float) -> None:
        self._api = api
        self._place = place
        self._command = list(command)
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._result: ExecResult | None = None
        self._over = threading.Event()
        # A daemon: a thread that hangs in a connection must not keep the program from ending.
        threading.Thread(target=self._work, name=f"exec {place.pod}", daemon=True).start()

    def result(self) -> ExecResult:
        """Wait for the end, or for the deadline."""
        self._over.wait(max(0.0, self._deadline - time.monotonic()) + 0.5)  # the thread gives up first, if it can
        if self._result is not None:
            return self._result
        return ExecResult(Verdict.TIMEOUT, None, b"", b"", f"no answer within {self._timeout:g} s")

    def _work(self) -> None:
        try:
            self._result = self._run()
        except Exception as error:  # whatever the websocket library comes up with
            self._result = ExecResult(Verdict.BROKEN, None, b"", b"", _line(error))
        finally:
            self._over.set()

    def _run(self) -> ExecResult:
        place = self._place
        own = self._api.client()
        try:
            socket = stream(
                CoreV1Api(own).connect_get_namespaced_pod_exec,
                place.pod,
                place.namespace,
                container=place.container,
                command=self._command,
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                binary=True,
                _preload_content=False,
            )
        except ApiException as error:
            return _refused(error)
        try:
            return self._follow(socket)
        finally:
            socket.close(timeout=1)

    def _follow(self, socket: Any) -> ExecResult:
        parts: dict[int, list[bytes]] = {STDOUT: [], STDERR: [], STATUS: []}
        broken = ""
        while socket.is_open():
            left = self._deadline - time.monotonic()
            if left <= 0:
                said = (b"".join(parts[STDOUT]), b"".join(parts[STDERR]))
                return ExecResult(Verdict.TIMEOUT, None, *said, f"not done within {self._timeout:g} s")
            try:
                socket.update(timeout=min(left, 1.0))
            except Exception as error:  # a link that dropped
                broken = _line(error)
                break
            _drain(socket, parts)
            if parts[STATUS]:
                break
        _drain(socket, parts)
        return ended(b"".join(parts[STDOUT]), b"".join(parts[STDERR]), b"".join(parts[STATUS]), broken)


def run(api: Api, place: Place, command: Sequence[str], timeout: float) -> ExecResult:
    """Run ``command`` in ``place`` and wait at most ``timeout`` seconds for its end. Never raises for what happens."""
    return Job(api, place, command, timeout).result()


def ended(stdout: bytes, stderr: bytes, status: bytes, broken: str = "") -> ExecResult:
    """Read the status channel: a Kubernetes Status object, with the exit code as a cause if there is one."""
    if not status:
        reason = broken or "the connection ended without an exit code"
        return ExecResult(Verdict.BROKEN, None, stdout, stderr, reason)
    try:
        told = json.loads(status)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return ExecResult(Verdict.BROKEN, None, stdout, stderr, f"unreadable status {status[:100]!r}")
    if told.get("status") == "Success":
        return ExecResult(Verdict.DONE, 0, stdout, stderr)
    causes = (told.get("details") or {}).get("causes") or []
    for cause in causes:
        message = str(cause.get("message", ""))
        if cause.get("reason") == "ExitCode" and message.isdecimal():
            return ExecResult(Verdict.NONZERO, int(message), stdout, stderr, f"exit code {message}")
    message = _line(told.get("message") or told.get("reason") or told)
    verdict = Verdict.NOT_STARTED if _NOT_STARTED.search(message) and not stdout else Verdict.BROKEN
    return ExecResult(verdict, None, stdout, stderr, message)


def _drain(socket: Any, parts: dict[int, list[bytes]]) -> None:
    for channel, chunks in parts.items():
        found = socket._channels.pop(channel, None)  # read_channel() would wait for more
        if found:
            chunks.append(found)


def _refused(error: ApiException) -> ExecResult:
    """The websocket was not opened. Only a plain refusal (4xx) proves that nothing was started."""
    text = _line(error.reason or error)
    handshake = _HANDSHAKE.search(text)
    status = int(handshake[1]) if handshake is not None else int(error.status or 0)
    body = re.search(r"-\+-\+-\s*b?['\"](\{.*\})", text)
    if body is not None:
        message = re.search(r'"message":"((?:[^"\\]|\\.)*)"', body[1].replace("\\n", ""))
        text = message[1].replace('\\"', '"') if message is not None else text
    elif handshake is not None and (told := _BODY.search(text)) is not None and told[1]:
        text = f"{told[1].removesuffix(chr(92) + 'n')} (HTTP {status})"  # a kubelet's plain words, after the headers
    never = 400 <= status < 500 or "Connection refused" in text or "Name or service not known" in text
    verdict = Verdict.NOT_STARTED if never else Verdict.BROKEN
    return ExecResult(verdict, None, b"", b"", f"exec: {text[:300]}")


def _line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
