"""ovnswap: run, attack and judge membership changes of OVN's raft clusters."""

__version__ = "0.1.0"
