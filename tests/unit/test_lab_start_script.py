"""The lab's start script against fake_kube's: both decide the same, row by row of the table (facts: kube-ovn 2).

The shell functions of ``decisions.sh`` run with every verb replaced by a question to this test, which answers both
scripts from equal hosts; what they ask for, in which order, has to be the same.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_kube import start_script as s
from fake_kube.healthcheck import HealthFacts, central_healthy
from fake_kube.profile import KubeOvnProfile, kube_ovn_profile
from fake_kube.start_script import DatabaseFile, FileKind, Header, LeaderAnswer, Request, start_script

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "ci" / "kind" / "image"
sys.path.insert(0, str(ROOT / "ci" / "kind"))

import release_rules  # noqa: E402

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash: apt-get install bash")

RELEASES = ("v1.10.3", "v1.13.15", "v1.15.24", "v1.16.2", "master")
ZERO = "00000000-0000-0000-0000-000000000000"
MEMBER = DatabaseFile(FileKind.CLUSTERED, sid="5a5a", age=9)
FILES = {
    "missing": DatabaseFile(FileKind.MISSING),
    "garbage": DatabaseFile(FileKind.GARBAGE),
    "standalone": DatabaseFile(FileKind.STANDALONE),
    "member": MEMBER,
    "joining": DatabaseFile(FileKind.CLUSTERED, joined=False, age=30, sid="5a5a"),
    "stuck": DatabaseFile(FileKind.CLUSTERED, joined=False, age=120, sid="5a5a"),
    "broken": DatabaseFile(FileKind.CLUSTERED, healthy=False, age=9, sid="5a5a"),
    "unreadable": DatabaseFile(FileKind.CLUSTERED, healthy=False, age=9, sid=ZERO),
    "left": DatabaseFile(FileKind.CLUSTERED, left=True, age=9, sid="5a5a"),
}
HEADERS = {
    "no-hdr": None,
    "hdr": Header("c1c1", "5a5a"),
    "zero-cid": Header(ZERO, "5a5a"),
    "zero-sid": Header("c1c1", ZERO),
}
LEADERS: dict[str, dict[str, str]] = {"led": {"nb": "3", "sb": "4"}, "no-sb": {"nb": "4"}, "leaderless": {}}
LIVE = {"nobody": (), "same": ("c1c1",), "other": ("c2c2",), "two": ("c1c1", "c2c2")}
NODE_IPS = ("3,4,5", "5,3,4", "5", "3,4", "3, 4, 5", "")

STUBS = """
ask() { printf '%s\\n' "$*" >&3; IFS= read -r REPLY <&4; }
told() { ask "$@"; ERROR=$REPLY; }
agreed() { ask "$@"; [ "$REPLY" = yes ]; }
file_state() {
  ask file_state "$1"
  IFS='|' read -r KIND JOINED AGE HEALTHY SID HEADER HEADER_CID HEADER_SID _ <<<"$REPLY"
}
live_cluster_ids() { ask live_cluster_ids "$@"; read -ra FOUND <<<"$REPLY"; }
leads() { agreed leads "$@"; }
fix_cluster() { agreed fix_cluster "$1"; }
create_cluster() { told create_cluster "$1"; }
create_standalone() { told create_standalone "$1"; }
convert_standalone() { told convert_standalone "$1"; }
join_cluster() { local db=$1 cid=$2 sid=$3; shift 3; told join_cluster "$db" "${cid:--}" "${sid:--}" "$@"; }
rejoin() { told rejoin "$@"; }
start_server() { told start_server "$1" "${2:--}"; }
for verb in remove_file archive_file archive_header await_connected write_global start_northd stop_all pause serve \\
  say; do
  eval "$verb() { ask $verb \\"\\$@\\"; }"
done
while IFS= read -r line <&4 && [ -n "$line" ]; do
  (eval "$line"; trap 'stop_all; printf "%s\\n" end >&3' EXIT; decide)
