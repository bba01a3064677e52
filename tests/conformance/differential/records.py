"""What real servers did with scripts, as JSON files: a changed model is compared with them again in no time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from language import Outcome, Script, View, Views, servers_of, to_json
from language import script as read_script
from worlds.protocol import World


@dataclass(frozen=True, slots=True)
class Recorded:
    """One real run: the ids and addresses that the servers had (the model orders servers by them, too), by number."""

    seed: int
    release: str
    script: Script
    real: Outcome
    addresses: dict[int, str]
    sids: dict[int, tuple[str, ...]]

    def address(self, number: int) -> str:
        return self.addresses[number]

    def sid(self, number: int, life: int = -1) -> str:
        return self.sids[number][life]


def record(world: World, seed: int, release: str, script: Script, real: Outcome) -> Recorded:
    numbers = servers_of(script)
    sids = {number: tuple(world.sid(number, life) for life in range(world.lives(number))) for number in numbers}
    return Recorded(seed, release, script, real, {number: world.address(number) for number in numbers}, sids)


def save(recorded: Recorded, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    known = len(list(directory.glob(f"{recorded.seed}*.json")))
    path = directory / f"{recorded.seed}{f'-{known}' if known else ''}.json"
    path.write_text(json.dumps(to_json(recorded), indent=1) + "\n", encoding="utf-8")
    return path


def load(path: Path) -> Recorded:
    """Raises OSError, ValueError or KeyError if that is no record."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    real = value["real"]
    settled = tuple((place, _views(views)) for place, views in real.get("settled", ()))
    return Recorded(
        value["seed"],
        value["release"],
        read_script(value["script"]),
        Outcome(tuple(real["replies"]), _views(real["servers"]), settled),
        {int(number): address for number, address in value["addresses"].items()},
        {int(number): tuple(sids) for number, sids in value["sids"].items()},
    )


def _views(values: list[Any]) -> Views:
    return tuple((name, _view(view)) for name, view in values)


def _view(value: dict[str, Any]) -> View:
    lists = {name: tuple(value[name]) for name in ("members", "pending")}
    rows = None if value["rows"] is None else tuple(value["rows"])
    return View(**{**value, **lists, "rows": rows})
