"""Where output goes: data to stdout, everything else to stderr, and both without surprises in pipes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click
from rich.console import Console, RenderableType

from harness.errors import BadInput
from harness.report.wording import printable


class _Patient(Console):
    """A console for progress: a reader who went away is no reason to stop a run half-way."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def data_console() -> Console:
    """For tables on stdout; honours NO_COLOR, FORCE_COLOR and TERM=dumb."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False)


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
        console.print(renderable)
    else:
        write(plain, path)


def write(text: str, path: Path | None) -> None:
    """``text`` to stdout, or to the file ``path``. Raises :class:`BadInput` if it can't be written."""
    if not text.endswith("\n"):
        text += "\n"
    if path is None:
        click.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"can't write {path}: {error.strerror or error}", todo="name another file") from None
    say(f"written to {path}")
