# SPDX-License-Identifier: Apache-2.0
"""1,000 networks with 100,000 IPv4 and 100,000 IPv6 routes, loaded over dp.sock in bulk frames.

Bars: all in under 5 s; the last 10,000 take at most twice what the first 10,000 did; an empty network
takes at most 64 KiB.
"""
import ctypes
import ipaddress
import statistics
import time

from lib import wire
from lib.dataplane import DataPlane
from measure import WORKER_CPU

NETWORKS, PER_NETWORK, FRAME, ROUNDS = 1000, 100, 10000, 5


def networks():
    return [
        wire.Network.make(
            b"", id=i, vni=i + 1, mtu=1500, n_addresses=0,
            router_mac=wire.mac_bytes("02:00:00:00:00:01"), name=f"net{i}".encode(),
        )
        for i in range(NETWORKS)
    ]


def routes():
    for network in range(NETWORKS):
        for i in range(PER_NETWORK):
            v4 = ipaddress.ip_address((10 << 24) + (network << 12) * 7 % (1 << 24) + (i << 5))
            yield wire.Route.make(network=network, nexthop=1, prefix=wire.Ip.of(f"{v4}/27"))
            v6 = ipaddress.ip_address((0xFD << 120) + (network << 80) + (i << 64))
            yield wire.Route.make(network=network, nexthop=1, prefix=wire.Ip.of(f"{v6}/64"))


def memory(dp):
    return next(i for i in dp.sock.request(wire.GET_NODE)[0] if isinstance(i, wire.Node))


def used_bytes(dp):
    """Hugepage heap in use, and what the process holds of ordinary memory."""
    status = open(f"/proc/{dp.daemon.process.pid}/status").read()
    resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
    return memory(dp).heap_used_bytes + resident


def frames(items):
    return [items[i : i + FRAME] for i in range(0, len(items), FRAME)]


def exchange(sock, data):
    """Sends a ready frame and waits for the end of its reply, without decoding 10,000 statuses."""
    sock.send_raw(data)
    while True:
        header = wire.Frame.from_buffer_copy(sock.read_bytes(ctypes.sizeof(wire.Frame)))
        sock.read_bytes(header.length - ctypes.sizeof(wire.Frame))
        if header.type & wire.REPLY and not header.type & wire.MORE:
            return


def load(bench, number):
    """One data plane from empty to full. Returns (seconds, seconds a frame, bytes an empty network, node)."""
    dp = DataPlane(bench.scratch / str(number), True, "--cores", str(WORKER_CPU))
    try:
        before = used_bytes(dp)
        start = time.monotonic()
        for frame in frames(networks()):
            dp.sock.set(*frame)
        made = time.monotonic() - start
        per_network = (used_bytes(dp) - before) / NETWORKS
        dp.sock.set(wire.Nexthop.make(b"", id=1, kind=wire.NH_BLACKHOLE))
        prepared = [dp.sock.encode(wire.SET, frame) for frame in frames(list(routes()))]
        times = []
        for frame in prepared:
            begin = time.monotonic()
            exchange(dp.sock, frame)
            times.append(time.monotonic() - begin)
        loaded = memory(dp)
        assert (loaded.routes4, loaded.routes6) == (NETWORKS * PER_NETWORK,) * 2
        return made + sum(times), times, per_network, loaded
    finally:
        dp.close()


def run(bench):
    rounds = [load(bench, number) for number in range(ROUNDS)]
    total = max(seconds for seconds, *_ in rounds)
    ratio = statistics.median(times[-1] / times[0] for _, times, *_ in rounds)
    per_network = max(size for _, _, size, _ in rounds)
    loaded = rounds[0][3]
    bench.add(
        f"{NETWORKS} networks, {loaded.routes4} + {loaded.routes6} routes, slowest of {ROUNDS}",
        f"{total:.2f} s", "< 5 s", total < 5, seconds=total, frames=[r[1] for r in rounds],
    )
    bench.add(
        f"last 10,000 / first 10,000, median of {ROUNDS}", f"{ratio:.2f}", "<= 2", ratio <= 2
    )
    bench.add(
        "an empty network", f"{per_network / 1024:.1f} KiB", "<= 64 KiB", per_network <= 65536,
        bytes=per_network,
    )
    bench.add("a route", f"{loaded.route_bytes / 2e5:.0f} bytes in look-up structures")
