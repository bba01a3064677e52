"""The table of docs/invariants.md says what the code says. ``python tests/unit/test_invariants_docs.py`` prints it."""

from __future__ import annotations

from pathlib import Path

from harness.invariants import CATALOGUE, Grade, Property
from harness.invariants.chronicle import KINDS

DOCS = Path(__file__).parents[2] / "docs" / "invariants.md"
BEGIN, END = "<!-- table -->\n", "<!-- end -->\n"
HEAD = "| id | statement | source | checked in `sim` | on `ovsdb` | on `kind` and `kube` | if broken | broken by |\n"
OF_RAFT = "test_properties_of_raft.py"
OF_PROCEDURES = "test_properties_of_procedures.py"


def takes(prop: type[Property], *names: str) -> bool:
    return any(getattr(prop, name) is not getattr(Property, name) for name in names)


def checked(prop: type[Property]) -> tuple[str, str, str]:
    """When, in the simulator, on real servers here, and where nobody reads files."""
    files = takes(prop, *(f"on_{kind}" for kind in KINDS))
    acts = ["acts"] if takes(prop, "on_act", "on_answer", "on_ending") else []
    looks = ["looks"] if takes(prop, "on_look") else []
    ends = ["end"] if takes(prop, "at_end") else []
    status = ["statuses"] if takes(prop, "on_status") else []
    sim = (["each record"] if files else []) + looks + acts + ends
    real = (["records at each look"] if files else []) + status + looks + acts + ends
    return ", ".join(sim), ", ".join(real), ", ".join(status + looks + acts + ends) or "not"


VERDICTS = {Grade.SAFETY: "unsafe", Grade.ORDER: "stuck", Grade.RUN: "says nothing"}


def verdict(prop: type[Property]) -> str:
    words = VERDICTS[prop.grade]
    return words if prop.end_grade in (None, prop.grade) else f"{words}; at the end {VERDICTS[prop.end_grade]}"  # type: ignore[index]


def row(prop: type[Property]) -> str:
    test = OF_RAFT if prop.id.startswith("S") and prop.id != "S19" else OF_PROCEDURES
    cells = (prop.id, prop.statement, prop.source, *checked(prop), verdict(prop), f"`{test}`")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def table() -> str:
    return HEAD + "|---" * 8 + "|\n" + "".join(row(prop) for prop in CATALOGUE)


def test_the_table_says_what_the_code_says() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == table(), "print it with this file, and paste it"


def test_ids_are_in_order_and_none_is_missing() -> None:
    wanted = [f"S{n}" for n in range(1, 20)] + [f"P{n}" for n in range(1, 14)] + ["L1", "L2", "L3", "M1", "M2"]
    assert [prop.id for prop in CATALOGUE] == wanted
    assert all(prop.statement.endswith(".") and prop.source for prop in CATALOGUE)


def test_each_property_has_a_file_of_its_own() -> None:
    modules = [prop.__module__ for prop in CATALOGUE]
    assert len(set(modules)) == len(modules)


def test_each_property_listens_to_something() -> None:
    assert all("" not in checked(prop)[:2] for prop in CATALOGUE)


if __name__ == "__main__":
    print(table(), end="")
