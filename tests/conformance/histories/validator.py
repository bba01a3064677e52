"""Decides whether fake_raft allows a history, and names the first event that it can't explain.

Every event in every file must be what some action of the model writes, in its order: an action is a message that some
server has sent by then, a timeout, a command that was asked for, a client's transaction. Every status and every line of
the log must fit a state that the model goes through. Messages may be late, lost, out of order, or sent in smaller
portions, so histories of a worse network pass too; nothing else is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fake_raft import StartRefused, elections
from fake_raft.disk import CommitRecord, EntryRecord, LeaderRecord, NoteRecord, Record, TermRecord
from fake_raft.messages import (
    AddServer,
    AppendRequest,
    Entry,
    Envelope,
    InstallSnapshot,
    Message,
    RemoveServer,
    VoteReply,
    VoteRequest,
)
from fake_raft.opening import replay
from fake_raft.profile import PreVote, Profile
from fake_raft.state import CANDIDATE, FOLLOWER, LEADER, NEVER, Rewrite, State
from fake_raft.status import status_of
from harness.executors.simulated import member_status

from .evidence import Asked, Event, History, Logged, Opened, Rewritten, Shown, Trail, Written
from .model import Done, Mail, Node
from .recorder import essence

TURNS = 12
"""Messages that servers may send each other without anything being explained by them."""

IDLE_ROUNDS = 6
"""How often leaders, joiners and leavers repeat themselves before nothing more is to be expected."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """An event that the model has no way to."""

    server: str
    event: Event
    why: str

    def __str__(self) -> str:
        return f"{self.server}: {self.event}: {self.why}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``explained`` events of ``total``; ``unexplained`` is None if that is all."""

    explained: int
    total: int
    unexplained: Unexplained | None

    @property
    def allowed(self) -> bool:
        return self.unexplained is None


def validate(history: History, profile: Profile) -> Verdict:
    """Judge a history by the rules of ``profile``."""
    run = Validation(history, profile)
    run.saturate()
    blocked = run.blocked()
    if not blocked:
        return Verdict(run.explained, history.size, None)
    first = blocked[0] if len(blocked) == 1 else culprit(history, profile, run, blocked)
    return Verdict(run.explained, history.size, first)


def culprit(history: History, profile: Profile, run: Validation, blocked: list[Unexplained]) -> Unexplained:
    """Of events that wait for each other the one without which most of the rest can be explained."""
    best, found = -1, blocked[0]
    for candidate in blocked:
        for way in FORCES if not isinstance(candidate.event, Shown | Asked | Logged) else FORCES[:1]:
            other = Validation(history, profile)
            other.forced, other.way = candidate.event, way
            other.saturate()
            if other.progress > best:
                best, found = other.progress, candidate
    return found


SKIP, BELIEVE, EXCUSE = FORCES = ("skip", "believe", "excuse")
"""What may have been done to an event that can't be explained: it was made up; it is true; it was something alike."""


class Life:
    """One server id: its trail, how far it is explained, and the model's server."""

    def __init__(self, trail: Trail) -> None:
        self.trail = trail
        self.node: Node | None = None
        self.file = list(trail.file)
        self.opened = 0
        self.at_file = self.at_seen = self.at_log = 0
        self.mail: list[Mail] = []
        self.facts: dict[str, int] = {}
        self.fact_of_line = 0
        self.armed = 0
        self.timers: dict[str, int] = {}
        self.extra = 0
        self.votes: list[tuple[int, str]] = []
        self.led = 0  # the latest term that it led
        self.taken_over = 0  # the latest term that began with somebody else's message
        self.inserted: list[int] = []

    @property
    def of_file(self) -> int:
        """How many events of the file are explained."""
        return self.at_file - self.extra

    def head(self) -> Opened | Written | Rewritten | None:
        return self.file[self.at_file] if self.at_file < len(self.file) else None

    def fact(self, name: str) -> None:
        """Something that the log may tell; the first time counts."""
        self.facts.setdefault(name, len(self.facts) + 1)


