"""A directory and a world in it, for as long as a case is played."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from worlds.real import RealWorld


@contextmanager
def room_for(prefix: Sequence[str], *, filters: bool) -> Iterator[RealWorld]:
    """A real world, all of which is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="raft-"))
    try:
        world = RealWorld(directory, prefix, filters=filters)
        try:
            yield world
        finally:
            world.close()
    finally:
        shutil.rmtree(directory)
