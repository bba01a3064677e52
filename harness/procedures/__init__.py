"""Procedures: tuples of steps, for a node and a cluster."""
