"""JSON-RPC as OVSDB speaks it (RFC 7047, 4), over a socket, with a time limit on everything.

The control sockets of OVS daemons speak the same, so this is what ovs-appctl does without a process for each question.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import socket
import time
from collections import deque
from pathlib import Path
from typing import Any

_CHUNK = 1 << 16


class Closed(OSError):
    """The peer has closed the connection, or sent what is no JSON-RPC."""


class Refused(Exception):
    """The peer answered with an error; ``text`` is what it said."""

    def __init__(self, error: object) -> None:
        self.text = error if isinstance(error, str) else json.dumps(error, sort_keys=True)
        super().__init__(self.text)


class Connection:
    """One connection. Not for use by two threads at a time, except :meth:`close`.

    ``notices`` holds notifications (method, params) that came while an answer was awaited. Every method may raise
    OSError, of which :class:`TimeoutError` and :class:`Closed` are kinds.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.notices: deque[tuple[str, Any]] = deque()
        self._socket = connected
        self._text = ""
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._json = json.JSONDecoder()
        self._serial = 0

    def request(self, method: str, params: list[Any], timeout: float) -> Any:
        """Ask and wait at most ``timeout`` real seconds. Raises :class:`Refused` for an error answer."""
        deadline = time.monotonic() + timeout
        serial = self.send(method, params, timeout)
        while True:
            message = self._message(deadline)
            if "method" in message:
                self._called(message, deadline)
            elif message.get("id") == serial:
                if message.get("error") is not None:
                    raise Refused(message["error"])
                return message.get("result")

    def notice(self, timeout: float) -> tuple[str, Any] | None:
        """The next notification; None when none comes within ``timeout`` real seconds."""
        deadline = time.monotonic() + timeout
        while not self.notices:
            try:
                message = self._message(deadline)
            except TimeoutError:
                return None
            if "method" in message:
                self._called(message, time.monotonic() + 1.0)
        return self.notices.popleft()

    def send(self, method: str, params: list[Any], timeout: float) -> int:
        """Send a request and return its id."""
        self._serial += 1
        self._write({"method": method, "params": params, "id": self._serial}, time.monotonic() + timeout)
        return self._serial

    def close(self) -> None:
        """Also ends a wait of another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _called(self, message: dict[str, Any], deadline: float) -> None:
        if message["method"] == "echo":
            answer = {"id": message.get("id"), "result": message.get("params"), "error": None}
            self._write(answer, deadline)
        else:
            self.notices.append((message["method"], message.get("params")))

    def _write(self, message: dict[str, Any], deadline: float) -> None:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        self._socket.sendall(json.dumps(message).encode())

    def _message(self, deadline: float) -> dict[str, Any]:
        while True:
            # A message ends with its closing brace: nothing to try before one has come.
            if self._text.endswith("}") or (self._text.startswith("{") and "}{" in self._text):
                with contextlib.suppress(json.JSONDecodeError):
                    message, end = self._json.raw_decode(self._text)
                    self._text = self._text[end:].lstrip()
                    if not isinstance(message, dict):
                        raise Closed("not JSON-RPC")
                    return message
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            self._socket.settimeout(left)
            data = self._socket.recv(_CHUNK)
            if not data:
                raise Closed("connection closed by the server")
            self._text += self._decode.decode(data)


def connect_unix(path: Path, timeout: float) -> Connection:
    """Connect to a Unix socket, whatever the length of its directory's name. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        directory = os.open(path.parent, os.O_PATH | os.O_CLOEXEC)
        try:
            sock.settimeout(timeout)
            sock.connect(f"/proc/self/fd/{directory}/{path.name}")
        finally:
            os.close(directory)
    except BaseException:
        sock.close()
        raise
    return Connection(sock)


def connect_tcp(sock: socket.socket, address: str, port: int, timeout: float) -> Connection:
    """Connect ``sock`` (which it closes on failure). Raises OSError."""
    try:
        sock.settimeout(timeout)
        sock.connect((address, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return Connection(sock)


def control(path: Path, command: str, *arguments: str, timeout: float) -> str:
    """Ask a daemon's control socket. Raises :class:`Refused` with the daemon's words, or OSError."""
    deadline = time.monotonic() + timeout
    connection = connect_unix(path, timeout)
    try:
        return str(connection.request(command, list(arguments), max(0.001, deadline - time.monotonic()))).rstrip("\n")
    finally:
        connection.close()