done
"""


class Host:
    """One node's files and what the others answer, for one script."""

    def __init__(
        self, files: dict[str, DatabaseFile], leaders: dict[str, str], live: tuple[str, ...], kind: int
    ) -> None:
        self.files = dict(files)
        self.leaders = leaders
        self.live = live
        self.fixable = bool(kind & 1)
        self.rejoins = not kind & 2
        self.asked: list[str] = []

    def answer(self, line: str) -> object:
        """Answer one request as fake_kube's script wants it, and remember it."""
        self.asked.append(line)
        verb, *words = line.split()
        db = words[0] if words and words[0] in self.files else ""
        if verb == "file_state":
            return self.files[db]
        if verb == "leads":
            return LeaderAnswer.LEADER if self.leaders.get(words[1]) == words[0] else LeaderAnswer.NOT_LEADER
        if verb == "live_cluster_ids":
            return self.live if len(words) > 1 else ()
        if verb == "fix_cluster":
            return self.fixable
        return self._change(verb, db, words)

    def _change(self, verb: str, db: str, words: list[str]) -> object:
        header = self.files[db].header if db else None
        changed: DatabaseFile | None = None
        error = ""
        if verb in ("remove_file", "archive_file"):
            changed = _with(FILES["missing"], header)
        elif verb == "archive_header":
            changed = _with(self.files[db], None)
        elif verb in ("create_cluster", "convert_standalone"):
            changed = _with(MEMBER, header)
        elif verb == "create_standalone":
            changed = _with(FILES["standalone"], header) if self.files[db].kind is FileKind.MISSING else None
        elif verb == "join_cluster" and "5" in words[3:]:
            error = "ovsdb-tool: remote addresses cannot be the same as the local address"
        elif verb == "rejoin" and not self.rejoins:
            error = "ovsdb-tool: failed"
        elif verb in ("join_cluster", "rejoin"):
            changed = _with(FILES["joining"], header)
        elif verb == "start_server" and self.files[db].left:
            error = "ovsdb-server: server has left the cluster"
        if changed is not None:
            self.files[db] = changed
        return error


def _with(file: DatabaseFile, header: Header | None) -> DatabaseFile:
    return replace(file, header=header)


def words_of(request: Request) -> str:  # noqa: PLR0911, PLR0912
    """fake_kube's request as the verb and arguments of ``decisions.sh``."""
    match request:
        case s.FileState(db=db):
            return f"file_state {db}"
        case s.Leader(address=address, db=db):
            return f"leads {address} {db}"
        case s.LiveClusterId(db=db, addresses=addresses):
            return " ".join(["live_cluster_ids", db, *addresses])
        case s.RemoveFile(db=db, header=False):
            return f"remove_file {db}"
        case s.ArchiveFile(db=db, header=header):
            return f"{'archive_header' if header else 'archive_file'} {db}"
        case s.FixCluster(db=db):
            return f"fix_cluster {db}"
        case s.CreateCluster(db=db):
            return f"create_cluster {db}"
        case s.CreateStandalone(db=db):
            return f"create_standalone {db}"
        case s.ConvertStandalone(db=db):
            return f"convert_standalone {db}"
        case s.JoinCluster(db=db, remotes=remotes, cid=cid, sid=sid):
            return " ".join(["join_cluster", db, cid or "-", sid or "-", *remotes])
        case s.Rejoin(db=db, remotes=remotes):
            return " ".join(["rejoin", db, *remotes])
        case s.StartServer(db=db, bootstrap=bootstrap):
            return f"start_server {db} {'bootstrap' if bootstrap else '-'}"
        case s.AwaitConnected(db=db):
            return f"await_connected {db}"
        case s.WriteGlobal():
            return "write_global"
        case s.StartNorthd(addresses=addresses):
            return " ".join(["start_northd", *addresses])
        case s.StopAll():
            return "stop_all"
        case s.Sleep(seconds=seconds):
            return f"pause {seconds:g}"
        case s.Serve():
            return "serve"
        case s.Print(text=text):
            return f"say {text}"
    raise AssertionError(request)


def by_fake(env: dict[str, str], profile: KubeOvnProfile, host: Host) -> list[str]:
    script = start_script(env, profile)
    answer: Any = None
    try:
        while True:
            answer = host.answer(words_of(script.send(answer)))
    except StopIteration:
        return host.asked


class Shell:
    """``decisions.sh`` in one bash, a subshell for each run."""

    def __init__(self) -> None:
        self._requests, theirs_out = os.pipe()
        theirs_in, self._answers = os.pipe()
        body = f". {IMAGE / 'decisions.sh'}\n{STUBS}"
        command = ["bash", "-c", f"exec 3>&{theirs_out} 4<&{theirs_in}\n{body}"]
        self._process = subprocess.Popen(command, pass_fds=(theirs_out, theirs_in))
        os.close(theirs_out)
        os.close(theirs_in)
        self._lines = os.fdopen(self._requests, encoding="utf-8")

    def run(self, env: dict[str, str], profile: KubeOvnProfile, host: Host) -> list[str]:
        settings = release_rules.shell({**release_rules.variables(profile), **env}).replace("\n", "; ")
        self._say(f"{settings}")
        while (line := self._lines.readline()) != "end\n":
            assert line, "the shell has ended"
            self._say(_plain(host.answer(line.rstrip("\n").rstrip())))
        return host.asked

    def _say(self, text: str) -> None:
        os.write(self._answers, f"{text}\n".encode())

    def close(self) -> None:
        os.close(self._answers)
        self._process.wait(10)
        self._lines.close()


