"""Ghost state: what all servers of a database have written so far, and what follows from it.

Nothing here judges. Every event costs the same however long the run is; properties are told what changed.
Source: Raft (Ongaro 2014, figure 3.2) for what follows from what; ovsdb-tool's check-cluster for what files tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.cluster import Database
from harness.raft_events import (
    Appended,
    Committed,
    Contents,
    Led,
    Left,
    Opened,
    RaftEvent,
    Rewritten,
    Source,
    Stopped,
    Term,
)

Servers = Mapping[str, str]
Hooks = tuple[Callable[..., None], ...]

KINDS = (
    *("open", "found", "term", "vote", "lead", "leader", "append", "configure", "cut", "commit", "settle", "conflict"),
    *("replace", "stop", "strange"),
)
"""What properties may be told of raft: ``on_<kind>``."""


class Raft:
    """One cluster id of one database. ``leaders`` is term -> who led it first, ``led`` the last of these terms;
    ``committed`` index -> term, ``last`` the highest index that anybody committed; ``entries`` (index, term) -> (term
    before it, its data). ``settled`` is the last committed configuration, an entry of ``settled_term`` at
    ``settled_at``; ``gone`` are server ids that a committed configuration took out."""

    __slots__ = (
        "cid",
        "committed",
        "entries",
        "gone",
        "last",
        "leaders",
        "led",
        "settled",
        "settled_at",
        "settled_term",
    )

    def __init__(self, cid: str | None) -> None:
        self.cid = cid
        self.leaders: dict[int, str] = {}
        self.led = 0
        self.committed: dict[int, int] = {}
        self.entries: dict[tuple[int, int], tuple[int, str | None]] = {}
        self.last = 0
        self.settled: Servers = {}
        self.settled_at = 0
        self.settled_term = 0
        self.gone: dict[str, int] = {}


class Replica:
    """One server id, as its file tells. ``leads`` is the term that it took office in last (0: none); ``configs`` are
    (index, servers), the first of them the snapshot's; ``terms`` those of the entries after ``base``."""

    __slots__ = (
        *("source", "raft", "address", "term", "vote", "base", "base_term", "terms", "configs", "commit", "leads"),
        *("running", "joining", "left"),
    )

    def __init__(self, source: Source, raft: Raft, address: str) -> None:
        self.source = source
        self.raft = raft
        self.address = address
        self.term = 0
        self.vote: str | None = None
        self.base = 0
        self.base_term = 0
        self.terms: list[int] = []
        self.configs: list[tuple[int, Servers]] = []
        self.commit = 0
        self.leads = 0
        self.running = True
        self.joining = False
        self.left = False

    @property
    def database(self) -> Database:
        return self.source.database

    @property
    def sid(self) -> str:
        return self.source.sid

    @property
    def words(self) -> str:
        """What messages call it."""
        return f"{self.source.database} server {self.source.sid[:4]} on {self.source.node}"

    @property
    def end(self) -> int:
        return self.base + 1 + len(self.terms)

    def term_at(self, index: int) -> int | None:
        """None beyond the log's end, or below its snapshot, where only the snapshot's own index has a known term."""
        at = index - self.base
        if 0 < at <= len(self.terms):
            return self.terms[at - 1]
        return self.base_term if at == 0 else None

    def has(self, index: int, term: int) -> bool:
        """Whether the entry is in the log, or below its snapshot."""
        at = index - self.base
        return at < 0 or (self.base_term if at == 0 else at <= len(self.terms) and self.terms[at - 1]) == term

    @property
    def servers(self) -> Servers:
        """The configuration in force: the latest, committed or not."""
        return self.configs[-1][1] if self.configs else {}

    @property
    def configured(self) -> int:
        """The index of the configuration in force."""
        return self.configs[-1][0] if self.configs else 0

    @property
    def is_leader(self) -> bool:
        """As far as files tell: it took office in its latest term, runs, and has not heard of another."""
        return self.running and not self.left and self.leads == self.term != 0


