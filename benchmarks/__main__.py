"""Print every stage at 1e5, 1e6 and 1e7 rows, or at those that ``BENCH_ROWS`` names: ``BENCH_ROWS=100000,1000000``."""

import os
import sys

from benchmarks.lookup import print_lookup
from benchmarks.stages import print_stages

_ROWS = (100_000, 1_000_000, 10_000_000)
_MOST_SERIES = 100_000
"""Of one answer that a server can be asked for; also what fits in memory many times over."""


def main() -> int:
    rows = [int(word) for word in os.environ.get("BENCH_ROWS", "").split(",") if word.strip()] or list(_ROWS)
    if min(rows) < 1_000:
        print("gpucost bench: BENCH_ROWS must be at least 1000", file=sys.stderr)
        return 2
    for count in rows:
        print_stages(count)
    print_lookup(min(max(rows), _MOST_SERIES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
