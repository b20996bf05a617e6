# SPDX-License-Identifier: Apache-2.0
"""Instructions a packet by callgrind: what can still be said when time cannot be measured.

perf/micro's bench_stages, the whole way of a burst through the switch without a device.
"""
import functools
import os
import re
import subprocess
import tempfile

BURST = 32
FUNCTION = "plane_time_way"
WAYS = {
    "L2, 1 flow": "way/l2/flows:1/", "L2, 10k flows": "way/l2/flows:10000/",
    "L3, 1 flow": "way/l3/flows:1/", "L3, 10k routes": "way/l3/flows:10000/",
}  # fmt: skip


def instructions(program, way):
    """A packet's, or None when valgrind or the program fails."""
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(
            [
                "valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}",
                f"--toggle-collect={FUNCTION}", program, "--benchmark_min_time=0.3",
                f"--benchmark_filter={way}burst:{BURST}/cold:0",
            ],
            env=os.environ | {"CAUSEWAY_NO_HUGE": "1"}, capture_output=True, timeout=120,
        )  # fmt: skip
        text = open(out.name, errors="replace").read()
    calls = sum(map(int, re.findall(rf"cfn=.*\b{FUNCTION}\ncalls=(\d+)", text)))
    total = re.search(r"summary: (\d+)", text)
    if done.returncode != 0 or calls == 0 or total is None:
        return None
    return int(total[1]) / calls / BURST


@functools.cache
def table(program):
    found = []
    for name, way in WAYS.items():
        try:
            count = instructions(program, way)
        except (OSError, subprocess.SubprocessError):
            count = None
        found.append(f"{name} {count:.0f}" if count else f"{name} unknown")
    return "instructions a packet without devices: " + ", ".join(found)


def text(bench):
    program = bench.build / "perf/micro/bench_stages"
    return table(program) if program.exists() else "no instruction counts: bench_stages is not built"
