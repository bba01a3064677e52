"""Scripts are plain data, and are played by the model alone too."""

from __future__ import annotations

import json

import pytest
from language import KINDS, Call, Create, Kick, Kill, Leave, Partition, Pause, Read, Start, Until, Wait, Write, to_json
from language import script as read_script
from play import CONDITIONS, DO, formation, play
from worlds.fake import FakeWorld, Invented, Seeded

MIXED = (*formation(3), Partition(((1,), (2, 3))), Call("new", "leader", (2, 3)), Kick("new", 1), Wait())


def test_a_script_survives_json() -> None:
    assert read_script(json.loads(json.dumps(to_json(MIXED)))) == MIXED


def test_every_operation_can_be_played() -> None:
    assert set(DO) == set(KINDS.values())


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_every_condition_is_described(condition: str) -> None:
    assert f"``{condition}``" in (Until.__doc__ or "")


def test_the_same_tape_gives_the_same_outcome() -> None:
    assert len({play(FakeWorld(Invented(), "3.1", Seeded(7)), MIXED) for _ in range(3)}) == 1


def test_who_is_not_there_is_not_asked() -> None:
    script = (*formation(2), Pause(2), Leave(2), Read(2), Kill(1), Write(1, "x"), Leave(1), Start(1))
    outcome = play(FakeWorld(Invented(), "3.1"), script)
    assert outcome.replies[-6:] == ("paused", "paused", "", "not running", "not running", "")


def test_an_outcome_names_servers_and_not_ids() -> None:
    outcome = play(FakeWorld(Invented(), "3.1"), MIXED)
    view = dict(outcome.servers)["new"]
    assert (view.role, view.members, view.rows) == ("leader", ("new", "s3"), ())


def test_a_refused_file_is_seen() -> None:
    script = (*formation(2), Leave(2), Until("gone", (2,)), Kill(2), Start(2))
    outcome = play(FakeWorld(Invented(), "3.1"), script)
    assert outcome.replies[-1].startswith("refused: indicates server has left the cluster")
    assert dict(outcome.servers)["s2"].process == outcome.replies[-1]


def test_the_election_timer_may_be_given_at_birth() -> None:
    outcome = play(FakeWorld(Invented(), "3.1"), (Create(1, 2000), Until("timer", (1,), 2000)))
    assert outcome.replies[-1] == "yes"