class Validation:
    def __init__(self, history: History, profile: Profile) -> None:
        self.profile = profile
        self.lives = {sid: Life(trail) for sid, trail in history.trails.items()}
        self.forced: Event | None = None
        self.way = SKIP
        self.idle = 0
        self.answered_late: list[Mail] = []

    @property
    def progress(self) -> int:
        return sum(life.at_file + life.at_seen + life.at_log for life in self.lives.values())

    @property
    def explained(self) -> int:
        """Events of the history: the records behind a snapshot are part of one."""
        return sum(life.of_file + life.at_seen + life.at_log for life in self.lives.values())

    # -- the whole ----------------------------------------------------------------------------------------------------

    def saturate(self) -> None:
        while self.idle <= IDLE_ROUNDS:
            before = self.progress
            for _ in range(TURNS):
                if not any([self.step(life) for life in self.lives.values()]):  # noqa: C419 - everybody gets a turn
                    break
            self.idle = 0 if self.progress > before else self.idle + 1
            self.repeat()

    def repeat(self) -> None:
        """What servers say again and again when nothing happens."""
        for life in self.lives.values():
            node = life.node
            if node is None or node.state.left:
                continue
            if node.state.role is LEADER:
                self.post(node.do(Node.heartbeat))
                self.invite(life, node.state)
            self.ask_for_votes(life, node)
            if self.idle > 1 and node.state.leaving and node.state.role is not LEADER:
                self.post(node.do(Node.ask_to_leave))

    def ask_for_votes(self, life: Life, node: Node) -> None:
        """A pre-vote, of which the file tells only when it was won; or when another's term finds a leader that has
        given up for one."""
        s, head = node.state, life.head()
        if self.profile.pre_vote is PreVote.NONE or not isinstance(head, Written):
            return
        if s.role is CANDIDATE and s.pre_voting and self.idle < 2:
            return
        if not isinstance(head.record, TermRecord):
            return
        won = (head.record.term, head.record.vote) == (s.term + 1, s.sid)
        gave_up = self.idle > 0 and s.role is LEADER and head.record.term > s.term
        if won or gave_up:
            asking, done = node.tried(Node.timeout)
            if not done.written:
                life.node = asking
                self.post(done)

    def invite(self, life: Life, leader: State) -> None:
        """Joiners ask every second; let the one be heard that this leader adds next, and only now: a joiner that is
        ready too early would be added too early."""
        for event in life.file[life.at_file :]:
            entry = entry_of(event)
            for sid in (entry.servers if entry is not None else None) or ():
                joiner = self.lives.get(sid)
                known = sid in leader.peers or sid in leader.adding
                if not known and joiner is not None and joiner.node is not None and joiner.node.state.joining:
                    life.mail.append(Mail(life.trail.sid, sid, AddServer(joiner.node.state.address)))
                    return

    def post(self, done: Done) -> None:
        for mail in done.sent:
            if mail.target in self.lives and mail not in self.lives[mail.target].mail:
                self.lives[mail.target].mail.append(mail)

    def step(self, life: Life) -> bool:
        """Whatever can be explained or delivered now; whether there was anything."""
        moved = False
        turns = 0
        while self.look(life) or self.sync(life) or self.advance(life) or (turns < TURNS and self.deliver(life)):
            moved = True
            turns += 1
        return moved

    def blocked(self) -> list[Unexplained]:
        """The first event of each kind that is left, files before answers before logs."""
        found = []
        for life in self.lives.values():
            head = life.head()
            if head is not None:
                found.append(Unexplained(life.trail.name, head, self.why(life, head)))
            if life.at_seen < len(life.trail.seen):
                seen = life.trail.seen[life.at_seen]
                found.append(Unexplained(life.trail.name, seen, self.why(life, seen)))
            if life.at_log < len(life.trail.log):
                line = life.trail.log[life.at_log]
                found.append(Unexplained(life.trail.name, line, "nothing like it happens"))
        return found

    def why(self, life: Life, event: Event) -> str:
        node = life.node
        if node is None:
            return "the server has not begun"
        if isinstance(event, Opened):
            return "not all is explained that its last process showed, or the model opens the file otherwise"
        if isinstance(event, Shown):
            model, shown = self.shows(node.state), essence(event.status)
            return "; ".join(f"{k}: {model[k]!r} in the model" for k in shown if shown[k] != model[k]) or "too early"
        if isinstance(event, Asked) and event.command != "cluster/status":
            _, done = node.tried(lambda n: n.command(event.command, event.words, 0))
            return f"the model answers {done.answer!r} and writes {done.written}"
        s = node.state
        where = f"term {s.term}, log end {s.log.end}, commit {s.commit}"
        return f"nothing makes {s.role} {life.trail.name} write that ({where})"

    # -- statuses, answers, log lines ---------------------------------------------------------------------------------

    def look(self, life: Life) -> bool:
        """Take what the present state shows."""
        moved = False
        while life.at_log < len(life.trail.log) and self.told(life, life.trail.log[life.at_log]):
            life.at_log += 1
            moved = True
        if life.node is None or life.at_seen >= len(life.trail.seen):
            return moved
        event = life.trail.seen[life.at_seen]
        if event is self.forced:
            taken = True
        elif event.life != life.opened or event.after > life.of_file:
            taken = False
        elif isinstance(event, Shown):
            taken = self.shown(life, event)
        else:
            taken = self.answered(life, event)
        life.at_seen += taken
        return moved or taken

    def shows(self, s: State) -> dict[str, object]:
        return essence(member_status(status_of(s, s.now)))

    def shown(self, life: Life, event: Shown) -> bool:
        assert life.node is not None
        wanted = essence(event.status)
        s = life.node.state
        if s.left:
            return False
        if self.shows(s) == wanted:
            return True
        if event.status.role == "leader" or event.status.term != s.term or self.profile.pre_vote is PreVote.NONE:
            return False
        # A pre-vote writes nothing, nor does a leader that gives up for one.
        for rounds in (1, 2):
            node, done = life.node.tried(lambda n, rounds=rounds: [n.timeout() for _ in range(rounds)])  # type: ignore[misc]
            if not done.written and self.shows(node.state) == wanted:
                life.node = node
                self.post(done)
                return True
        # Nor does the file tell how often a server had stood for pre-votes before it took over the term that it is in.
        if s.role is FOLLOWER and s.leader is None and s.term == life.taken_over and not s.candidate_retrying:
            node, _ = life.node.tried(Node.had_campaigned_in_vain)
            if self.shows(node.state) == wanted:
                life.node = node
                return True
        return False

    def answered(self, life: Life, event: Asked) -> bool:
        assert life.node is not None
        if event.command == "cluster/status":
            return life.node.state.left and event.text == "unknown cluster"
        if life.node.state.left:
            return (event.code, event.text) in AFTER_LEAVING
        fitting = []
        for choose in range(max(1, len(life.node.state.others))):
            node, done = life.node.tried(lambda n, c=choose: n.command(event.command, event.words, c))  # type: ignore[misc]
            if done.answer == (event.code, event.text) and self.fits(life, done):
                fitting.append((node, done))
        if not fitting:
            return False
        self.take(life, *fitting[0])
        for _, done in fitting[1:]:
            # Nothing tells yet whom a leader chose to hand over to.
            self.post(done)
        return True

    def told(self, life: Life, line: Logged) -> bool:
        """Whether a line tells of something that happened, and not before what the line above it told."""
        if line is self.forced:
            return True
        for pattern, name in LINES:
            match = re.fullmatch(pattern, line.text)
            if match:
                found = life.facts.get(name.format(*match.groups()))
                if found is None or found < life.fact_of_line:
                    return False
                if match.re.groups == 2 and "timeout" in pattern and int(match[2]) < life.timers[match[1]]:
                    return False
                life.fact_of_line = found
                return True
        return True

    # -- files --------------------------------------------------------------------------------------------------------

    def sync(self, life: Life) -> bool:
        """A disk is done; a leader may commit by that."""
        if life.node is None or not life.node.state.waiters or life.node.state.left:
            return False
        node, done = life.node.tried(Node.sync)
        if self.fits(life, done):
            self.take(life, node, done)
            return True
        return False

    def advance(self, life: Life) -> bool:
        head = life.head()
        if head is None:
            return False
        if head is self.forced and self.way is not EXCUSE:
            self.force(life, head)
            return True
        if isinstance(head, Opened):
            return self.open(life, head)
        return any(self.attempt(life, action) for action in self.own(life, head))

    def open(self, life: Life, event: Opened) -> bool:
        """A process begins. Everything that the one before it showed has to be explained first."""
        seen = life.trail.seen
        if life.at_seen < len(seen) and seen[life.at_seen].life <= life.opened:
            return False
        try:
            node = Node(event.header, event.records, self.profile)
        except StartRefused:
            node = None
        if (node is None) != bool(event.refusal):
            return False
        life.at_file += 1
        life.opened += 1
        life.led = life.taken_over = 0
        life.node = node
        if node is not None:
            fitting, done = node.tried(Node.begin)
            if self.fits(life, done):
                self.take(life, fitting, done)
        return True

    def own(self, life: Life, head: Written | Rewritten) -> Iterator[object]:
        """What a server does without a message."""
        node = life.node
        if node is None or isinstance(head, Rewritten):
            return
        record = head.record
        if isinstance(record, TermRecord) and record.vote == node.state.sid:
            yield Node.timeout
        if isinstance(record, EntryRecord) and record.entry.data is not None and node.state.role is LEADER:
            entry = Entry(node.state.term, data=record.entry.data, eid=record.entry.eid)
            yield lambda n: elections.propose(n.state, entry)

    def attempt(self, life: Life, action: object) -> bool:
        """Do it if it writes what is in the file, and something at all."""
        assert life.node is not None
        node, done = life.node.tried(action)  # type: ignore[arg-type]
        if not done.written or not self.fits(life, done):
            return False
        self.take(life, node, done)
        return True

    def fits(self, life: Life, done: Done) -> bool:
        """Whether the file goes on with what was written, or ends in the middle of it with its process."""
        at = life.at_file
        for written in done.written:
            event = life.file[at] if at < len(life.file) else None
            if isinstance(event, Opened) and at > life.at_file:
                return True
            if (isinstance(event, Written) and same(written, event.record)) or (
                isinstance(event, Rewritten) and isinstance(written, Rewrite) and matches(written, event)
            ):
                at += 1
            elif not (isinstance(event, Rewritten) and hidden(written, event, self.idle > IDLE_ROUNDS // 2)):
                return False
        return True

    def excused(self, event: Written, written: Record | Rewrite) -> bool:
        return event is self.forced and type(written) is type(event.record)

    def take(self, life: Life, node: Node, done: Done) -> None:
        """The action happened."""
        if life.node is not None:
            s = life.node.state
            life.armed = 0 if s.election_min == NEVER else s.election_min - s.election_base
            if node.state.term > s.term and node.state.role is FOLLOWER:
                life.taken_over = node.state.term
        life.node = node
        for written in done.written:
            event = life.head()
            if isinstance(event, Rewritten):
                if isinstance(written, Rewrite):
                    rest = [Written(record) for record in event.records[len(written.records) :]]
                    life.at_file += 1
                    life.file[life.at_file : life.at_file] = rest
                    life.inserted += map(id, rest)
                else:
                    self.note(life, written)
            elif isinstance(event, Written):
                self.note(life, written)
                life.extra += id(event) in life.inserted
                life.at_file += 1
        self.remember(life)
        self.post(done)
        self.depose(life)

    def depose(self, life: Life) -> None:
        """Who led before, even if it has stepped down since, may get this answer to a heartbeat at any time from now
        on."""
        assert life.node is not None
        s = life.node.state
        for other in self.lives.values():
            old = other.node.state if other.node is not None else None
            if old is None or other.led != old.term or old.term >= s.term or s.sid not in old.peers:
                continue
            request = AppendRequest(old.term, old.log.end - 1, old.log.last_term, old.commit, ())
            self.post(life.node.do(lambda n, r=request, o=old: n.receive(Envelope(o.cid, o.sid, None), r)))  # type: ignore[misc]

    def note(self, life: Life, record: Record | Rewrite) -> None:
        """Remember what logs tell of."""
        assert life.node is not None
        s = life.node.state
        if isinstance(record, TermRecord) and record.vote == s.sid:
            life.timers[str(record.term)] = life.armed
            life.fact(f"campaign {record.term}")
        if isinstance(record, LeaderRecord):
            life.fact(f"won {record.term}" if record.sid == s.sid else f"led {record.sid[:4]} {record.term}")
            life.led = record.term if record.sid == s.sid else life.led

    def remember(self, life: Life) -> None:
        assert life.node is not None
        s = life.node.state
        if s.left:
            life.fact("left")
        if s.vote is not None and (s.term, s.vote) not in life.votes:
            life.votes.append((s.term, s.vote))

    def force(self, life: Life, head: Event) -> None:
        """Take an event for true that can't be explained, to see what follows from it."""
        life.extra += id(head) in life.inserted
        life.at_file += 1
        life.opened += isinstance(head, Opened)
        if self.way is SKIP:
            return
        try:
            if isinstance(head, Opened | Rewritten):
                life.node = Node(head.header, head.records, self.profile)
            elif isinstance(head, Written) and life.node is not None:
                self.believe(life, life.node, head.record)
        except StartRefused:
            pass

    def believe(self, life: Life, node: Node, record: Record) -> None:
        """Do what goes with a record, too."""
        s = node.state
        if isinstance(record, EntryRecord) and s.role is LEADER and record.position == s.log.end:
            if record.entry.servers is not None:
                s.use(record.entry.servers)
            self.post(node.do(lambda n: elections.propose(n.state, record.entry)))
            return
        replay(s, 0, record)
        s.use(s.log.servers())
        if isinstance(record, LeaderRecord) and record.sid != s.sid:
            elections.follow(s, record.sid)
        elif isinstance(record, LeaderRecord):
            done = node.do(lambda n: elections.become_leader(n.state))
            life.at_file += len(done.written) - 1
            self.post(done)
        elif isinstance(record, TermRecord) and record.vote is not None and record.vote in self.lives:
            reply = VoteReply(record.term, record.vote, False)
            self.lives[record.vote].mail.append(Mail(record.vote, life.trail.sid, reply))

    # -- messages -----------------------------------------------------------------------------------------------------

    def deliver(self, life: Life) -> bool:
        """One message that writes what the file says next, or nothing."""
        if life.node is None or life.node.state.left:
            life.mail.clear()
            return False
        mails = list(life.mail)
        if isinstance(life.head(), Rewritten):
            mails.sort(key=lambda mail: not isinstance(mail.message, InstallSnapshot))
        best: tuple[Mail, bool, Node, Done] | None = None
        for mail in mails:
            if isinstance(mail.message, VoteRequest) and not self.profile.drops_disruptive:
                self.answer_late(life, mail.source, mail.message)
            for message, calm, whole in self.portions(life, mail.message):
                envelope = Envelope(self.cid(mail.source), mail.source, life.trail.sid)
                node, done = life.node.tried(
                    lambda n, m=message, e=envelope, c=calm: n.receive(e, m, calm=c)  # type: ignore[misc]
                )
                if not self.fits(life, done) or (
                    not done.written and not (whole and self.spent(life.node.state, message))
                ):
                    continue
                if best is None or len(done.written) < len(best[3].written):
                    best = mail, whole, node, done
            if best is not None and not best[3].written:
                break
        if best is None:
            return False
        mail, whole, node, done = best
        if isinstance(mail.message, VoteRequest) and len(done.written) > 1 and not self.idle:
            return False  # somebody else may have brought the term before
        if done.written:
            self.idle = 0
        if whole:
            life.mail.remove(mail)
        self.take(life, node, done)
        return True

    def spent(self, s: State, message: Message) -> bool:
        """Whether a message that changes nothing now can't do so later. Requests that wait in a leader's queue do."""
        if isinstance(message, AddServer | RemoveServer):
            return self.idle > 1
        if isinstance(message, AppendRequest) and message.term == s.term and message.prev_index >= s.log.end:
            return self.idle > 1  # one that comes before it may fill the gap
        if not isinstance(message, VoteRequest) or message.pre_vote:
            return True
        return message.term < s.term or (message.term == s.term and s.vote is not None)

    def answer_late(self, life: Life, candidate: str, request: VoteRequest) -> None:
        """A suppressed request of an earlier term is answered with whatever term and vote the voter had then."""
        for term, vote in life.votes:
            reply = Mail(candidate, life.trail.sid, VoteReply(term, vote, False))
            if term > request.term and reply not in self.answered_late:
                self.answered_late.append(reply)
                self.lives[candidate].mail.append(reply)

    def cid(self, sid: str) -> str | None:
        node = self.lives[sid].node
        return node.state.cid if node is not None else None

    def portions(self, life: Life, message: Message) -> Iterator[tuple[Message, bool, bool]]:
        """A message as it may have come: (message, soon after a leader's, all of it)."""
        if isinstance(message, AppendRequest):
            yield from self.parts(life, message)
        yield message, False, True
        if isinstance(message, VoteRequest) and not message.transfer:
            yield message, True, False

    def parts(self, life: Life, message: AppendRequest) -> Iterator[tuple[Message, bool, bool]]:
        head = life.head()
        if not isinstance(head, Written):
            return
        record, previous = head.record, message.prev_index
        last = previous + len(message.entries)
        if isinstance(record, EntryRecord) and previous < record.position <= last:
            skipped = record.position - 1 - previous
            before = message.entries[skipped - 1].term if skipped else message.prev_term
            entries = message.entries[skipped : skipped + 1]
            yield (
                message._replace(prev_index=previous + skipped, prev_term=before, entries=entries, commit=0),
                False,
                False,
            )
        elif isinstance(record, CommitRecord) and previous <= record.position <= min(last, message.commit):
            count = record.position - previous
            term = message.entries[count - 1].term if count else message.prev_term
            yield (
                message._replace(prev_index=record.position, prev_term=term, entries=(), commit=record.position),
                False,
                False,
            )
        elif isinstance(record, TermRecord | LeaderRecord):
            yield message._replace(entries=(), commit=0), False, False


def same(written: Record | Rewrite, record: Record) -> bool:
    """Named tuples of two kinds may be equal."""
    return type(written) is type(record) and written == record


def entry_of(event: Event) -> Entry | None:
    return event.record.entry if isinstance(event, Written) and isinstance(event.record, EntryRecord) else None


def matches(written: Rewrite, event: Rewritten) -> bool:
    """Whether a snapshot is the one in the file, up to the form of its data."""
    mine, theirs = written.header, event.header
    if (mine.prev_index, mine.prev_term, dict(mine.servers)) != (
        theirs.prev_index,
        theirs.prev_term,
        dict(theirs.servers),
    ):
        return False
    first = event.records[: len(written.records)]
    return sorted(map(repr, first)) == sorted(map(repr, written.records))


def hidden(record: Record | Rewrite, event: Rewritten, lenient: bool) -> bool:
    """Whether a record may have been in the file before it was replaced: none that goes beyond what came then.
    ``lenient``: entries too."""
    terms = [r.term for r in event.records if isinstance(r, TermRecord | LeaderRecord)]
    terms += [r.entry.term for r in event.records if isinstance(r, EntryRecord)]
    term = max([event.header.prev_term, *terms])
    last = max([event.header.prev_index, *(r.position for r in event.records if isinstance(r, EntryRecord))])
    if isinstance(record, TermRecord | LeaderRecord):
        return record.term <= term
    if isinstance(record, EntryRecord | CommitRecord):
        return lenient and record.position <= last
    return isinstance(record, NoteRecord) and record.note != "left"


AFTER_LEAVING = ((2, "unknown cluster"), (0, "test engaged"), (2, "no database by that name"))
"""What servers without the database answer."""

LINES = (
    (r"term (\d+): (\d+) ms timeout expired, starting election", "campaign {0}"),
    (r"term (\d+): starting election", "campaign {0}"),
    (r"term (\d+): elected leader by \d+\+ of \d+ servers", "won {0}"),
    (r"server (\w+) is leader for term (\d+)", "led {0} {1}"),
    (r"\w+: finished leaving cluster \w+", "left"),
)
"""Lines of the log that are checked, and the fact that each tells."""