def _plain(answer: object) -> str:
    if isinstance(answer, DatabaseFile):
        header = answer.header or Header("", "")
        age = "0" if answer.age == float("inf") else f"{answer.age:g}"
        flags = (int(answer.joined), age, int(answer.healthy), answer.sid, int(answer.header is not None))
        return "|".join(map(str, (answer.kind.value, *flags, header.cid, header.sid, "")))
    if isinstance(answer, tuple):
        return " ".join(answer)
    if isinstance(answer, (bool, LeaderAnswer)):
        return "yes" if answer in (True, LeaderAnswer.LEADER) else "no"
    return str(answer)


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    shell = Shell()
    yield shell
    shell.close()


def compare(
    shell: Shell, release: str, node_ips: str, host: tuple[Any, ...], env: dict[str, str] | None = None
) -> None:
    profile = kube_ovn_profile(release)
    given = {"NODE_IPS": node_ips, "POD_IP": "5", **(env or {})}
    expected = [line.rstrip() for line in by_fake(given, profile, Host(*host))]
    assert shell.run(given, profile, Host(*host)) == expected, (release, node_ips, host)


@pytest.mark.parametrize("release", RELEASES)
def test_every_pair_of_files_is_treated_alike(shell: Shell, release: str) -> None:
    for nb, sb in itertools.product(FILES.values(), repeat=2):
        for leaders in (LEADERS["no-sb"], LEADERS["leaderless"]):
            compare(shell, release, "5,3,4", ({"nb": nb, "sb": sb}, leaders, ("c1c1",), 0))


@pytest.mark.parametrize("release", RELEASES)
def test_every_lost_file_with_every_header_is_treated_alike(shell: Shell, release: str) -> None:
    lost = [FILES[name] for name in ("missing", "garbage", "stuck", "broken", "unreadable")]
    for file, header, live, kind in itertools.product(lost, HEADERS.values(), LIVE.values(), range(3)):
        files = {"nb": _with(file, header), "sb": MEMBER}
        compare(shell, release, "3,4,5", (files, LEADERS["led"], live, kind))


@pytest.mark.parametrize("node_ips", NODE_IPS)
@pytest.mark.parametrize("release", RELEASES)
def test_every_list_of_addresses_is_treated_alike(shell: Shell, release: str, node_ips: str) -> None:
    for file, leaders, header in itertools.product(FILES.values(), LEADERS.values(), (None, HEADERS["hdr"])):
        files = {"nb": _with(file, header), "sb": FILES["missing"]}
        compare(shell, release, node_ips, (files, leaders, (), 0))


def test_a_substring_of_an_address_passes_the_old_gate_only(shell: Shell) -> None:
    """10.0.0.3 is part of 10.0.0.30 (facts: kube-ovn 1.1)."""
    host = ({"nb": MEMBER, "sb": MEMBER}, {"nb": "10.0.0.30", "sb": "10.0.0.30"}, (), 0)
    for release in RELEASES:
        compare(shell, release, "10.0.0.30,10.0.0.4", host, {"POD_IP": "10.0.0.3"})
        compare(shell, release, "10.0.0.30,10.0.0.4", host, {"DB_CLUSTER_ADDR": "10.0.0.4"})


def test_a_new_cluster_is_made_only_where_the_table_says_so(shell: Shell) -> None:
    """The split-brain hazard is there, not mended: first in the list, no file, nobody leads (facts: kube-ovn 2)."""
    missing = {"nb": FILES["missing"], "sb": FILES["missing"]}
    made = shell.run({"NODE_IPS": "5,3,4", "POD_IP": "5"}, kube_ovn_profile("v1.13.15"), Host(missing, {}, (), 0))
    assert "create_cluster nb" in made
    assert "create_cluster sb" in made
    joined = shell.run(
        {"NODE_IPS": "5,3,4", "POD_IP": "5"}, kube_ovn_profile("v1.13.15"), Host(missing, LEADERS["led"], (), 0)
    )
    assert "join_cluster nb - - 3" in joined
    assert "join_cluster sb - - 4" in joined


@pytest.mark.parametrize("release", RELEASES)
def test_both_health_checks_say_the_same(release: str, tmp_path: Path) -> None:
    profile = kube_ovn_profile(release)
    (tmp_path / "profile.sh").write_text(release_rules.shell(release_rules.variables(profile)))
    script = (IMAGE / "ovn-healthcheck.sh").read_text().replace("/kube-ovn/profile.sh", str(tmp_path / "profile.sh"))
    (tmp_path / "check.sh").write_text(script.replace("/kube-ovn/actions.sh", str(IMAGE / "actions.sh")))
    statuses = ("cluster member", "joining cluster", "disconnected from the cluster (election timeout)", "failed: disk")
    for status, role in itertools.product(statuses, ("leader", "follower", "candidate")):
        text = f"a1b2\nName: x\nStatus: {status}\nRole: {role}\nTerm: 3\n"
        good = "Status: cluster member\nRole: follower\n"
        said = subprocess.run(["bash", tmp_path / "check.sh", "--texts", text, good], check=False).returncode == 0
        facts = {"nb": HealthFacts(status, role), "sb": HealthFacts("cluster member", "follower")}
        assert said == central_healthy(facts, profile), (status, role)
