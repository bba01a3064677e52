"""Wrong rules planted in the modelled raft: the search finds each, by name, in few runs, and makes it small.

The search knows nothing of them: it has a procedure, a handful of faults, and the properties. With the rules as they
are it finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from harness.procedures.wanted import Wanted
from harness.search import again, hunt, shrink, trial
from harness.search.case import Case
from harness.search.configuration_model import Bounds, Property, Rules
from harness.search.configurations import GATED, Violation, explore
from harness.search.explore import Budget
from harness.search.tally import broken_by
from harness.search.tape import Source
from harness.search.trial import Summary
from harness.spec import ClusterSpec
from tests.quality import wrong_rules as wrong

LEAVER = "kube-ovn-control-plane3"
REMOVE = Case(Wanted("guarded", "remove", LEAVER), ClusterSpec(members=3))
USUAL = ("crash", "restart", "partition", "pause")
"""What the search may do to nodes: few kinds, for with a wrong rule elections may never end, and such runs are long."""


@dataclass(frozen=True, slots=True)
class Planted:
    """``rule`` must be found by the property ``by`` within ``runs``, and be shrunk to at most so many ``faults`` under
    the happy schedule. ``troubles`` are what the search may do to nodes."""

    rule: Callable[[pytest.MonkeyPatch], None]
    by: str
    runs: int
    faults: int = 1
    troubles: tuple[str, ...] = USUAL


PLANTED = (
    Planted(wrong.half_elects, "S5", 20),
    Planted(wrong.votes_twice, "S2", 20),
    Planted(wrong.votes_for_any_log, "S8", 20),
    Planted(wrong.new_leader_tidies_up, "S4", 5, faults=0),
    Planted(wrong.half_commits, "S7", 20),
    Planted(wrong.who_answers_is_a_quorum, "S7", 32),
    Planted(wrong.overwrites_what_it_has, "S6", 5),
    Planted(wrong.commits_without_a_match, "S6", 28),
    Planted(wrong.deposed_leader_is_obeyed, "S1", 20),
    Planted(wrong.answers_before_the_commit, "S17", 20),
    Planted(wrong.serves_before_the_commit, "S18", 28),
    Planted(wrong.ghost_is_replaced, "S13", 5, troubles=("wipe",)),
)


def breaks(identity: str) -> Callable[[Summary], bool]:
    return lambda summary: summary.bad and identity in broken_by(summary)


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.rule.__name__ for planted in PLANTED])
def test_a_wrong_rule_is_found_by_name_and_made_small(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.rule(monkeypatch)
    found = hunt.hunt(REMOVE, Budget(runs=planted.runs), planted.troubles)
    assert found.summary is not None, f"nothing in {found.runs} runs"
    assert planted.by in broken_by(found.summary), found.summary.reasons
    small = shrink.shrink(found.summary, breaks(planted.by))
    assert small.whole
    assert len(small.case.hits) <= planted.faults
    assert (small.case.source, small.deviations) == (Source(), 0)


def test_with_the_rules_as_they_are_the_same_search_finds_nothing() -> None:
    assert hunt.hunt(REMOVE, Budget(runs=20), USUAL).summary is None


def test_what_is_found_is_the_rules_doing() -> None:
    """The same case without the wrong rule, in another process, is another run, and a good one."""
    with pytest.MonkeyPatch.context() as patch:
        wrong.votes_twice(patch)
        found = hunt.hunt(REMOVE, Budget(runs=25), USUAL).summary
    assert found is not None
    right = trial.run(found.case)
    assert not right.bad
    assert again.digests([found.case]) == [right.digest] != [found.digest]


PROVED: dict[str, tuple[Rules, Bounds, int, int]] = {
    "two changes at once": (
        replace(GATED, single_change=False),
        Bounds(members=4, terms=2, changes=3, entries=5),
        1036,
        9,
    ),
    "two servers in one change": (replace(GATED, change_size=2), Bounds(members=4, terms=2), 665, 10),
    "votes without a look at the log": (replace(GATED, log_check=False), Bounds(members=3, terms=2), 17, 4),
    "counts copies of an earlier term": (
        replace(GATED, own_term_commit=False),
        Bounds(members=3, terms=4, entries=4),
        251,
        6,
    ),
    "the longer log wins": (replace(GATED, longer_wins=True), Bounds(members=3, terms=3, changes=0), 52, 5),
    "joiners count": (
        replace(GATED, counts_joiners=True),
        Bounds(members=3, spares=1, terms=2, changes=1),
        33,
        4,
    ),
    "answers before it is on disk": (replace(GATED, answers_early=True), Bounds(members=3, terms=2, changes=0), 23, 5),
}
"""What a rehearsal does not bring about, for it takes three leaders, or things that come within milliseconds of each
other: the bounded proof finds it. Distinct states looked at, and actions of the story, of which none is shorter."""


@pytest.mark.parametrize("name", PROVED)
def test_a_wrong_rule_of_configurations_is_found_by_the_proof(name: str) -> None:
    rules, bounds, states, actions = PROVED[name]
    found = explore(rules, bounds, (Property.COMPLETENESS, Property.STATE_MACHINE))
    assert isinstance(found, Violation)
    assert (found.broken, found.states, len(found.actions)) == (Property.COMPLETENESS, states, actions)
