"""Differential search: random scripts on real servers and on fake_raft must end alike."""
