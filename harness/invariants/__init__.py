"""Properties of a cluster, one file each: id, statement, source, check."""
