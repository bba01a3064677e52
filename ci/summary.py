"""Print the line that says what ran where, from the reports of one or more pytest runs below a directory."""

import json
import sys
from pathlib import Path

from harness.report.ran_on import Count, merged, summary_line


def main(reports: Path) -> None:
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(reports.glob("*/ran-on.json"))]
    print(summary_line(merged({name: Count(**count) for name, count in run.items()} for run in runs)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
