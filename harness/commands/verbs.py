"""A group whose options may stand before or behind the verb."""

from __future__ import annotations

import click


class VerbGroup(click.Group):
    """Brings the verb to the front: ``plan --pods FILE remove NODE`` is ``plan remove NODE --pods FILE``."""

    otherwise = ""
    """A hidden command for arguments without a verb, if :meth:`recognise` knows one of them."""

    def recognise(self, _argument: str) -> bool:
        """Whether an argument is one for :attr:`otherwise`."""
        return False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands:
            args = self._verb_first(args)
        return super().parse_args(ctx, args)

    def _verb_first(self, args: list[str]) -> list[str]:
        verbs = [name for name, command in self.commands.items() if not command.hidden]
        at = next((index for index, arg in enumerate(args) if arg in verbs), None)
        if at is None:
            return [self.otherwise, *args] if any(map(self.recognise, args)) else args
        return [args[at], *args[:at], *args[at + 1 :]] if args[0].startswith("-") else args
