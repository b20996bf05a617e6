# SPDX-License-Identifier: Apache-2.0
"""What an idle switch with 20 tap ports costs, and how soon it is awake.

CPU share of the whole process over 10 s without traffic; then 200 single pings, 50 ms apart, so that the
worker sleeps before each: the round trip is two wake-ups of pods and one of the switch. The same pings with
idle: poll show what sleeping adds. Bars: at most 5% of a core; awake within 100 us.
"""
import re

from lib.dataplane import DataPlane
from measure import LOAD_CPU, WORKER_CPU, cpu_share

PORTS, PINGS = 20, 200


def ping_times_us(ports):
    done = ports[0].namespace.run(
        "taskset", "-c", LOAD_CPU, "ping", "-n", "-c", PINGS, "-i", "0.05", ports[1].ip4,
        timeout=120,
    )
    return sorted(float(ms) * 1000 for ms in re.findall(r"time=([0-9.]+) ms", done.stdout))


def measure(bench, mode):
    dp = DataPlane(bench.scratch / mode, True, "--cores", str(WORKER_CPU), "--idle", mode)
    try:
        dp.add_network()
        ports = [dp.add_port(number) for number in range(2, PORTS + 2)]
        for port in ports:
            port.raw.close()
        for port in ports[:2]:
            port.namespace.ip(f"addr add {port.ip4}/16 dev {port.ifname}")
        share = cpu_share(dp.daemon.process.pid, 10)
        return share, ping_times_us(ports)
    finally:
        dp.close()


def run(bench):
    share, adaptive = measure(bench, "adaptive")
    burn, polling = measure(bench, "poll")
    added = adaptive[len(adaptive) // 2] - polling[len(polling) // 2]
    tail = adaptive[int(len(adaptive) * 0.99)] - polling[int(len(polling) * 0.99)]
    bench.add(
        "CPU when idle, adaptive", f"{share * 100:.2f}% of a core", "<= 5%", share <= 0.05,
        share=share,
    )
    bench.add("CPU when idle, poll", f"{burn * 100:.0f}% of a core", share=burn)
    bench.add(
        "wake-up: what sleeping adds to a ping, both ways", f"{added:.0f} us (p99 {tail:.0f} us)",
        "<= 100 us each way", added <= 200, adaptive_us=adaptive, poll_us=polling,
    )
