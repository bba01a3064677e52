"""The ``ovnswap`` command: subcommands, and how everything that can go wrong ends."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from harness import __version__
from harness.commands.apply import apply
from harness.commands.gate import gate
from harness.commands.interrupts import stoppable
from harness.commands.lint import lint
from harness.commands.lock import lock
from harness.commands.output import say
from harness.commands.plan import plan
from harness.commands.rehearse import rehearse
from harness.commands.status import status
from harness.errors import ExitCode, OvnswapError
from harness.executor import WaitTimeout

BUG = 70
"""Exit code for what should not happen: a defect of ovnswap (EX_SOFTWARE of sysexits.h)."""


class Application(click.Group):
    """Ends with the exit codes of :class:`harness.errors.ExitCode`, and says why in one line."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command line ``args`` and exit. Nothing is raised but SystemExit."""
        extra["standalone_mode"] = False
        try:
            with stoppable():
                code = super().main(args, prog_name or "ovnswap", **extra)
        except BaseException as error:
            code = _ended(error)
        sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _ended(error: BaseException) -> int:
    """Say in one line what happened; returns the exit code."""
    match error:
        case OvnswapError():
            say(f"ovnswap: {_kind(error)}{error}")
            return int(error.exit_code)
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError() if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later
            with contextlib.suppress(OSError):
                click.echo(error.format_message(), err=True)
            return ExitCode.USAGE
        case click.ClickException():
            say(f"ovnswap: {error.format_message()}{_help(error)}")
            return ExitCode.USAGE
        case KeyboardInterrupt() | click.Abort() | EOFError():
            say("ovnswap: interrupted; what this command made is removed")
            return ExitCode.INTERRUPTED
        case SystemExit():
            return error.code if isinstance(error.code, int) else ExitCode.FAILED
        case WaitTimeout():
            say(f"ovnswap: {error}")
            return ExitCode.FAILED
        case OSError():
            _show_traceback(error)
            say(f"ovnswap: {error}")
            return ExitCode.FAILED
        case _:
            return _bug(error)


def _kind(error: OvnswapError) -> str:
    words = {ExitCode.REFUSED: "refused, nothing was changed: ", ExitCode.NEEDS_ATTENTION: "needs attention: "}
    return words.get(error.exit_code, "")


def _show_traceback(error: BaseException) -> None:
    if _wants_debug:
        with contextlib.suppress(OSError):
            traceback.print_exception(error)


def _help(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f" (see {context.command_path} -h)" if context is not None else ""


def _bug(error: BaseException) -> int:
    _show_traceback(error)
    hint = "" if _wants_debug else "; ovnswap --debug shows where"
    say(f"ovnswap: {type(error).__name__}: {error}: this is a bug, please report it{hint}")
    return BUG


_wants_debug = False


def _debug(_context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    global _wants_debug
    _wants_debug = value
    return value


@click.group(
    cls=Application,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "OVNSWAP"},
)
@click.version_option(__version__, prog_name="ovnswap", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, callback=_debug, expose_value=False, help="Show where a bug comes from.")
def cli() -> None:
    """Replace an ovn-central node: see the cluster, plan the change, try it in a lab.

    Data goes to stdout, progress to stderr. Every option has an environment variable, such as OVNSWAP_BACKEND.

    Exit codes: 0 done, 1 failed, 2 bad input, 3 refused (nothing changed), 5 stopped and needs attention, 6 locked,
    7 outcome unknown, 8 plan stale, 70 a bug, 130 interrupted.
    """


for command in (status, plan, lint, gate, rehearse, apply, lock):
    cli.add_command(command)


def main() -> NoReturn:
    """The entry point of the ``ovnswap`` command."""
    cli.main()


if __name__ == "__main__":
    main()
