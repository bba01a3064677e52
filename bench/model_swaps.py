"""What a swap costs in fake_raft alone: ``python bench/model_swaps.py [RUNS [DIRECTORY]]`` (runs for each figure,
default 5).

bench/swaps.py measures a whole rehearsal: the modelled Kubernetes, the start scripts, northd, the procedure, its looks
at the cluster, the client. Here each of its swaps is rehearsed once, and everything that is asked of the database
servers meanwhile is written down: which file is started when, who is killed, kicked or told to hand over, what is
written. Then the model goes through the same again by itself: both databases on one clock and one network, and nothing
else. In the end every server must tell the same status as in the rehearsal, ages included, or the bench fails.

Milliseconds of CPU and cluster seconds for one second of CPU, without and with the client that writes a row a second
(with northd's answer that is two writes a second). The best of all runs. DIRECTORY holds a fake_raft compiled by
bench/compile.py.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
if len(sys.argv) > 2 and sys.argv[1] != "record":
    sys.path.insert(0, sys.argv[2])

from fake_raft import OVS_3_1, Disk, Network, Process, VirtualClock
from fake_raft.disk import EntryRecord

SECOND = 1_000_000
KINDS = ("remove", "add", "replace")
SIZES = (3, 5)
ASKED = ("start", "kill", "kick", "transfer_leadership", "execute")


# -- a rehearsal, written down -----------------------------------------------------------------------------------


class Recorder:
    """Notes what every process is asked: [microsecond, its name, its address, its file's number, what, with what]."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.files: list[Disk] = []
        self.made: list[list[Any]] = []
        for name in ASKED:
            setattr(Process, name, self._noting(name, getattr(Process, name)))

    def _noting(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(process: Process, *given: Any, **named: Any) -> Any:
            if process.alive or name == "start":
                words = [text for text in given if isinstance(text, str)]
                at = process._clock.now
                self.calls.append([at, process.name, process.address, self._number(process.disk), name, words])
            return method(process, *given, **named)

        return noted

    def _number(self, disk: Disk) -> int:
        if disk not in self.files:
            self.files.append(disk)
            header, timers = disk.header, [r.entry.timer for r in disk.records if isinstance(r, EntryRecord)]
            made = [header.name, header.address, header.remotes, header.sid, header.cid, *timers[:1]]
            self.made.append(made)
        return self.files.index(disk)


def record(kind: str, members: int, *, client: bool) -> dict[str, Any]:
    """Rehearse a swap and tell what was asked of the servers, between which moments, and how they ended."""
    from swaps import prepared

    recorder = Recorder()
    executor, run = prepared(members, kind, client=client)
    clock = executor.machines.world.clock
    began = clock.now
    run()
    return {
        "began": began,
        "ended": clock.now,
        "calls": recorder.calls,
        "files": recorder.made,
        "end": {s.name: repr(s.status()) for machine in executor.machines for s in machine.servers.values() if s.alive},
    }


def recorded(kind: str, members: int, *, client: bool) -> dict[str, Any]:
    """:func:`record` in a process of its own with the model in plain Python: only that one can be listened to."""
    given = [sys.executable, __file__, "record", kind, str(members), "client" if client else "alone"]
    told = subprocess.run(given, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


# -- the same in the model alone -----------------------------------------------------------------------------------


class Happy:
    """Nothing bad happens."""

    def choose(self, name: str, n: int) -> int:
        return 0


class Replay:
    """Both databases' servers, asked as they were in a rehearsal."""

    def __init__(self, recording: dict[str, Any]) -> None:
        self.clock = VirtualClock()
        self.chance = Happy()
        self.network = Network(self.clock, self.chance)
        self.recording = recording
        self.calls = iter(recording["calls"])
        self.next = next(self.calls, None)
        self.files = [Replay._file(*made) for made in recording["files"]]
        self.servers: dict[str, Process] = {}

    @staticmethod
    def _file(name: str, address: str, remotes: list[str], sid: str, cid: str | None, timer: int | None = None) -> Disk:
        if remotes:
            return Disk.join_cluster(name, address, tuple(remotes), sid, cid)
        assert cid is not None, "only a joining file has no cluster id"
        return Disk.create_cluster(name, address, sid, cid, election_timer_ms=timer)

    def until(self, at_us: int) -> None:
        """Go on until then, and ask what was asked."""
        while self.next is not None and self.next[0] <= at_us:
            at, name, address, file, what, words = self.next
            self.clock.run_until(at)
            if what == "start":
                self.servers[name] = Process(
                    self.clock, self.network, self.chance, OVS_3_1, self.files[file], address, name=name
                )
                self.servers[name].start()
            elif what == "execute":
                self.servers[name].execute(*words, nobody_waits)
            else:
                getattr(self.servers[name], what)(*words)
            self.next = next(self.calls, None)
        self.clock.run_until(at_us)

    def end(self) -> dict[str, str]:
        return {server.name: repr(server.status()) for server in self.servers.values() if server.alive}


def nobody_waits(_committed: bool | None) -> None:
    return


def replay(recording: dict[str, Any]) -> float:
    """Milliseconds of CPU from the swap's beginning to its end."""
    model = Replay(recording)
    model.until(recording["began"] - 1)  # what is asked at that very moment belongs to the swap
    gc.collect()
    cpu = time.process_time()
    model.until(recording["ended"])
    took = (time.process_time() - cpu) * 1000
    if model.end() != recording["end"]:
        sys.exit("the model by itself came to another end than the rehearsal")
    return took


def main() -> None:
    if sys.argv[1:2] == ["record"]:
        print(json.dumps(record(sys.argv[2], int(sys.argv[3]), client=sys.argv[4] == "client")))
        return
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print("a whole swap in the model alone")
    print(f"{'guarded':<10}{'nodes':>6}{'CPU':>10}{'with client':>14}{'cluster time':>15}{'s/s':>9}{'with client':>14}")
    for kind in KINDS:
        for members in SIZES:
            took, speed, lasted = [], [], 0.0
            for client in (False, True):
                recording = recorded(kind, members, client=client)
                lasted = (recording["ended"] - recording["began"]) / SECOND
                took.append(min(replay(recording) for _ in range(runs)))
                speed.append(lasted / took[-1] * 1000)
            print(
                f"{kind:<10}{members:>6}{took[0]:>7.1f} ms{took[1]:>11.1f} ms{lasted:>13.0f} s"
                f"{speed[0]:>9,.0f}{speed[1]:>14,.0f}"
            )


if __name__ == "__main__":
    main()
