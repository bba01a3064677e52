"""The bounded proof of membership changes: what it finds, what it proves, and whether it may be believed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest
import support_interleaved as plain

from harness.search.configuration_model import FIRST_LOG, SAFETY, Bounds, Kind, Model, Property, Rules, State
from harness.search.configuration_text import rendered
from harness.search.configurations import GATED, OVSDB, Certificate, Violation, explore, replay

ROOT = Path(__file__).parents[2]
COMPLETENESS = (Property.COMPLETENESS, Property.STATE_MACHINE)


@cache
def violated(rules: Rules, bounds: Bounds, judged: tuple[Property, ...] = SAFETY) -> Violation:
    found = explore(rules, bounds, judged)
    assert isinstance(found, Violation), found
    return found


@cache
def proved(rules: Rules, bounds: Bounds, judged: tuple[Property, ...] = SAFETY) -> Certificate:
    found = explore(rules, bounds, judged)
    assert isinstance(found, Certificate), found.actions
    assert found.complete
    return found


# -- O1 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("judged", "broken", "length"),
    [
        (SAFETY, Property.ONE_LEADER, 6),
        (COMPLETENESS, Property.COMPLETENESS, 7),
        ((Property.STATE_MACHINE,), Property.STATE_MACHINE, 9),
    ],
)
def test_ovsdbs_rules_break_for_four_members(judged: tuple[Property, ...], broken: Property, length: int) -> None:
    found = violated(OVSDB, Bounds(members=4), judged)
    assert (found.broken, len(found.actions)) == (broken, length)
    changes = [action.servers for action in found.actions if action.kind is Kind.CHANGE]
    assert len({*changes}) == 2, "two different changes, by two leaders"


def test_two_leaders_commit_side_by_side() -> None:
    found = violated(OVSDB, Bounds(members=4), (Property.STATE_MACHINE,))
    commits = [action for action in found.actions if action.kind is Kind.COMMIT]
    assert len(commits) == 2
    assert not {*commits[0].servers} & {*commits[1].servers}
    assert [action.text for action in found.actions] == [
        "s1 is elected leader of term 1 by s1 s2 s3 (its configuration: s1 s2 s3 s4)",
        "s1 starts to remove s2: entry 2, configuration s1 s3 s4",
        "s2 is elected leader of term 2 by s2 s3 s4 (its configuration: s1 s2 s3 s4)",
        "s2 starts to remove s3: entry 2, configuration s1 s2 s4",
        "s2 hands s4 its log up to entry 2",
        "s2 commits up to entry 2: s2 s4 of s1 s2 s4 have it",
        "s1 is elected leader of term 3 by s1 s3 (its configuration: s1 s3 s4)",
        "s1 hands s3 its log up to entry 3",
        "s1 commits up to entry 3: s1 s3 of s1 s3 s4 have it",
    ]


def test_no_shorter_story_breaks_anything() -> None:
    """All of it looked at by hand, up to one action less."""
    model = Model(OVSDB, Bounds(members=4))
    level = {model.canonical(model.first())}
    for _ in range(5):
        steps = [step for state in sorted(level) for step in model.after(state)]
        assert not [step for step in steps if step.broken]
        level = {model.canonical(step.state) for step in steps}


def test_a_three_member_cluster_breaks_while_it_has_four() -> None:
    """Adding before removing, as a replacement does; without a spare, nothing can be done to three."""
    found = violated(OVSDB, Bounds(members=3, spares=1, changes=3), COMPLETENESS)
    kinds = [len(action.members) for action in found.actions if action.kind is Kind.CHANGE]
    assert 4 in kinds
    proved(OVSDB, Bounds(members=3, changes=3))


def test_five_members_survive_two_leaders_that_remove_one_each() -> None:
    """Majorities of four of five servers, three each, have one in common."""
    proved(OVSDB, Bounds(members=5, changes=1, entries=3), COMPLETENESS)


# -- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "states"),
    [
        (Bounds(members=3, spares=1), 19711),
        (Bounds(members=4), 12113),
        (Bounds(members=5, entries=5), None),
    ],
    ids=["3+1", "4", "5"],
)
def test_with_the_own_term_gate_nothing_breaks(bounds: Bounds, states: int | None) -> None:
    found = proved(GATED, bounds)
    assert states in (None, found.states)
    assert found.transitions > found.states > 10_000


def test_a_strict_check_of_the_majority_is_no_substitute_for_the_gate() -> None:
    strict = replace(OVSDB, strict=True)
    assert len(violated(strict, Bounds(members=4)).actions) == 6


# -- a live majority --------------------------------------------------------------------------------------------------


def test_a_live_server_of_three_can_be_removed_while_another_is_down() -> None:
    """Total outage with two of three alive (facts: ovsdb-raft 3.4); etcd's check forbids it."""
    bounds = Bounds(members=3, spares=1, terms=2, changes=2, entries=4, crashes=1)
    found = violated(OVSDB, bounds, (Property.QUORUM_KEPT,))
    assert [action.kind for action in found.actions] == [Kind.ELECT, Kind.CRASH, Kind.CHANGE]
    assert "stops for good" in found.actions[1].text
    proved(replace(OVSDB, strict=True), bounds, (Property.QUORUM_KEPT,))