class Chronicle:
    """All databases of one run. ``hooks`` are the properties' methods by kind of event."""

    def __init__(self) -> None:
        self.rafts: dict[Database, dict[str | None, Raft]] = {}
        self.replicas: dict[tuple[Database, str], Replica] = {}
        self.events = 0
        self.hooks: dict[str, Hooks] = dict.fromkeys(KINDS, ())
        self._take: dict[type, Callable[[Any, Any], None]] = {
            Appended: self._append,
            Committed: self._commit,
            Term: self._term,
            Led: self._lead,
            Left: self._leave,
            Opened: self._open,
            Rewritten: self._rewrite,
            Stopped: self._stop,
        }

    def take(self, event: RaftEvent) -> None:
        """One more event."""
        _, source, fact = event
        self.events += 1
        server = self.replicas.get((source[0], source[2]))
        if type(fact) is Opened:
            self._open_file(source, server, fact)
        elif server is not None:
            self._take[type(fact)](server, fact)

    def members(self, database: Database) -> Servers:
        """The last committed configuration of the cluster that is furthest; empty if nothing is known."""
        rafts = self.rafts.get(database, {}).values()
        return max(rafts, key=lambda raft: raft.last, default=Raft(None)).settled

    def _tell(self, kind: str, *what: object) -> None:
        for hook in self.hooks[kind]:
            hook(*what)

    # -- the log ------------------------------------------------------------------------------------------------

    def _append(self, server: Replica, fact: Appended) -> None:
        index, term, data, servers = fact
        terms = server.terms
        at = index - server.base - 1
        if at != len(terms):
            if at > len(terms):
                self._tell("strange", server, f"entry {index} follows none: the log ends at {server.end - 1}")
                return
            self._cut(server, index, at)
        before = terms[-1] if terms else server.base_term
        terms.append(term)
        if term > server.term:
            server.term, server.vote = term, None
        self._know(server, index, term, before, data)
        for hook in self.hooks["append"]:
            hook(server, index, term, data, before)
        if servers is not None:
            self._tell("configure", server, index, servers, server.servers)
            server.configs.append((index, servers))

    def _know(self, server: Replica, index: int, term: int, before: int, data: str | None) -> None:
        entries = server.raft.entries
        if (index, term) not in entries:
            entries[index, term] = (before, data)

    def _cut(self, server: Replica, index: int, at: int) -> None:
        self._tell("cut", server, index, server.end)
        del server.terms[max(at, 0) :]
        while server.configs and server.configs[-1][0] >= index:
            server.configs.pop()

    def _commit(self, server: Replica, fact: Committed) -> None:
        index = fact[0]
        before = server.commit
        for hook in self.hooks["commit"]:
            hook(server, before, index)
        server.commit = index
        self._settle(server, before + 1, min(index, server.end - 1))

    def _settle(self, server: Replica, first: int, last: int) -> None:
        """Entries ``first`` to ``last`` are committed by this server."""
        raft = server.raft
        committed = raft.committed
        for index in range(max(first, server.base), last + 1):
            term = server.term_at(index)
            if term is None:
                continue
            known = committed.setdefault(index, term)
            if known != term:
                self._tell("conflict", server, index, term, known)
        if last > raft.last:
            raft.last = last
            for index, servers in server.configs:
                if raft.settled_at < index <= last:
                    self._configured(server, index, servers)

    def _configured(self, server: Replica, index: int, servers: Servers) -> None:
        raft = server.raft
        if raft.settled:
            self._tell("settle", server, index, servers, raft.settled)
        for sid in raft.settled:
            if sid not in servers:
                raft.gone[sid] = index
        raft.settled, raft.settled_at, raft.settled_term = servers, index, server.term_at(index) or 0

    # -- terms --------------------------------------------------------------------------------------------------

    def _term(self, server: Replica, fact: Term) -> None:
        term, vote = fact
        for hook in self.hooks["term"]:
            hook(server, term)
        if term != server.term:
            server.vote = None
        server.term = term
        if vote is not None:
            for hook in self.hooks["vote"]:
                hook(server, term, vote)
            server.vote = vote

    def _lead(self, server: Replica, fact: Led) -> None:
        term, sid = fact
        raft = server.raft
        known = raft.leaders.setdefault(term, sid)
        self._tell("leader", server, term, sid, known)
        raft.led = max(raft.led, term)
        if sid == server.source[2]:
            server.leads = term
            self._tell("lead", server, term)

    # -- files --------------------------------------------------------------------------------------------------

    def _raft(self, database: Database, cid: str | None) -> tuple[Raft, bool]:
        """The cluster, and whether it is a new one. A server that does not know its cluster yet is one of its own."""
        if cid is None:
            return Raft(None), False
        known = self.rafts.setdefault(database, {})
        if cid in known:
            return known[cid], False
        known[cid] = raft = Raft(cid)
        return raft, True

    def _open_file(self, source: Source, last: Replica | None, fact: Opened) -> None:
        first = not self.rafts.get(source.database)
        raft, new = self._raft(source.database, fact.contents.cid)
        server = Replica(source, raft, fact.address)
        server.joining = fact.joining
        if last is not None:
            server.leads = last.leads
        self.replicas[source.database, source.sid] = server
        self._read(server, fact.contents)
        if new and not fact.joining:
            self._tell("found", server, first)
        self._tell("open", server, last, fact.joining, fact.remotes)

    def _open(self, server: Replica, fact: Opened) -> None:
        self._open_file(server.source, server, fact)

    def _rewrite(self, server: Replica, fact: Rewritten) -> None:
        contents = fact.contents
        base, commit, end = server.base, server.commit, server.end
        if contents.cid != server.raft.cid:
            server.raft, _ = self._raft(server.database, contents.cid)
        server.joining = False
        self._read(server, contents)
        self._tell("replace", server, base, commit, end)

    def _read(self, server: Replica, contents: Contents) -> None:
        """Take a whole file over."""
        server.term, server.vote, server.commit = contents.term, contents.vote, contents.commit
        server.base, server.base_term = contents.base, contents.base_term
        server.configs = [(contents.base, contents.servers)] if contents.servers else []
        server.terms = []
        before = contents.base_term
        for index, term, data, servers in contents.entries:
            self._know(server, index, term, before, data)
            for hook in self.hooks["append"]:
                hook(server, index, term, data, before)
            server.terms.append(term)
            before = term
            if servers is not None:
                server.configs.append((index, servers))
        for term, sid in contents.led:
            known = server.raft.leaders.setdefault(term, sid)
            self._tell("leader", server, term, sid, known)
            server.raft.led = max(server.raft.led, term)
            if sid == server.sid:
                server.leads = max(server.leads, term)
        self._settle(server, contents.base, contents.commit)

    def _leave(self, server: Replica, _fact: Left) -> None:
        server.left = True

    def _stop(self, server: Replica, fact: Stopped) -> None:
        """What the file lost is gone from the log at once; votes that others may know of are not forgotten."""
        server.running = False
        secret = []
        for lost in fact.lost:
            if type(lost) is Appended:
                at = lost.position - server.base - 1
                del server.terms[max(at, 0) :]
                while server.configs and server.configs[-1][0] >= lost.position:
                    server.configs.pop()
            elif type(lost) is Term and lost.vote is not None:
                if lost.term > fact.term or (lost.term == fact.term and fact.vote is None):
                    secret.append((lost.term, lost.vote))
            elif type(lost) is Committed:
                server.commit = server.base
        if fact.lost:
            server.term, server.vote = fact.term, fact.vote
        self._tell("stop", server, tuple(secret))
