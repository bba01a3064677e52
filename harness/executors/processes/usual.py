"""What fake_kube chooses on real servers."""

from __future__ import annotations


class NothingBad:
    """The usual choice each time. What goes wrong here goes wrong by itself, or is injected."""

    def choose(self, _name: str, _n: int) -> int:
        return 0
