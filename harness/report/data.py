"""Plain data for ``-o json``: stable keys, ``apiVersion`` and ``kind`` first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.cluster import ClusterView
from harness.plan import API_VERSION, Plan, StepForecast
from harness.report.overview import Overview
from harness.report.wording import done_when, safe_points, typed_on


def dump(data: Mapping[str, Any]) -> str:
    """One JSON text, ended by a newline."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def status(found: Overview, source: str, assumptions: Sequence[str]) -> dict[str, Any]:
    """What ``ovnswap status`` found. ``tolerates`` below 0 means that the majority is gone."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Status",
        "source": source,
        "inOrder": found.in_order,
        "databases": [_database(asdict(row)) for row in found.databases],
        "nodes": [
            {
                "name": row.name,
                "address": row.address,
                "ready": row.ready,
                "labelled": row.labelled,
                "pod": row.pod,
                "inNodeIps": row.in_node_ips,
                "inOvnDbIps": dict(row.db_ips),
                "servers": {name: list(sids) for name, sids in row.servers.items()},
                "states": dict(row.states),
                "files": None if row.files is None else list(row.files),
            }
            for row in found.nodes
        ],
        "findings": [check.as_dict() for check in found.findings],
        "assumptions": list(assumptions),
    }


def _database(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "clusterId": row["cluster_id"],
        "term": row["term"],
        "leader": row["leader"] or None,
        "leaderServer": row["leader_sid"] or None,
        "voters": row["voters"],
        "alive": row["alive"],
        "quorum": row["quorum"],
        "tolerates": row["margin"],
        "lag": row["lag"],
    }


def plan(
    one: Plan, rows: tuple[StepForecast, ...], view: ClusterView, source: str, assumptions: Sequence[str]
) -> dict[str, Any]:
    """The plan as :func:`harness.plan.load` reads it back, with ``forecast`` beside it for readers."""
    safe = safe_points(one.steps)
    forecast = [
        {
            "number": number,
            "title": row.step.title,
            "commands": list(row.step.commands(view)),
            "typedOn": typed_on(row.step) or None,
            "doneWhen": done_when(row.step, view),
            "deadlineSeconds": row.step.deadline,
            "undo": row.step.undo(view),
            "safePoint": safe[number - 1],
            "toleratesDuring": dict(row.during),
            "toleratesAfter": dict(row.after),
        }
        for number, row in enumerate(rows, start=1)
    ]
    return {**one.as_dict(), "source": source, "assumptions": list(assumptions), "forecast": forecast}
