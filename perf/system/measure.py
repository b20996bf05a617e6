# SPDX-License-Identifier: Apache-2.0
"""What scenarios share: results, medians with intervals, programs that run while others measure."""
import dataclasses
import json
import os
import subprocess
import time

WORKER_CPU = max(os.sched_getaffinity(0))
LOAD_CPU = min(os.sched_getaffinity(0))


@dataclasses.dataclass(frozen=True)
class Options:
    """How much is measured; scenarios scale their own defaults by these."""

    rounds: int = 5  # of interleaved blocks where a bar is decided
    seconds: float = 2.0  # a block
    quick: bool = False  # one short round: shows that it works, decides nothing
    seed: int = 1

    def fewer(self, rounds):
        """Rounds for cells that carry no bar."""
        return 1 if self.quick else min(rounds, self.rounds)


class Bench:
    worker_cpu, load_cpu = WORKER_CPU, LOAD_CPU

    def __init__(self, name, build, scratch, options=Options()):
        self.name, self.build, self.scratch, self.options = name, build, scratch, options
        scratch.mkdir(parents=True)
        self.results = []
        self.plots = []

    @property
    def seed(self):
        return self.options.seed

    def tool(self, name):
        return self.build / "perf/system" / name

    @staticmethod
    def say(text):
        print(f"      {text}", flush=True)

    def plot(self, name, title, unit, bars):
        """bars: [(label, value, low, high)], drawn into NAME.svg."""
        self.plots.append((f"{self.name}-{name}".replace(" ", "-"), title, unit, bars))

    def add(self, what, value, bar=None, met=None, **raw):
        """One line of the report. raw: everything that was measured, for the JSON."""
        print(f"   {what}: {value}" + (f"   (bar: {bar})" if bar else ""), flush=True)
        self.results.append(
            {"scenario": self.name, "what": what, "value": value, "bar": bar, "met": met, "raw": raw}
        )

    def program(self, name, *arguments, timeout=600):
        """Runs a benchmark program of ours and returns the JSON object that it prints."""
        done = subprocess.run(
            [self.tool(name), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if not done.stdout.strip():
            raise RuntimeError(f"{name} failed: {done.stderr}")
        return json.loads(done.stdout)


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_share(pid, seconds):
    """Share of one core that a process used for a while."""
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - start)


def tcp_gbps(client, server, address, seconds, cpus=(LOAD_CPU, LOAD_CPU)):
    """iperf3, one flow from a namespace to another. cpus: of the client, of the server. Gbit/s."""
    listener = server.popen(
        "taskset", "-c", cpus[1], "iperf3", "-s", "-1", "-B", address,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while True:
        done = client.run(
            "taskset", "-c", cpus[0], "iperf3", "-c", address, "-t", max(1, round(seconds)), "-J", check=False,
            timeout=seconds + 60,
        )  # fmt: skip
        data = json.loads(done.stdout or "{}")
        if "sum_received" in data.get("end", {}):
            listener.wait(timeout=30)
            return data["end"]["sum_received"]["bits_per_second"] / 1e9
        if time.monotonic() > deadline:
            raise RuntimeError(f"iperf3: {data.get('error', done.stderr)}")
        time.sleep(0.2)
