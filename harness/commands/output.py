"""Where output goes: data to stdout, everything else to stderr, and both without surprises in pipes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console, RenderableType

from harness.errors import BadInput, OvnswapError
from harness.report.wording import printable

NO_READER = 141
"""Exit code when the reader of the output went away: what a shell says of a program that SIGPIPE ended."""


class ReaderGone(click.exceptions.Exit):
    """Nobody reads stdout any more."""

    def __init__(self) -> None:
        super().__init__(NO_READER)


class _Data(Console):
    """A console for stdout, which leaves it to :func:`_to_stdout` what a broken pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class _Patient(Console):
    """A console for progress: a reader who went away is no reason to stop a run half-way."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def data_console() -> Console:
    """For tables on stdout; honours NO_COLOR, FORCE_COLOR and TERM=dumb."""
    return _Data(markup=False, highlight=False, emoji=False, soft_wrap=False)


def progress_console() -> Console:
    """For progress on stderr."""
    return _Patient(stderr=True, markup=False, highlight=False, emoji=False)


def may_redraw(console: Console) -> bool:
    """Whether ``console`` is a terminal whose cursor can be moved; FORCE_COLOR alone does not make it one."""
    try:
        return console.file.isatty() and console.is_terminal and not console.is_dumb_terminal
    except ValueError:  # closed
        return False


def say(line: str) -> None:
    """One line on stderr, if anybody still reads it."""
    with contextlib.suppress(OSError):
        click.echo(printable(line.rstrip()), err=True)


def show(renderable: RenderableType, plain: str, path: Path | None) -> None:
    """The table on a terminal, ``plain`` elsewhere and in files."""
    console = data_console()
    if path is None and console.is_terminal:
        with _to_stdout():
            console.print(renderable, crop=False)
    else:
        write(plain, path)


@contextlib.contextmanager
def _to_stdout() -> Iterator[None]:
    """Raises :class:`ReaderGone` in place of BrokenPipeError, and sees to it that the last flush does not complain."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        raise ReaderGone from None
    except OSError as error:
        raise OvnswapError(f"can't write to stdout: {error.strerror or error}", todo="-f PATH writes a file") from None


def check_writable(path: Path | None) -> None:
    """Raises :class:`BadInput` for a file that can't be written, before any work is done for it."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir():
        what = "is a directory" if path.is_dir() else f"{path.parent} is no directory"
        raise BadInput(f"can't write {path}: {what}", todo="name another file")


def write(text: str, path: Path | None) -> None:
    """``text`` to stdout, or to the file ``path``. Raises :class:`BadInput` if it can't be written."""
    if not text.endswith("\n"):
        text += "\n"
    if path is None:
        with _to_stdout():
            click.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"can't write {path}: {error.strerror or error}", todo="name another file") from None
    say(f"written to {path}")
