"""The two worlds on which a script is played: real ovsdb-server processes, and fake_raft."""
