"""The subcommands of ``ovnswap``; :mod:`harness.cli` puts them together."""
