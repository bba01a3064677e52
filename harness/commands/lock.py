"""``ovnswap lock``: who works on a cluster, and taking the lock from a run that is dead."""

from __future__ import annotations

from typing import Any

import click

from harness.commands import cluster
from harness.commands.options import cluster_options
from harness.commands.output import say, write


@click.group()
def lock() -> None:
    """See, and take back, the lock that a run holds on a cluster.

    It is a Lease beside ovn-central. A run renews it, and gives it back in the end; of a run that was killed it expires
    after a minute.
    """


def _shared(function: Any) -> Any:
    namespace = click.option("-n", "--namespace", metavar="NAME", help="Kube-OVN's namespace. Default: found.")
    return cluster_options(namespace(function))


@lock.command()
@_shared
def show(**values: Any) -> None:
    """Say who holds the lock, on which host, at which step."""
    cluster.load()
    from harness.executors.kube import lease

    with cluster.opened(values) as executor:
        holder = lease.read(executor.api, executor.installation.namespace)
    write(holder.words() if holder is not None else "nobody holds the lock", None)


@lock.command()
@click.option("--run-id", required=True, metavar="ID", help="The run that holds it, as `ovnswap lock show` says.")
@_shared
def release(run_id: str, **values: Any) -> None:
    """Take the lock from a run that is dead. Its next change, should it live, is refused."""
    cluster.load()
    from harness.executors.kube import lease

    with cluster.opened(values) as executor:
        holder = lease.release(executor.api, executor.installation.namespace, run_id)
    say(f"released: it was held by {holder.words()}")
