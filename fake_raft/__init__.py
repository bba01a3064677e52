"""OVSDB's clustered database (raft) as a pure state machine, with a virtual clock, network and disks."""

from fake_raft.clock import Timer, VirtualClock
from fake_raft.disk import Disk
from fake_raft.network import Choices, Network
from fake_raft.opening import StartRefused, check_file
from fake_raft.process import Process
from fake_raft.profile import OVS_3_1, OVS_3_5, OVS_NEWEST, Profile, by_version
from fake_raft.server import Server
from fake_raft.status import Ages, CommandReply, ServerStatus

__all__ = [
    "OVS_3_1",
    "OVS_3_5",
    "OVS_NEWEST",
    "Ages",
    "Choices",
    "CommandReply",
    "Disk",
    "Network",
    "Process",
    "Profile",
    "Server",
    "ServerStatus",
    "StartRefused",
    "Timer",
    "VirtualClock",
    "by_version",
    "check_file",
]
