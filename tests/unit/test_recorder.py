"""Recordings: what a run showed, from looks; the run itself stays the same."""

from __future__ import annotations

from dataclasses import replace

from support_views import healthy, names_of

from fake_raft.messages import AppendReply, AppendRequest, Entry, VoteRequest
from harness.cluster import Database
from harness.executors.simulation.overheard import described
from harness.procedures.wanted import Wanted
from harness.recorder import LETTERS, Recorder
from harness.recording import Kind, Letter
from harness.search import trial
from harness.search.case import Case, Hit
from harness.spec import ClusterSpec

A, B, C = names_of(3)
CASE = Case(Wanted("documented", "remove", C, "", False), ClusterSpec(), (Hit.parse(f"13:during:wipe@{A}"),), 1)


def test_a_recorded_run_is_the_same_run() -> None:
    """Listening to messages and keeping looks changes nothing."""
    plain = trial.run(CASE)
    summary, recording = trial.recorded(CASE)
    assert (summary.digest, summary.verdict, summary.reasons) == (plain.digest, plain.verdict, plain.reasons)
    assert recording.verdict == plain.verdict.value
    assert [step.number for step in recording.steps] == list(range(1, 17))
    assert any(mark.kind is Kind.FAULT for mark in recording.marks)
    assert any("kubectl ko nb kick" in command for step in recording.steps for command in step.commands)


def test_a_recording_knows_who_led_and_who_could_fail() -> None:
    _, recording = trial.recorded(CASE)
    led = {lane.node for lane in recording.lanes for seen in lane.seen if seen.role == "leader"}
    assert A in led
    lowest = min(m.servers for line in recording.margins.values() for m in line if m.servers is not None)
    assert lowest == -1
    assert recording.history is not None


def test_only_changes_are_kept() -> None:
    recorder = Recorder()
    view = healthy(3).view()
    for at in range(5):
        recorder.observe(replace(view, at=float(at)))
    whole = recorder.recording("sim", "done", ())
    assert {len(lane.seen) for lane in whole.lanes} == {1}
    assert [(m.at, m.servers) for m in whole.margins[Database.NB]] == [(0.0, 1)]
    assert (whole.began, whole.ended) == (0.0, 4.0)


def test_a_server_that_falls_silent_is_kept_as_silent() -> None:
    recorder = Recorder()
    recorder.observe(replace(healthy(3).view(), at=0.0))
    recorder.observe(replace(healthy(3).kill(C).view(), at=2.0))
    lanes = recorder.recording("sim", "done", ()).lanes
    [lane] = [lane for lane in lanes if lane.node == C and lane.database is Database.NB]
    assert [(seen.at, bool(seen.role)) for seen in lane.seen] == [(0.0, True), (2.0, False)]


def test_messages_are_kept_around_the_first_bad_thing() -> None:
    recorder = Recorder()
    for number in range(1000):
        recorder.overheard(Letter(number / 10, Database.NB, "x", "y", str(number)))
    recorder.happened(80.0, Kind.FAULT, "crash")
    assert max(letter.at for letter in recorder.recording("sim", "done", ()).letters) > 80
    recorder.happened(50.0, Kind.BAD, "no majority")
    letters = recorder.recording("sim", "unsafe", ()).letters
    assert len(letters) == LETTERS
    assert all(abs(letter.at - 50.0) <= 4.0 for letter in letters)
    assert [letter.at for letter in letters] == sorted(letter.at for letter in letters)


def test_messages_in_words() -> None:
    assert described(AppendRequest(3, 6, 2, 6, ())) == ""
    assert described(AppendReply(3, 7, 6, 0, True)) == ""
    assert described(AppendReply(4, 7, 6, 0, False)) == "no: term 4"
    change = Entry(3, servers={"aaaa0000": "tcp:a:6643", "bbbb0000": "tcp:b:6643"})
    assert described(AppendRequest(3, 6, 2, 6, (Entry(3, "row"), change))) == "entries 7-8, term 3: members aaaa bbbb"
    assert described(VoteRequest(5, 9, 3, False, True)) == "would you vote? term 5, log 9"
