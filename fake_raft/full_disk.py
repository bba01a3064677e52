"""What a server does when its disk takes no more records.

Measured on 3.1.0 with real servers whose files may not grow (RLIMIT_FSIZE, the error is one of write(2) as ENOSPC is):

- A leader that can't write what its own client asked for says ``failed`` and does nothing more, until it is killed. It
  goes on calling itself leader, so the others elect another after their timeout.
- A server that can't write its term or vote, or a leader that can't write anybody else's entry, drops the database:
  ``unknown cluster``.
- A follower takes entries into memory, serves them, and calls itself a healthy member, but answers nothing any more
  ("deferred append_reply message completed but not ready to send"), so it does not count towards commits. As soon as
  there is room it answers again as if nothing had been, while its file has a hole: the next start refuses that file
  ("skips past expected index").
"""

from __future__ import annotations

from enum import Enum

from fake_raft.disk import Disk, EntryRecord, Record, TermRecord
from fake_raft.state import LEADER, State


class Loss(Enum):
    """What a record that was not written means: the end, a hole in the file, or nothing."""

    FATAL = "fatal"
    HOLE = "hole"
    NOTHING = "nothing"


def loss_of(record: Record, s: State) -> Loss:
    """What becomes of the server with state ``s`` if ``record`` is not written."""
    if isinstance(record, TermRecord):
        return Loss.FATAL
    if isinstance(record, EntryRecord):
        return Loss.FATAL if s.role is LEADER else Loss.HOLE
    return Loss.NOTHING


def is_fatal(disk: Disk, record: Record, s: State) -> bool:
    """A full ``disk`` did not take ``record``: whether the server drops its database for it."""
    disk.unwritten += 1
    loss = loss_of(record, s)
    if loss is Loss.HOLE:
        disk.holes = True
    elif loss is Loss.FATAL:
        s.died = True
        s.out.clear()
    return loss is Loss.FATAL
