"""What a plan does to quorum, step by step, before it is run: arithmetic on who is configured and who is alive."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.quorum import majority, margin


@dataclass(frozen=True, slots=True)
class Standing:
    """Configured servers of one database (hosts, one for each server) and the hosts whose servers live."""

    members: tuple[str, ...]
    live: frozenset[str]

    @property
    def margin(self) -> int:
        """Live members minus majority: how many may still fail; negative without quorum.

        Where no configuration is known (nobody answered) there is none to lose: -1.
        """
        if not self.members:
            return -1
        return margin(len(self.live.intersection(self.members)), len(self.members))

    @property
    def needed(self) -> int:
        return majority(len(self.members)) if self.members else 1


@dataclass(frozen=True, slots=True)
class Forecast:
    """Both databases at one point of a plan."""

    nb: Standing
    sb: Standing

    @classmethod
    def of(cls, view: ClusterView) -> Forecast:
        """Where the plan starts: what the servers say now."""
        nb, sb = (Standing(health.member_hosts(view, db), health.live_hosts(view, db)) for db in DATABASES)
        return cls(nb, sb)

    def of_database(self, database: Database) -> Standing:
        return self.nb if database is Database.NB else self.sb

    def removed(self, database: Database, host: str) -> Forecast:
        """After the servers at ``host`` left the configuration."""
        old = self.of_database(database)
        return self._with(database, replace(old, members=tuple(h for h in old.members if h != host)))

    def added(self, host: str) -> Forecast:
        """After a live server at ``host`` joined both databases."""
        out = self
        for database in DATABASES:
            old = out.of_database(database)
            if host not in old.members:
                out = out._with(database, Standing((*old.members, host), old.live | {host}))
        return out

    def down(self, host: str) -> Forecast:
        """While (or since) the servers at ``host`` do not run."""
        out = self
        for database in DATABASES:
            old = out.of_database(database)
            out = out._with(database, replace(old, live=old.live - {host}))
        return out

    def worst_restart(self, hosts: tuple[str, ...] | None = None) -> Forecast:
        """While the one of ``hosts`` (default: any member) restarts whose absence costs most."""
        candidates = hosts if hosts is not None else tuple(sorted({*self.nb.members, *self.sb.members}))
        return min((self.down(host) for host in candidates), key=lambda f: (f.worst, f.total), default=self)

    @property
    def worst(self) -> int:
        return min(self.nb.margin, self.sb.margin)

    @property
    def total(self) -> int:
        return self.nb.margin + self.sb.margin

    def _with(self, database: Database, standing: Standing) -> Forecast:
        return replace(self, nb=standing) if database is Database.NB else replace(self, sb=standing)


@dataclass(frozen=True, slots=True)
class Impact:
    """What one step does: the worst instant within it, and what it leaves behind."""

    during: Forecast
    after: Forecast
