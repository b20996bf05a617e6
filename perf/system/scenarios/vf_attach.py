# SPDX-License-Identifier: Apache-2.0
"""How long causewayd takes to attach a VF, its own time: without what it waits for the card's drivers.

A hundred VFs that the kernel drives and a hundred for DPDK, one after the other, each with VLAN, trust, spoof check, rate, address
and route. The card is the unit tests' (tests/unit/vf_world.h): its driver answers at once, its VFs are taps, which the kernel really
moves, renames and configures; store, locks and marks are real. Bar: the 99th of 100 takes at most 20 ms.
"""
import statistics
import subprocess

ROUNDS, BAR_MS = 100, 20.0


def run(bench):
    done = subprocess.run(
        [bench.tool("vf_attach"), str(ROUNDS)], capture_output=True, text=True, check=True, timeout=300
    )
    words = [line.split() for line in done.stdout.splitlines() if line.startswith("vf ")]
    for mode in ("kernel", "dpdk"):
        own = sorted(int(own) / 1000 for _, name, own, _ in words if name == mode)
        whole = sorted(int(whole) / 1000 for _, name, _, whole in words if name == mode)
        p99 = own[len(own) * 99 // 100 - 1]
        text = f"{statistics.median(own):.1f} ms, p99 {p99:.1f} ms, longest {own[-1]:.1f} ms"
        text += f"; the whole endpoint.add {statistics.median(whole):.1f} ms"
        bench.add(f"{mode} VF: own time", text, f"p99 <= {BAR_MS:.0f} ms", p99 <= BAR_MS, own=own, whole=whole)