# -- wrong rules ------------------------------------------------------------------------------------------------------

PLANTED = {
    "two changes at once": (replace(GATED, single_change=False), Bounds(members=4, terms=2, changes=3, entries=5)),
    "two servers in one change": (replace(GATED, change_size=2), Bounds(members=4, terms=2)),
    "in force at commit": (
        replace(GATED, in_force="commit"),
        Bounds(members=4, terms=2, changes=3, writes=1, entries=6),
    ),
    "votes without a look at the log": (replace(GATED, log_check=False), Bounds(members=3, terms=2)),
    "commits what others began": (replace(GATED, own_term_commit=False), Bounds(members=3, terms=4, entries=4)),
    "the longer log wins": (replace(GATED, longer_wins=True), Bounds(members=3, terms=3, changes=0)),
    "joiners count": (replace(GATED, counts_joiners=True), Bounds(members=3, spares=1, terms=2, changes=1)),
    "answers before it is on disk": (replace(GATED, answers_early=True), Bounds(members=3, terms=2, changes=0)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_wrong_rules_are_found_out(name: str) -> None:
    rules, bounds = PLANTED[name]
    found = violated(rules, bounds, COMPLETENESS)
    assert replay(found) is found.broken
    assert found.states < 100_000
    right = Rules(own_term_gate=True)
    proved(right, replace(bounds, changes=min(bounds.changes, 2), writes=0), COMPLETENESS)


# -- replaying --------------------------------------------------------------------------------------------------------

STORIES = [SAFETY, COMPLETENESS, (Property.STATE_MACHINE,)]


@pytest.mark.parametrize("judged", STORIES)
def test_a_story_replays(judged: tuple[Property, ...]) -> None:
    found = violated(OVSDB, Bounds(members=4), judged)
    assert replay(found) is found.broken
    assert replay(replace(found, actions=found.actions[:-1])) is None


@pytest.mark.parametrize("dropped", range(8))
def test_every_action_of_the_story_is_needed(dropped: int) -> None:
    found = violated(OVSDB, Bounds(members=4), (Property.STATE_MACHINE,))
    rest = found.actions[:dropped] + found.actions[dropped + 1 :]
    try:
        broken = replay(replace(found, actions=rest))
    except ValueError:
        broken = None
    assert broken is None


def test_the_gate_stops_the_story() -> None:
    found = violated(OVSDB, Bounds(members=4))
    with pytest.raises(ValueError, match=r"action 2 can't happen: s1 starts to remove s2"):
        replay(replace(found, rules=GATED))


def told_of_commit(now: plain.World | None, leader: int, server: int) -> plain.World | None:
    """The model takes it that who has a committed entry knows so: a heartbeat."""
    assert now is not None
    return plain.hand(now, leader, server, plain.common(now.servers[leader].log, now.servers[server].log))


@pytest.mark.parametrize("judged", STORIES)
@pytest.mark.parametrize("members", [(4, 0, 2), (3, 1, 3)], ids=["4", "3+1"])
def test_a_plain_raft_does_what_the_story_says(judged: tuple[Property, ...], members: tuple[int, int, int]) -> None:
    """Action by action, voters and terms included, on a raft that knows nothing of the model's short cuts."""
    size, spares, changes = members
    found = violated(OVSDB, Bounds(members=size, spares=spares, changes=changes), judged)
    now: plain.World | None = plain.world(size, spares)
    for action in found.actions:
        assert now is not None, f"before {action.text}"
        if action.kind in (Kind.ELECT, Kind.RIVAL):
            now = plain.elect(now, action.server, action.term, action.servers)
        elif action.kind is Kind.CHANGE:
            now = plain.change(now, action.server, frozenset(action.members), gate=False)
        elif action.kind is Kind.HAND:
            now = plain.hand(now, action.server, action.servers[0], action.length + 1)
        else:
            assert action.kind is Kind.COMMIT
            now = plain.commit(now, action.server)
            for other in action.servers:
                if other != action.server:
                    now = told_of_commit(now, action.server, other)
    assert now is not None
    assert found.broken in now.broken
    assert now.broken - {found.broken} <= {*SAFETY} - {*judged}


# -- short cuts -------------------------------------------------------------------------------------------------------

Held = tuple[tuple[tuple[int, str, frozenset[int]], ...], ...]


def alike(logs: list[list[tuple[int, str, frozenset[int]]]]) -> Held:
    """Logs (the committed one first) with terms numbered without gaps and servers named in the smallest way."""
    terms = sorted({entry[0] for log in logs for entry in log})
    servers = len(logs) - 1

    def renamed(order: tuple[int, ...]) -> Held:
        def log(entries: list[tuple[int, str, frozenset[int]]]) -> tuple[tuple[int, str, frozenset[int]], ...]:
            return tuple((terms.index(t), kind, frozenset(order[m] for m in members)) for t, kind, members in entries)

        place = {order[server]: server for server in range(servers)}
        return (log(logs[0]), *(log(logs[place[new] + 1]) for new in range(servers)))

    return min((renamed(order) for order in permutations(range(servers))), key=in_order)


def in_order(held: Held) -> list[list[tuple[int, str, list[int]]]]:
    return [[(term, kind, sorted(members)) for term, kind, members in log] for log in held]


def held_by_model(model: Model, state: State) -> Held:
    logs = model.logs

    def spelled(number: int) -> list[tuple[int, str, frozenset[int]]]:
        entries = [logs.entry(prefix) for prefix in logs.path[number]]
        kinds = ("nothing", "write", "configuration")
        return [(t, kinds[kind], frozenset(s for s in model.servers if m >> s & 1)) for t, kind, m in entries]

    return alike([spelled(number) for number in (state[0], *state[FIRST_LOG:])])


@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize(("members", "spares", "terms", "entries"), [(3, 0, 2, 3), (2, 1, 2, 3), (2, 0, 3, 4)])
def test_one_term_at_a_time_reaches_what_any_order_reaches(
    members: int, spares: int, terms: int, entries: int, gate: bool
) -> None:
    """The same logs and the same committed entries, by a search that leaves nothing out."""
    worlds = plain.reachable(members, spares, terms, 2, entries, gate=gate)
    assert not any(world.broken for world in worlds)
    expected = {alike([[*world.committed], *([*server.log] for server in world.servers)]) for world in worlds}
    model = Model(Rules(own_term_gate=gate), Bounds(members, spares, terms, 2, 0, entries))
    seen = {model.canonical(model.first())}
    left = [*seen]
    while left:
        for step in model.after(left.pop()):
            known = model.canonical(step.state)
            if known not in seen:
                seen.add(known)
                left.append(known)
    assert {held_by_model(model, state) for state in seen} == expected
    assert len(seen) < len(worlds) / 3


def test_names_make_no_difference() -> None:
    """Every renaming of a state has the same canonical form."""
    model = Model(OVSDB, Bounds(members=3, spares=1, terms=99, changes=9, entries=99))
    state = model.first()
    for step in range(30):
        steps = model.after(state)
        state = steps[(step * 7) % len(steps)].state
        forms = {model.canonical(model._renamed(state, order)) for order in permutations(range(4))}
        assert len(forms) == 1


# -- certificates -----------------------------------------------------------------------------------------------------


def test_a_certificate_says_the_same_in_every_process() -> None:
    code = (
        "from harness.search.configurations import *; from harness.search.configuration_model import Bounds;"
        "print(explore(GATED, Bounds(members=4, terms=2)).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {explore(GATED, Bounds(members=4, terms=2)).digest + "\n"}  # type: ignore[union-attr]


def test_a_limit_leaves_states_and_proves_nothing() -> None:
    found = explore(GATED, Bounds(members=4), limit=100)
    assert isinstance(found, Certificate)
    assert found.left > 0
    assert not found.complete


def test_what_is_found_is_told_in_words() -> None:
    proof = explore(GATED, Bounds(members=3, terms=2)), explore(GATED, Bounds(members=3), limit=50)
    assert rendered(proof[0]).startswith(
        "OVSDB's rules but own term gate: True; 3 members, 2 terms, 2 changes and 0 writes in 6 entries of a log\n"
        f"proved: S1, S5, S6, none left ({proof[0].states} distinct states, "
    )
    assert "\nnot proved: S1, S5, S6 hold so far, " in rendered(proof[1])
    story = rendered(violated(OVSDB, Bounds(members=4)))
    assert story.startswith("OVSDB's rules; 4 members, ")
    assert "\nviolated in 6 actions: S1, at most one leader a term (" in story
    assert story.endswith("\n  6. s2 too is elected leader of term 3, by s2 s4 (of s1 s2 s4)")


def test_wider_bounds_reach_more() -> None:
    sizes = [proved(GATED, Bounds(members=3, terms=terms)).states for terms in (1, 2, 3)]
    assert sizes == sorted({*sizes})


@pytest.mark.parametrize("bounds", [{"members": 0}, {"spares": -1}, {"terms": -1}])
def test_bounds_below_nothing_are_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="bounds"):
        Bounds(**bounds)
