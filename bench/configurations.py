"""The bounded proof of membership changes, with its figures: ``python bench/configurations.py [quick]``.

Prints the bounds, distinct states and CPU seconds of each search, and the story of what breaks.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.search.configuration_model import SAFETY, Bounds, Property, Rules
from harness.search.configuration_text import rendered
from harness.search.configurations import GATED, OVSDB, explore

COMMITS = (Property.STATE_MACHINE,)
QUICK: tuple[tuple[Rules, Bounds, tuple[Property, ...]], ...] = (
    (OVSDB, Bounds(4), SAFETY),
    (OVSDB, Bounds(4), (Property.COMPLETENESS, Property.STATE_MACHINE)),
    (OVSDB, Bounds(4), COMMITS),
    (OVSDB, Bounds(3, 1, changes=3), COMMITS),
    (OVSDB, Bounds(3, changes=3), SAFETY),
    (GATED, Bounds(4), SAFETY),
    (GATED, Bounds(3, 1), SAFETY),
    (GATED, Bounds(5), SAFETY),
)
LONGER = (
    (OVSDB, Bounds(5), SAFETY),
    (OVSDB, Bounds(3, 1), SAFETY),
    (GATED, Bounds(4, terms=4, changes=3, entries=7), SAFETY),
    (GATED, Bounds(3, 1, terms=4, changes=3, entries=7), SAFETY),
    (GATED, Bounds(4, 1), SAFETY),
    (GATED, Bounds(4, writes=1, entries=6), SAFETY),
    (OVSDB, Bounds(5, changes=1, entries=3), SAFETY),
    (GATED, Bounds(5, changes=3), SAFETY),
    (GATED, Bounds(5, terms=4, entries=5), SAFETY),
    (GATED, Bounds(5, 1, entries=5), SAFETY),
)


def main() -> None:
    searches = (*QUICK, *(() if "quick" in sys.argv else LONGER))
    for rules, bounds, judged in searches:
        print(rendered(explore(rules, bounds, judged)), flush=True)


if __name__ == "__main__":
    main()
