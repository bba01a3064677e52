"""Clusters on which a procedure runs; one module for each backend."""
