# SPDX-License-Identifier: Apache-2.0
"""What scenarios share: results, medians with intervals, programs that run while others measure."""
import json
import os
import random
import statistics
import subprocess
import time

WORKER_CPU = max(os.sched_getaffinity(0))
LOAD_CPU = min(os.sched_getaffinity(0))


class Bench:
    def __init__(self, name, build, scratch):
        self.name, self.build, self.scratch = name, build, scratch
        scratch.mkdir(parents=True)
        self.results = []

    def add(self, what, value, bar=None, met=None, **raw):
        """One line of the report. raw: everything that was measured, for the JSON."""
        print(f"   {what}: {value}" + (f"   (bar: {bar})" if bar else ""), flush=True)
        self.results.append(
            {"scenario": self.name, "what": what, "value": value, "bar": bar, "met": met, "raw": raw}
        )

    def program(self, name, *arguments, timeout=600):
        """Runs a benchmark program of ours and returns the JSON object that it prints."""
        done = subprocess.run(
            [self.build / "perf/system" / name, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if not done.stdout.strip():
            raise RuntimeError(f"{name} failed: {done.stderr}")
        return json.loads(done.stdout)


def interval(values, confidence=0.95, rounds=2000, seed=1):
    """Median and its bootstrap interval."""
    chooser = random.Random(seed)
    medians = sorted(
        statistics.median(chooser.choices(values, k=len(values))) for _ in range(rounds)
    )
    tail = int(rounds * (1 - confidence) / 2)
    return statistics.median(values), medians[tail], medians[-tail - 1]


def show(values, unit, digits=2):
    middle, low, high = interval(values)
    return f"{middle:.{digits}f} {unit} [{low:.{digits}f}, {high:.{digits}f}]"


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_share(pid, seconds):
    """Share of one core that a process used for a while."""
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - start)


def tcp_gbps(client, server, address, seconds, cpu=LOAD_CPU):
    """iperf3, one flow from a namespace to another, both ends on the load CPU. Receiver's Gbit/s."""
    listener = server.popen(
        "taskset", "-c", cpu, "iperf3", "-s", "-1", "-B", address,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while True:
        done = client.run(
            "taskset", "-c", cpu, "iperf3", "-c", address, "-t", seconds, "-J", check=False,
            timeout=seconds + 60,
        )
        data = json.loads(done.stdout or "{}")
        if "sum_received" in data.get("end", {}):
            listener.wait(timeout=30)
            return data["end"]["sum_received"]["bits_per_second"] / 1e9
        if time.monotonic() > deadline:
            raise RuntimeError(f"iperf3: {data.get('error', done.stderr)}")
        time.sleep(0.2)
