"""Clients' commands: proposed, forwarded, completed by the log, or given up and tried again (at least once)."""

from __future__ import annotations

from fake_raft import elections
from fake_raft.messages import Entry, Execute, ExecuteReply
from fake_raft.state import FOLLOWER, LEADER, Command, Completed, State

SUCCESS, INCOMPLETE, NOT_LEADER, LOST, TIMEOUT = "success", "incomplete", "not leader", "lost leadership", "timeout"
BAD_PREREQ, SHUTDOWN = "prerequisite check failed", "server shutdown"


def execute(s: State, data: str, eid: str) -> str:
    """Propose an own client's command, or forward it to the leader; returns a status."""
    if s.joining or s.left or (s.leaving and not s.profile.patient_leave):
        return SHUTDOWN
    if s.role is LEADER:
        return propose(s, data, eid, s.applied_eid, None)
    if s.role is not FOLLOWER or s.leader is None or not s.send(s.leader, Execute(data, eid, s.applied_eid)):
        return NOT_LEADER
    s.commands[eid] = Command(eid, 0, s.now, None)
    s.ping_later()
    return INCOMPLETE


def propose(s: State, data: str, eid: str, prereq: str | None, sid: str | None) -> str:
    """Append, if the command was made with knowledge of everything that is in the log."""
    if prereq != s.log.eid():
        return BAD_PREREQ
    s.commands[eid] = Command(eid, s.log.end, s.now, sid)
    elections.propose(s, Entry(s.term, data=data, eid=eid))
    return INCOMPLETE


def execute_request(s: State, source: str, request: Execute) -> None:
    status = NOT_LEADER
    if s.role is LEADER:
        status = propose(s, request.data, request.eid, request.prereq, source)
    if status != INCOMPLETE:
        s.send(source, ExecuteReply(request.eid, status))


def execute_reply(s: State, reply: ExecuteReply) -> None:
    command = s.commands.get(reply.eid)
    if command is None:
        return
    if reply.status == INCOMPLETE:
        command.stamp = s.now
    else:
        complete(s, command, reply.status)


def complete(s: State, command: Command, status: str) -> None:
    """Tell whoever asked."""
    del s.commands[command.eid]
    if command.sid is not None:
        s.send(command.sid, ExecuteReply(command.eid, status))
    else:
        s.out.append(Completed(command.eid, status))


def committed(s: State, eid: str) -> None:
    """The log says that a command is done, whatever became of the leader that took it."""
    command = s.commands.get(eid)
    if command is not None:
        if command.position and s.role is not LEADER:
            command.sid = None
        complete(s, command, SUCCESS)


def keep_alive(s: State) -> None:
    """Tell servers that wait for a command that it is still being worked on."""
    for command in s.commands.values():
        if command.sid is not None:
            s.send(command.sid, ExecuteReply(command.eid, INCOMPLETE))


def give_up(s: State) -> None:
    """Commands without news for two election timers have failed, as far as this server is concerned."""
    for command in list(s.commands.values()):
        if s.now - command.stamp > 2 * s.timer:
            complete(s, command, LOST if command.position and s.role is not LEADER else TIMEOUT)


def shut_down(s: State) -> None:
    for command in list(s.commands.values()):
        complete(s, command, SHUTDOWN)
