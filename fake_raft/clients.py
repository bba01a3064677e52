"""The transactions of a server's own clients: tried until they are committed, as ovsdb-server's triggers do."""

from __future__ import annotations

from collections.abc import Callable

from fake_raft import commands
from fake_raft.server import Server
from fake_raft.state import LEADER

Done = Callable[[bool | None], None]
"""Called once: True when committed, False when the server dropped the database."""


class Transaction:
    """A transaction until it is answered. ``eid`` while it is on its way; ``tried`` is what the last attempt knew:
    without news another one would fail the same way."""

    __slots__ = ("data", "done", "eid", "tried")

    def __init__(self, data: str, done: Done) -> None:
        self.data = data
        self.done = done
        self.eid: str | None = None
        self.tried: tuple[object, ...] = ()


class Transactions:
    """What one process's clients wait for."""

    __slots__ = ("_serial", "waiting")

    def __init__(self) -> None:
        self.waiting: list[Transaction] = []
        self._serial = 0

    def add(self, data: str, done: Done) -> None:
        self.waiting.append(Transaction(data, done))

    def clear(self) -> None:
        """The process is gone: nobody is answered."""
        self.waiting.clear()

    def drop(self, done: Done) -> None:
        """A client hung up: what is on its way goes on, what is not is forgotten."""
        self.waiting = [transaction for transaction in self.waiting if transaction.done is not done]

    def refuse(self) -> None:
        """The database is gone: everybody is told."""
        waiting, self.waiting = self.waiting, []
        for transaction in waiting:
            transaction.done(False)

    def next_eid(self, sid: str, now_us: int) -> str:
        """The name of the next attempt."""
        self._serial += 1
        return f"{sid}/{now_us}.{self._serial}"

    def submit(self, server: Server, now_us: int) -> None:
        """Try what is not on its way, unless nothing has changed since it last failed."""
        for transaction in self.waiting:
            if transaction.eid is None:
                break
        else:
            return
        s = server.state
        reached = s.role is LEADER or (s.leader is not None and s.route(s.leader) is not None)
        end = s.log.end if s.role is LEADER else 0
        knows = (s.role, s.leader, reached, s.term, s.joining, s.applied_eid, end)
        for transaction in self.waiting:
            if transaction.eid is not None or transaction.tried == knows:
                continue
            eid = self.next_eid(s.sid, now_us)
            status = server.execute(now_us // 1000, transaction.data, eid)
            transaction.tried = knows
            if status == commands.INCOMPLETE:
                transaction.eid = eid

    def completed(self, eid: str, status: str) -> None:
        """The server says what became of an attempt."""
        for transaction in self.waiting:
            if transaction.eid == eid:
                transaction.eid = None
                if status == commands.SUCCESS:
                    self.waiting.remove(transaction)
                    transaction.done(True)
                elif status not in (commands.BAD_PREREQ, commands.NOT_LEADER):
                    transaction.tried = ()
                return
