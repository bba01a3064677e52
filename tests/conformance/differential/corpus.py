"""Scripts on which model and servers once differed, as JSON files: they are played again for ever."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from language import Script, to_json
from language import script as read_script

DIRECTORY = Path(__file__).parent.parent / "corpus"


def names() -> list[str]:
    return sorted(path.stem for path in DIRECTORY.glob("*.json"))


def load(name: str) -> Script:
    return read_script(json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))["script"])


def save(script: Script, release: str, why: str) -> Path:
    """``why`` is what differed when it was found."""
    lines = ",\n".join(f"    {json.dumps(step)}" for step in to_json(script))
    name = hashlib.sha256(lines.encode()).hexdigest()[:10]
    path = DIRECTORY / f"{name}.json"
    DIRECTORY.mkdir(exist_ok=True)
    head = f'  "release": {json.dumps(release)},\n  "differed": {json.dumps(why)},\n'
    path.write_text(f'{{\n{head}  "script": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
    return path
