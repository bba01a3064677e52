"""Reading pasted text from files and from stdin, with one clear line for everything that can be wrong with them."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.errors import BadInput

LARGEST = 16 * 1024 * 1024
"""Bytes: a status or a listing has thousands, so whoever names something bigger has named the wrong file."""

STDIN = "-"


class TextFiles:
    """Reads each file once; stdin can be read for one option only."""

    def __init__(self) -> None:
        self._stdin_for: str | None = None

    def read(self, path: str, option: str) -> str:
        """The text of ``path`` (``-``: stdin). Raises :class:`BadInput` if it can't be read, or is empty."""
        name = "stdin" if path == STDIN else path
        try:
            data = self._stdin(option) if path == STDIN else self._file(path)
        except OSError as error:
            raise BadInput(f"{option} {name}: {error.strerror or error}", todo="name a file that can be read") from None
        if len(data) > LARGEST:
            raise BadInput(f"{option} {name} is larger than {LARGEST >> 20} MiB", todo="paste what the command printed")
        if not data.strip():
            raise BadInput(f"{option} {name} is empty", todo="paste what the command printed into it")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(f"{option} {name} is no UTF-8 text: byte {error.start}", todo="paste it as text") from None

    def _stdin(self, option: str) -> bytes:
        if self._stdin_for is not None:
            raise BadInput(f"stdin can't be both {self._stdin_for} and {option}", todo="put one of them into a file")
        self._stdin_for = option
        return sys.stdin.buffer.read(LARGEST + 1)

    @staticmethod
    def _file(path: str) -> bytes:
        with Path(path).open("rb") as file:
            return file.read(LARGEST + 1)

    @staticmethod
    def named(seen: str, pods: str, statuses: Sequence[str], nodes: str | None) -> str:
        """``seen`` with the files' names in place of "status text 1" and so on."""

        def name(found: re.Match[str]) -> str:
            index = int(found[1]) - 1
            return f"--status {_name(statuses[index])}" if index < len(statuses) else found[0]

        seen = re.sub(r"\bstatus text ([0-9]+)\b", name, seen)
        seen = re.sub(r"^the pod listing", lambda _: f"--pods {_name(pods)}", seen)
        return re.sub(r"^the node listing", lambda _: f"--nodes {_name(nodes)}", seen) if nodes else seen


def _name(path: str) -> str:
    return "stdin" if path == STDIN else path
