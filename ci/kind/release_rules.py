#!/usr/bin/env python3
"""Print a Kube-OVN release's rules as shell variables, for the lab's start script: ``release_rules.py v1.13.15``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fake_kube.profile import KubeOvnProfile, kube_ovn_profile


def variables(profile: KubeOvnProfile, election_ms: int = 5000) -> dict[str, str]:
    """What ``decisions.sh``, ``leader-checker.sh`` and ``ovn-healthcheck.sh`` read; flags are 0 or 1."""
    purge = profile.purge_unjoined
    return {
        "RELEASE": profile.release,
        "GENERATION": profile.generation.value,
        "GATE_EXACT": _flag(profile.gate_exact),
        "GATE_STRIPS_SPACES": _flag(profile.gate_strips_spaces),
        "PURGE_UNJOINED": "" if purge is None else f"{purge:g}",
        "FIX_CLUSTER": _flag(profile.fix_cluster),
        "REBUILD_CLUSTER": _flag(profile.rebuild_cluster),
        "JOINING_IS_HEALTHY": _flag(profile.joining_is_healthy),
        "DUPLICATE_STRIKES": str(profile.duplicate_leader.strikes),
        "INTEGRITY_CHECK": _flag(profile.integrity_check),
        "ELECTION_MS": str(election_ms),
    }


def shell(values: dict[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _flag(value: bool) -> str:
    return "1" if value else "0"


def main() -> None:
    try:
        profile = kube_ovn_profile(sys.argv[1])
    except (IndexError, ValueError) as error:
        sys.exit(f"release_rules.py RELEASE: {error}")
    print(shell(variables(profile)), end="")


if __name__ == "__main__":
    main()
