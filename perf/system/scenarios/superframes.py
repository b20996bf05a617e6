# SPDX-License-Identifier: Apache-2.0
"""A TCP-like stream between two vhost-user guests: frames of 64 KiB beside frames of the MTU.

tests/tools/vhost_peer is both guests (split rings, mergeable buffers, checksum and TSO negotiated) on one CPU, the worker has the
other. The receiver checks every byte, length, order and checksum. Bar: super-frames carry at least 5 times the payload, and not
one byte or checksum is wrong.
"""
import os
import random

from intervals import interval, show
from lib import wire
from lib.dataplane import DataPlane
from lib.vhost_peer import MERGE, OFFLOADS, SPLIT, VhostPeer
from lib.vhost_port import VhostPort

MSS = 1448
MODES = {"64 KiB": 45 * MSS, "MTU": MSS}
BAR = 5.0


def ends(number):
    return f"02:00:00:00:01:{number:02x}"


def stream(ports):
    return {
        "source_mac": ports[0].mac.replace(":", ""),
        "target_mac": ports[1].mac.replace(":", ""),
        "source_ip": bytes(map(int, ports[0].ip4.split("."))).hex(),
        "target_ip": bytes(map(int, ports[1].ip4.split("."))).hex(),
        "mss": MSS,
    }


def measure(bench, dp, peer):
    ports, guests = [], []
    for number in (1, 2):
        path = bench.scratch / f"s{number}"
        guests.append(
            peer.add(path, number, SPLIT + MERGE + OFFLOADS, tx_buffer=1 << 16, rx_buffer=4096)
        )
        ports.append(VhostPort(dp, number, path, ends(number), guard=wire.GUARD_ALL).attach())
        ports[-1].wait_up()
        guests[-1].wait_ready()
    found = {mode: [] for mode in MODES}
    chooser = random.Random(bench.seed)
    for _ in range(bench.options.rounds):
        for mode in chooser.sample(list(MODES), len(MODES)):
            result = peer.bulk(
                *guests, bench.options.seconds, payload=MODES[mode], **stream(ports)
            )
            found[mode].append(result)
            bench.say(f"{mode}: {result['gbit_s']:.2f} Gbit/s, {result}")
    return found


def run(bench):
    dp = DataPlane(bench.scratch, True, "--cores", str(bench.worker_cpu))
    try:
        dp.add_network()
        with VhostPeer() as peer:
            os.sched_setaffinity(peer.process.pid, {bench.load_cpu})
            found = measure(bench, dp, peer)
    finally:
        dp.close()
    rates = {mode: [one["gbit_s"] for one in results] for mode, results in found.items()}
    for mode, gbps in rates.items():
        bench.add(f"frames of {mode}", show(gbps, "Gbit/s of payload"), runs=found[mode])
    wrong = [one["errors"] for results in found.values() for one in results if one["errors"]]
    values = [a / b for a, b in zip(rates["64 KiB"], rates["MTU"])]
    middle, low, high = interval(values)
    bench.add(
        "64 KiB beside MTU", f"{middle:.1f} [{low:.1f}, {high:.1f}] times", f">= {BAR}",
        middle >= BAR, ratios=values,
    )  # fmt: skip
    lost = sum(one["lost_bytes"] for results in found.values() for one in results)
    bench.add(
        "what the receiver found wrong", f"{wrong or 'nothing'}; {lost:.0f} bytes never came",
        "nothing", not wrong, errors=wrong, lost=lost,
    )  # fmt: skip
