# SPDX-License-Identifier: Apache-2.0
"""What disturbs a block: stolen time, other threads on the worker's CPU, a clock that changed."""
import os
import pathlib
import subprocess

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
MAX_STEAL = 0.02  # of a block's time; the counter moves in ticks of 10 ms
MAX_WAIT = 0.02  # of a block's time that the worker was runnable but not running
# Likewise of the generator, which shares its CPU with all control threads: what its gaps do to rate
# and bursts is judged apart.
MAX_LOAD_WAIT = 0.15
MAX_CLOCK = 0.05  # difference of the add loop before and after


def steal_seconds(cpu):
    for line in open("/proc/stat"):
        if line.startswith(f"cpu{cpu} "):
            return int(line.split()[8]) * TICK_S
    raise RuntimeError(f"/proc/stat has no cpu{cpu}")


def worker_threads(pid, cpu):
    """Threads of a process that may run on this CPU alone."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if os.sched_getaffinity(int(task.name)) == {cpu}:
            found.append(task)
    return found


class Watch:
    """From its making to read(): steal, waiting time and involuntary switches of a worker."""

    def __init__(self, pid, cpu):
        self.cpu = cpu
        self.tasks = worker_threads(pid, cpu)
        self.start = self.state()

    def state(self):
        waited = sum(int((task / "schedstat").read_text().split()[1]) for task in self.tasks)
        switches = sum(
            int((task / "status").read_text().split("nonvoluntary_ctxt_switches:")[1])
            for task in self.tasks
        )
        return steal_seconds(self.cpu), waited / 1e9, switches

    def read(self):
        steal, waited, switches = (b - a for a, b in zip(self.start, self.state()))
        return {"steal_s": steal, "waited_s": waited, "switches": switches}


def add_loop(program, cpu):
    """(TSC cycles of a dependent addition, of a turn of the tightest loop, the TSC's Hz) now."""
    done = subprocess.run(
        ["taskset", "-c", str(cpu), program], capture_output=True, text=True, check=True, timeout=20
    )
    return tuple(map(float, done.stdout.split()))


def reasons(noise, seconds):
    """Why a block must be thrown away; empty when it may stay."""
    found = []
    if noise["steal_s"] > MAX_STEAL * seconds:
        found.append(f"steal {noise['steal_s'] * 1000:.0f} ms")
    if noise["waited_s"] > MAX_WAIT * seconds:
        found.append(f"worker waited {noise['waited_s'] * 1000:.0f} ms")
    if noise["load_waited_s"] > MAX_LOAD_WAIT * seconds:
        found.append(f"generator waited {noise['load_waited_s'] * 1000:.0f} ms")
    if abs(noise["clock"] - 1) > MAX_CLOCK:
        found.append(f"add loop {(noise['clock'] - 1) * 100:+.0f}%")
    return found
