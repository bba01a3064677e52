"""Real processes, run directories and networks for the backend ``ovsdb``."""
