"""Smaller scripts that still differ: without an operation, without the pauses, with fewer servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from language import Create, Join, Script, Until, Wait


def smaller(script: Script) -> Iterator[Script]:
    """The largest cuts first. The formation and the last wait stay."""
    begins = next((n for n, step in enumerate(script) if not isinstance(step, Create | Join | Until)), len(script))
    places = range(len(script) - 2, begins - 1, -1)
    middle = (begins + len(script) - 1) // 2
    if middle > begins:
        yield script[:begins] + script[middle:]
        yield script[:middle] + script[-1:]
    for place in places:
        if not isinstance(script[place], Wait):
            yield script[:place] + script[place + 1 :]
    for place in places:
        if isinstance(script[place], Wait):
            yield script[:place] + script[place + 1 :]


def shrink(script: Script, differs: Callable[[Script], bool], tries: int) -> Script:
    """The smallest script found with at most ``tries`` tries."""
    left = tries
    found = True
    while found:
        found = False
        for candidate in smaller(script):
            if left == 0:
                return script
            left -= 1
            if differs(candidate):
                script, found = candidate, True
                break
    return script
