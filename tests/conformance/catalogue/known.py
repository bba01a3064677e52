"""Where model and servers are known to differ, with reasons. Nothing stays here that can be mended."""

from __future__ import annotations

KNOWN: dict[tuple[str, str], str] = {}
"""(case, family) -> why the model does not do as the servers."""
