"""OVSDB's clustered database (raft) as a pure state machine, with a virtual clock, network and disks."""
