"""The text of ``cluster/status``: captures of ovsdb-server 3.1.0, the documentation's blocks, and what damages them."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies_status import members

from harness.cluster import MemberStatus, PeerConnection, ServerEntry
from harness.raft_status import (
    Empty,
    ErrorKind,
    Malformed,
    ServerError,
    StatusError,
    Truncated,
    classify_error,
    is_prompt,
    parse,
    render,
)

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "transcripts" / "status"
SEED = ROOT.parent / "shared" / "seed"
ERRORS = sorted(GOLDEN.glob("error-*.txt"))
STATUSES = sorted(set(GOLDEN.glob("*.txt")) - set(ERRORS))


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def attempt(text: str) -> MemberStatus | StatusError:
    try:
        return parse(text)
    except StatusError as error:
        return error


# -- what a text says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STATUSES, ids=lambda path: path.stem)
def test_a_golden_is_rendered_as_it_was_printed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert render(parse(text)) == text


def test_there_are_goldens() -> None:
    assert len(STATUSES) >= 25
    assert len(ERRORS) >= 7
    assert {parse(path.read_text(encoding="utf-8")).role for path in STATUSES} == {"leader", "follower", "candidate"}


def test_the_pages_first_block_field_by_field() -> None:
    address = "tcp:[172.18.0.{}]:6643"
    assert parse(golden("page-nb-before-kick")) == MemberStatus(
        nickname="1b9a",
        database="OVN_Northbound",
        cluster_id="32ca07fb-739b-4257-b510-12fa18e7cce8",
        server_id="1b9a5d76-e69b-410c-8085-39943d0cd38c",
        address=address.format(3),
        status="cluster member",
        role="leader",
        term=1,
        leader="self",
        vote="self",
        election_timer=5000,
        log_start=135,
        log_end=135,
        election_started_ms=2135194,
        election_reason="timeout",
        election_won_ms=2135188,
        connections=(
            PeerConnection("d64b", outgoing=False),
            PeerConnection("d64b", outgoing=True),
            PeerConnection("4984", outgoing=False),
            PeerConnection("4984", outgoing=True),
        ),
        servers=(
            ServerEntry("4984", "4984", address.format(4), next_index=135, match_index=134, last_msg_ms=1084),
            ServerEntry("1b9a", "1b9a", address.format(3), is_self=True, next_index=2, match_index=134),
            ServerEntry("d64b", "d64b", address.format(5), next_index=135, match_index=134, last_msg_ms=1084),
        ),
        storage="ok",
    )


def test_the_page_shows_six_states() -> None:
    names = ["nb-before-kick", "nb-after-kick", "sb-before-kick", "sb-after-kick", "nb-before-add", "sb-before-add"]
    seen = [parse(golden(f"page-{name}")) for name in names]
    assert [(s.nickname, s.term, s.log_end, len(s.servers), s.disconnections) for s in seen] == [
        ("1b9a", 1, 135, 3, 0),
        ("1b9a", 1, 136, 2, 2),
        ("3722", 1, 130, 3, 0),
        ("3722", 1, 131, 2, 2),
        ("1b9a", 44, 147, 2, 0),
        ("3722", 33, 142, 2, 0),
    ]


def test_a_joining_server_has_remotes_and_may_not_know_its_cluster() -> None:
    cold = parse(golden("joining-remotes-down"))
    assert (cold.cluster_id, cold.remotes, cold.term) == (None, ("tcp:127.0.0.39:6643",), 0)
    assert cold.connections == (PeerConnection("0000", outgoing=True, connected=False),)
    assert (cold.servers, cold.is_member) == ((), False)
    warm = parse(golden("joining-without-quorum"))
    assert warm.cluster_id == parse(golden("candidate-no-quorum")).cluster_id
    assert warm.remotes == ("tcp:[::1]:6645", "tcp:[::1]:6646")


def test_a_follower_has_no_election_lines_and_no_indexes() -> None:
    status = parse(golden("three-follower-joined"))
    assert (status.role, status.vote, status.election_started_ms, status.election_won_ms) == (
        "follower",
        "unknown",
        None,
        None,
    )
    assert [entry.last_msg_ms is None for entry in status.servers].count(False) == 1
    assert all(entry.next_index is None and entry.match_index is None for entry in status.servers)


def test_a_leader_shows_what_is_pending() -> None:
    adding = parse(golden("leader-adding-queue"))
    assert [(s.sid4, s.phase) for s in adding.adding] == [("2232", "adding: caught up")]
    assert [(s.sid4, s.phase) for s in adding.servers if s.phase] == [("9581", "adding: committing")]
    removing = parse(golden("leader-removing-two"))
    (gone,) = removing.removing
    assert gone.phase == "removing"
    assert gone.sid4 not in [s.sid4 for s in removing.servers]
    assert [s.phase for s in removing.servers if s.phase] == ["removing"]
    assert all(status.change_pending for status in (adding, removing))
    timer = parse(golden("leader-timer-changing"))
    assert (timer.election_timer, timer.election_timer_new, timer.uncommitted, timer.unapplied) == (1500, 2500, 1, 1)


def test_a_candidate_shows_votes_and_keeps_a_phase() -> None:
    status = parse(golden("candidate-adding"))
    own = next(entry for entry in status.servers if entry.is_self)
    assert own.voted_for == status.nickname
    assert [entry.phase for entry in status.servers if entry.phase] == ["adding: committing"]
    other = parse(golden("completed-candidate-vote-for-another")).servers[1]
    assert (other.voted_for, other.last_msg_ms) == ("fe90", 384)


def test_addresses_of_every_scheme() -> None:
    assert parse(golden("ipv6-leader")).address == "tcp:[::1]:6645"
    assert parse(golden("completed-follower-ssl-ipv6")).address == "ssl:[fd00:10::2]:6644"
    unix = parse(golden("unix-leader"))
    assert [(s.nickname, s.address.rpartition("/")[2]) for s in unix.servers] == [("u1", "u1.raft"), ("u2", "u2.raft")]
    assert unix.nickname != unix.server_id[:4]


def test_an_election_can_be_won_without_having_been_started() -> None:
    status = parse(golden("completed-alone-won-only"))
    assert (status.election_started_ms, status.election_reason, status.election_won_ms) == (None, None, 15)
    assert parse(golden("completed-leader-after-transfer")).election_reason == "leadership_transfer"


# -- what happens to a text on its way ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STATUSES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "  \t\n"),
        lambda text: "\n".join(line.strip() for line in text.split("\n") if line.strip()),
        lambda text: text.replace("    ", "\u00a0\u00a0\t"),
        lambda text: f"# kubectl ko nb status\n{text}",
        lambda text: f"\n$ kubectl exec ovn-central-x -- ovn-appctl cluster/status OVN_Northbound\n\n{text}\n# ",
        lambda text: f"root@master-1:~# kubectl ko sb status\n{text}root@master-1:~#",
        lambda text: f"```bash\n{text}```\n",
        lambda text: f'Defaulted container "ovn-central" out of: ovn-central, init\n{text}',
        lambda text: f"2026-01-01T00:00:00Z|00001|unixctl|WARN|slow\n{text}",
        lambda text: text.rstrip(),
    ],
    ids=["crlf", "trailing", "flat", "nbsp", "prompt", "prompts", "root", "fence", "defaulted", "log", "no-newline"],
)
def test_a_terminal_or_a_page_changes_nothing(path: Path, damage) -> None:
    text = path.read_text(encoding="utf-8")
    assert parse(damage(text)) == parse(text)


@pytest.mark.parametrize("ending", ["txt", "md", "en.md"])
def test_the_page_itself(ending: str) -> None:
    path = SEED / f"replace-ovn-central-node.{ending}"
    if not path.exists():
        pytest.skip(f"the documentation page is not there: save it as ../shared/seed/{path.name}")
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"(?m)^(?=.*kubectl ko [ns]b status)", text)[1:]
    found = [parse(part[: part.index("status: ok") + len("status: ok\n")]) for part in parts]
    order = ["nb-before-kick", "nb-after-kick", "sb-before-kick", "sb-after-kick", "nb-before-add", "sb-before-add"]
    assert found == [parse(golden(f"page-{name}")) for name in order]


# -- lines of releases to come ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STATUSES, ids=lambda path: path.stem)
@pytest.mark.parametrize("line", ["Snapshot size: 12 kB", "Pre-vote: self", "Bytes sent to all: 0"])
def test_a_new_line_is_passed_over_wherever_it_stands_between_known_ones(path: Path, line: str) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    for at in range(1, lines.index("Servers:") + 1):
        assert parse("\n".join([*lines[:at], line, *lines[at:]])) == parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "a new line",
        "snapshot size: 12 kB",
        "Demoting server 54fa (54fa at tcp:10.77.0.2:6643) (demoting)",
        "Role: leader",
    ],
)
def test_other_new_lines_are_errors(line: str) -> None:
    text = golden("three-leader").replace("Election timer", f"{line}\nElection timer")
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert caught.value.line == line
    assert caught.value.line_number == text.split("\n").index(line, 8) + 1


def test_a_new_line_between_or_below_the_servers_is_an_error() -> None:
    for before in ("    4984", "status: ok"):
        with pytest.raises(Malformed):
            parse(golden("page-nb-before-kick").replace(before, f"Snapshot size: 12 kB\n{before}"))


def test_an_error_in_the_middle_is_no_new_line() -> None:
    text = golden("three-leader").replace("Election timer", "Error from server: etcdserver timed out\nElection timer")
    with pytest.raises(ServerError) as caught:
        parse(text)
    assert (caught.value.kind, caught.value.line_number) == (ErrorKind.UNREACHABLE, 14)


def test_a_needed_line_is_not_made_up_by_a_new_one() -> None:
    with pytest.raises(Malformed, match="line 8: expected 'Term:', found 'Tarm: 1'"):
        parse(golden("three-leader").replace("Term: 1", "Tarm: 1"))


@pytest.mark.parametrize("name", ["leader-adding-catchup", "leader-adding-queue", "leader-removing"])
def test_a_pending_change_is_never_overlooked(name: str) -> None:
    text = golden(name)
    whole = parse(text)
    at = text.index("Adding server" if whole.adding else "Removing server")
    for place in range(at, text.index("Role:") - 1):
        for letter in ":A9 ()":
            found = attempt(text[:place] + letter + text[place + 1 :])
            if isinstance(found, MemberStatus):
                assert (len(found.adding), len(found.removing)) == (len(whole.adding), len(whole.removing))


# -- what is no status ----------------------------------------------------------------------------------------------

KINDS = {
    "error-unknown-cluster": ErrorKind.UNKNOWN_CLUSTER,
    "error-unknown-server": ErrorKind.UNKNOWN_SERVER,
    "error-kick-without-leader": ErrorKind.NOT_SENT,
    "error-left-twice": ErrorKind.REFUSED,
    "error-cannot-connect": ErrorKind.UNREACHABLE,
    "error-no-socket": ErrorKind.UNREACHABLE,
    "error-standalone": ErrorKind.OTHER,
}


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_an_error_in_place_of_a_status_is_told_by_its_kind(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    with pytest.raises(ServerError) as caught:
        parse(text)
    assert caught.value.kind is KINDS[path.stem]
    assert caught.value.text == text.strip()
    assert caught.value.line in text.split("\n")[caught.value.line_number - 1]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("request via unixctl to remove d64b from cluster 32ca failed (in progress)", ErrorKind.REFUSED),
        ("can't leave while join in progress\novs-appctl: x.ctl: server returned an error", ErrorKind.REFUSED),
        ("unknown clusterovs-appctl: /run/x.ctl: server returned an error", ErrorKind.UNKNOWN_CLUSTER),
        ("unknown serverovn-appctl: /run/x.ctl: server returned an error", ErrorKind.UNKNOWN_SERVER),
        ("failed to send removal requestovs-appctl: /run/x.ctl: server returned an error", ErrorKind.NOT_SENT),
        ("nb leader not exists", ErrorKind.UNREACHABLE),
        ('Error from server (NotFound): pods "ovn-central-x" not found', ErrorKind.UNREACHABLE),
        (
            "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host?",
            ErrorKind.UNREACHABLE,
        ),
        ("some new trouble\novs-appctl: x.ctl: server returned an error", ErrorKind.OTHER),
    ],
)
def test_errors_of_the_tools_around_it(text: str, kind: ErrorKind) -> None:
    error = classify_error(text)
    assert error is not None
    assert (error.kind, error.text) == (kind, text)


@pytest.mark.parametrize("text", ["started removal\n", "sent removal request to leader\n", ""])
def test_answers_to_a_kick_that_are_no_errors(text: str) -> None:
    assert classify_error(text) is None


@pytest.mark.parametrize("text", ["", "\n \r\n", "# kubectl ko nb status\n"])
def test_nothing_is_empty(text: str) -> None:
    with pytest.raises(Empty) as caught:
        parse(text)
    assert caught.value.line_number == 0


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("Term: 1", "Term: one", 8),
        ("Term: 1", "Term: 123456789012345678901", 8),
        ("Term: 1\n", "", 8),
        ("Role: leader", "Role: boss", 7),
        ("1b9a (1b9a5d76", "1b9b (1b9a5d76", 4),
        ("Log: [135, 135]", "Log: [135 135]", 15),
        ("<-4984 ->4984", "<-4984 =>4984", 18),
        (" next_index=2 match_index=134", "", 22),
        ("Servers:", "Servers: three", 20),
        ("status: ok", "status: ok\nand more", 25),
        ("Vote: self", "Vote: self\nVote: self", 11),
    ],
)
def test_a_garbled_line_is_named(old: str, new: str, line: int) -> None:
    text = golden("page-nb-before-kick").replace(old, new)
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert caught.value.line_number == line
    assert caught.value.line == text.split("\n")[line - 1].strip()
    assert str(line) in str(caught.value)


def test_a_half_bracket_is_no_connection() -> None:
    for item in ("(->d64b", "->d64b)", "d64b"):
        with pytest.raises(Malformed, match="is no connection"):
            parse(golden("page-nb-before-kick").replace("->d64b", item))


def test_a_follower_has_no_next_index() -> None:
    with pytest.raises(Malformed, match="a follower's line has no next_index"):
        parse(golden("page-nb-before-kick").replace("Role: leader", "Role: follower"))


def test_an_error_below_a_half_status_is_the_servers() -> None:
    text = "".join(golden("page-nb-before-kick").splitlines(keepends=True)[:9])
    with pytest.raises(ServerError) as caught:
        parse(f"{text}ovs-appctl: /run/x.ctl: server returned an error\n")
    assert caught.value.line_number == 10


@pytest.mark.parametrize("path", STATUSES, ids=lambda path: path.stem)
def test_every_beginning_of_a_status_is_one_or_says_where_it_ends(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    whole = parse(text)
    end = text.index("Servers:") + len("Servers:")
    for length in range(len(text)):
        beginning = text[:length]
        found = attempt(beginning)
        if isinstance(found, MemberStatus):
            assert length >= end, "a text without its servers is no status"
            assert replace(found, servers=(), storage=None) == replace(whole, servers=(), storage=None)
        elif beginning.strip():
            assert isinstance(found, Truncated)
            assert found.line == beginning.rstrip().split("\n")[-1].strip()
            assert found.line_number == beginning.rstrip().count("\n") + 1
        else:
            assert isinstance(found, Empty)


@given(st.sampled_from(STATUSES), st.randoms(use_true_random=False))
def test_damage_gives_a_typed_error_that_names_a_line(path: Path, chance: random.Random) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                cut = chance.randint(0, len(lines[at]))
                lines[at] = lines[at][:cut] + lines[at][cut + chance.randint(1, 5) :]
            case 2:
                lines.insert(chance.randrange(len(lines)), lines[at])
            case _:
                cut = chance.randint(0, len(lines[at]))
                lines[at] = lines[at][:cut] + chance.choice("[]():-> \x00\x0b٣é0f") + lines[at][cut:]
    text = "\n".join(lines)
    found = attempt(text)
    if isinstance(found, MemberStatus):
        assert parse(render(found)) == found
        return
    assert found.line_number <= len(lines)
    assert found.line_number == 0 or found.line in lines[found.line_number - 1]
    assert found.reason


@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_is_a_status_or_a_typed_error(text: str) -> None:
    with pytest.raises(StatusError):
        parse(text)


# -- there and back -------------------------------------------------------------------------------------------------


@given(members())
def test_what_is_rendered_is_read_back(status: MemberStatus) -> None:
    text = render(status)
    assert parse(text) == status
    assert parse("\n".join(line.strip() for line in text.split("\n") if line.strip())) == status


def test_prompts_are_told_from_what_servers_print() -> None:
    for line in (
        "# kubectl ko nb status",
        "$ ",
        "kubectl ko sb status",
        "[root@m1 ~]# kubectl ko nb status",
        "```bash",
    ):
        assert is_prompt(line), line
    for path in STATUSES:
        assert not [line for line in path.read_text(encoding="utf-8").split("\n") if is_prompt(line)]
