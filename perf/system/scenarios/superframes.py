# SPDX-License-Identifier: Apache-2.0
"""A TCP-like stream between two vhost-user guests: frames of 64 KiB beside frames of the MTU.

tests/tools/vhost_peer is both guests (split rings, mergeable buffers, checksum and TSO negotiated) on one CPU, the worker has the
other. The receiver checks every byte, length, order and checksum. MTU frames go with unfinished checksums as super-frames do, and
once with finished ones, as guests without offloads send them. Bar: super-frames carry at least 5 times the payload, and not
one byte or checksum is wrong. Beside them a bare copy of as many bytes between the same two CPUs, payload written once and every byte compared
as here: no switch that copies carries more, and where that is less than the bar asks for, it says so.
"""
import os
import random
import subprocess

from intervals import interval, show
from lib import wire
from lib.dataplane import DataPlane
from lib.vhost_peer import MERGE, OFFLOADS, SPLIT, VhostPeer
from lib.vhost_port import VhostPort

MSS = 1448
PLAIN = "MTU, checksums by the guests"
MODES = {
    "64 KiB": {"payload": 45 * MSS},
    "MTU": {"payload": MSS},
    PLAIN: {"payload": MSS, "partial": 0},
}
BAR = 5.0
# The guests' buffers, as suits each kind of frame best: what is under way stays in the caches,
# and MTU frames come in full bursts.
SUPER = {"tx_buffer": 1 << 16, "tx_buffers": 8, "rx_buffer": 4096}
SMALL = {"tx_buffer": 2048, "tx_buffers": 64, "rx_buffer": 2048}


def ends(number):
    return f"02:00:00:00:01:{number:02x}"


def make_pair(bench, dp, peer, first, buffers):
    """Two guests at two ports, numbered from 'first'."""
    ports, guests = [], []
    for number in (first, first + 1):
        path = bench.scratch / f"s{number}"
        guests.append(peer.add(path, number, SPLIT + MERGE + OFFLOADS, **buffers))
        ports.append(VhostPort(dp, number, path, ends(number), guard=wire.GUARD_ALL).attach())
        ports[-1].wait_up()
        guests[-1].wait_ready()
    return ports, guests


def stream(ports):
    return {
        "source_mac": ports[0].mac.replace(":", ""),
        "target_mac": ports[1].mac.replace(":", ""),
        "source_ip": bytes(map(int, ports[0].ip4.split("."))).hex(),
        "target_ip": bytes(map(int, ports[1].ip4.split("."))).hex(),
        "mss": MSS,
    }


def busy_seconds(dp):
    """Of the worker, since its start."""
    return sum(
        item.busy_cycles / item.tsc_hz
        for item in dp.sock.request(wire.GET_STATS)[0]
        if isinstance(item, wire.WorkerStats)
    )


def measure(bench, dp, peer):
    super_pair = make_pair(bench, dp, peer, 1, SUPER)
    small_pair = make_pair(bench, dp, peer, 3, SMALL)
    found = {mode: [] for mode in MODES}
    chooser = random.Random(bench.seed)
    for _ in range(bench.options.rounds):
        for mode in chooser.sample(list(MODES), len(MODES)):
            small = MODES[mode]["payload"] == MSS
            ports, guests = small_pair if small else super_pair
            before = busy_seconds(dp)
            result = peer.bulk(
                *guests, bench.options.seconds, stall_ms=2000, **MODES[mode], **stream(ports)
            )
            result["busy"] = (busy_seconds(dp) - before) / result["seconds"]
            found[mode].append(result)
            bench.say(f"{mode}: {result['gbit_s']:.2f} Gbit/s, worker {result['busy'] * 100:.0f}% busy")
    return found


def ratio(bench, what, values, barred):
    middle, low, high = interval(values)
    bench.add(
        what, f"{middle:.1f} [{low:.1f}, {high:.1f}] times", f">= {BAR}" if barred else None,
        middle >= BAR if barred else None, ratios=values,
    )  # fmt: skip


def report_rates(bench, found):
    """Where the guests were the limit, the worker's own rate is what it would carry when busy."""
    for mode, results in found.items():
        rates = [one["gbit_s"] for one in results]
        busy = sum(one["busy"] for one in results) / len(results)
        text = f"{show(rates, 'Gbit/s of payload')}, worker {busy * 100:.0f}% busy"
        bench.add(f"frames of {mode}", text, runs=results)
    pairs = list(zip(found["64 KiB"], found["MTU"]))
    ratio(bench, "64 KiB beside MTU, payload", [a["gbit_s"] / b["gbit_s"] for a, b in pairs], True)
    plain = [a["gbit_s"] / b["gbit_s"] for a, b in zip(found["64 KiB"], found[PLAIN])]
    ratio(bench, f"64 KiB beside {PLAIN}, payload", plain, False)
    ratio(
        bench, "64 KiB beside MTU, payload of a busy worker",
        [a["gbit_s"] / a["busy"] / (b["gbit_s"] / b["busy"]) for a, b in pairs], False,
    )  # fmt: skip


def report_limit(bench, found):
    """How far the machine's memory goes, whoever switches."""
    program = [bench.tool("copy_limit"), bench.worker_cpu, bench.load_cpu, 45 * MSS]
    done = subprocess.run(
        list(map(str, program)), capture_output=True, text=True, check=True, timeout=60
    )
    gbit_s, cycles = map(float, done.stdout.split())
    middle, *_ = interval([one["gbit_s"] for one in found["MTU"]])
    times = gbit_s / middle
    text = f"{gbit_s:.1f} Gbit/s, {cycles:.0f} cycles each: {times:.1f} times MTU frames"
    if times < BAR:
        text += f"; {BAR:.0f} times are out of this machine's reach"
    bench.add("64 KiB copied once, and nothing else", text, gbit_s=gbit_s, cycles=cycles)


def run(bench):
    dp = DataPlane(bench.scratch, True, "--cores", str(bench.worker_cpu))
    try:
        dp.add_network()
        with VhostPeer() as peer:
            os.sched_setaffinity(peer.process.pid, {bench.load_cpu})
            found = measure(bench, dp, peer)
    finally:
        dp.close()
    report_rates(bench, found)
    report_limit(bench, found)
    wrong = [one["errors"] for results in found.values() for one in results if one["errors"]]
    lost = sum(one["lost_bytes"] for results in found.values() for one in results)
    bench.add(
        "what the receiver found wrong", f"{wrong or 'nothing'}; {lost:.0f} bytes never came",
        "nothing", not wrong, errors=wrong, lost=lost,
    )  # fmt: skip
