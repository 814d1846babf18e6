"""What the peers of landing and of checks share: one piece of work, its time and its peak of memory as a line of JSON."""

import json
import resource
import time


def measure(import_s: float, work):
    """Runs the work once; what it returns is told beside the figures."""
    started = time.perf_counter()
    told = work()
    wall_s = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"wall_s": wall_s, "import_s": import_s, "peak_mb": peak_mb, **(told or {})}))
