"""The receipt of a rehearsal: which plan was tried with what, and how it ended, for a gate to read later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness import __version__
from harness.errors import BadInput
from harness.plan import Plan
from harness.search.again import Again
from harness.search.case import Case
from harness.search.tally import Tally
from harness.search.trial import Verdict
from harness.search.troubles import TROUBLES
from harness.spec import ClusterSpec

KIND = "RehearsalReceipt"
FORMAT = 2
"""Rises when a field changes its meaning."""
AGAIN = "rehearse the plan again with --report DIR"


@dataclass(frozen=True, slots=True)
class Receipt:
    """``digest`` names the plan, ``faults`` are those that were chosen, ``source`` is where the receipt was read;
    ``fields`` is all of it."""

    digest: str
    verdict: str
    partial: str
    faults: tuple[str, ...]
    source: str
    fields: Mapping[str, Any]


def document(
    case: Case,
    digest: str,
    tally: Tally,
    total: int,
    cells: int,
    stopped: str,
    faults: Sequence[str],
    backend: str = "sim",
    schedules: int = 1,
    pairs: str = "",
    again: Again | None = None,
) -> dict[str, Any]:
    """The receipt as plain data. ``total`` runs and ``cells`` there are; ``stopped`` says why not all were tried;
    ``faults`` are the names of those that were chosen, ``pairs`` (covering or all) of them in place of single ones,
    each plan under ``schedules``; ``again`` is what came of runs that were made once more.

    The verdict is ``failed`` if any run ended badly or was another one when it was made again, ``nothing`` if no run's
    fault had an effect, else ``passed``.
    """
    again = again if again is not None else Again()
    failed = tally.bad or again.differing
    wanted = case.wanted
    effective = tally.runs - tally.verdicts[Verdict.VOID]
    return {
        "kind": KIND,
        "format": FORMAT,
        "ovnswap": __version__,
        "planDigest": digest,
        "procedure": wanted.procedure,
        "verb": wanted.verb,
        "nodes": [name for name in (wanted.node, wanted.spare) if name],
        "versions": asdict(case.spec.versions),
        "backend": backend,
        "lab": lab(case.spec),
        "seed": case.seed,
        "faults": list(faults),
        "faultPlans": pairs + " pairs" if pairs else "single faults",
        "schedules": schedules,
        "again": again_data(again),
        "runs": tally.runs,
        "runsThereAre": total,
        "coverage": {"cellsTried": len(tally.tried), "cells": cells},
        "partial": stopped or None,
        "verdict": "failed" if failed else "passed" if effective else "nothing",
        "ends": {verdict.value: tally.verdicts[verdict] for verdict in Verdict},
        "failuresByInvariant": dict(sorted(tally.by_invariant.items())),
        "worst": worst_data(tally),
    }


def again_data(again: Again) -> dict[str, Any]:
    """How many runs were chosen to be made once more, were made, were alike; ``deterministic`` unless one was not."""
    return {
        "chosen": again.chosen,
        "run": again.run,
        "alike": again.alike,
        "deterministic": not again.differing,
        "differing": [
            {"faults": [str(hit) for hit in one.case.hits], "tape": str(one.case.source)} for one in again.differing
        ],
    }


def lab(spec: ClusterSpec) -> dict[str, Any]:
    """The cluster that it was tried on; database files by their SHA-256."""
    return {
        "members": spec.members,
        "spares": spec.spares,
        "nodes": [{"name": name, "address": address} for name, address in spec.nodes],
        "down": list(spec.down),
        "electionTimerMs": spec.election_timer_ms,
        "databaseFiles": [{"database": one.database.value, "sha256": one.digest} for one in spec.files],
    }


def worst_data(tally: Tally) -> dict[str, Any]:
    """Each worst figure in cluster seconds, with the faults of the run that had it."""
    return {
        name: {"seconds": worst.seconds, "faults": [str(hit) for hit in worst.case.hits]}
        for name, worst in tally.worst.items()
    }


def load(text: str, source: str) -> Receipt:
    """Read a receipt; ``source`` names it in errors. Raises :class:`BadInput` if it is none, or of another format."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise BadInput(f"{source} is not a receipt of a rehearsal", todo=AGAIN)
    if data.get("format") != FORMAT:
        raise BadInput(f"{source} has format {data.get('format')!r}; this ovnswap reads {FORMAT}", todo=AGAIN)
    digest, verdict, partial = data.get("planDigest"), data.get("verdict"), data.get("partial")
    known = verdict in ("passed", "failed", "nothing")
    faults = data.get("faults")
    if not isinstance(digest, str) or not known or not (partial is None or isinstance(partial, str)):
        raise BadInput(f"{source} is not a whole receipt: planDigest, verdict or partial is wrong", todo=AGAIN)
    if not isinstance(faults, list) or not all(isinstance(name, str) for name in faults):
        raise BadInput(f"{source} is not a whole receipt: it does not say which faults were chosen", todo=AGAIN)
    return Receipt(digest, str(verdict), partial or "", tuple(faults), source, data)


def words(receipt: Receipt) -> str:
    """What a receipt says, in one line."""
    fields = receipt.fields
    tried = f"{fields.get('runs')} of {fields.get('runsThereAre')} runs"
    plans = fields.get("faultPlans", "single faults")
    tried += f" with {plans}" if plans != "single faults" else ""
    if not fields.get("again", {}).get("deterministic", True):
        tried += ", which were NOT DETERMINISTIC"
    of = f"{receipt.verdict}: {tried}" + (f", partial: {receipt.partial}" if receipt.partial else "")
    left = [name for name in TROUBLES if name not in receipt.faults]
    return of + (f"; not tried: {', '.join(left)}" if left else "; every kind of fault")


def fits(receipt: Receipt, plan: Plan) -> None:
    """Raises :class:`BadInput` if ``receipt`` is for another plan. Says nothing about how the rehearsal ended."""
    if receipt.digest != plan.digest:
        seen = f"{receipt.source} is for plan {receipt.digest!r}, not for {plan.digest}"
        raise BadInput(seen, why="another plan was rehearsed", todo=AGAIN)
