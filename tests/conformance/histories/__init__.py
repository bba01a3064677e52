"""Trace validation: what a run left behind (files, statuses, answers, log lines), judged by fake_raft's own rules."""
