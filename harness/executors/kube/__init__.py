"""The parts of the backend ``kube``, one subject a file; :mod:`harness.executors.kubernetes` puts them together."""
