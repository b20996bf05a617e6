# SPDX-License-Identifier: Apache-2.0
"""2, 10, 100 and 1,000 vhost-user ports attached, of which two carry traffic.

Four data planes, each with its idle guests (small vhost-user front ends, tests/tools/vhost_peer), take turns at the generator's
two sockets: 64 B, split rings, 1 flow. Bars: the rate with 1,000 (of a busy worker: the inverse of
busy cycles a packet) is at most 5% below that with 2; memory of an idle port (hugepage
heap and private memory, difference between 100 and 1,000) at most 256 KiB; from SET to the event "up" p99 at most 20 ms.
"""
import contextlib
import time

from blocks import Cell, Series
from frames import Traffic
from generator import Generator, VhostEnds
from lib import wire
from lib.vhost_peer import MERGE, SPLIT, VhostPeer
from peers.causeway import CausewayPeer
from verdict import NOT_TODAY, control_quiet, small_difference, speed_up

COUNTS = (2, 10, 100, 1000)
FIRST_IDLE = 10
RATE_BAR, MEMORY_BAR, ATTACH_BAR = 0.95, 256 << 10, 0.020


def idle_port(number, path):
    mac = wire.mac_bytes(f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}")
    port = wire.Port.make(
        b"", id=number, kind=wire.PORT_VHOST_USER, mtu=1500, n_queues=1, guard=wire.GUARD_ALL,
        mac=mac, name=f"idle{number}".encode(), args=f"path={path}".encode(), generation=1,
    )  # fmt: skip
    address = wire.Ip.of(f"10.1.{128 + (number >> 8)}.{number & 255}")
    return port, wire.Endpoint.make(bytes(address), port=number, mac=mac, n_ips=1)


class Crowd:
    """A data plane with idle ports beside the two that will be active."""

    def __init__(self, bench, stack, count):
        self.name, self.count = f"{count} ports", count
        scratch = bench.scratch / str(count)
        self.peer = CausewayPeer(scratch, bench.load_cpu, bench.worker_cpu)
        stack.callback(self.peer.close)
        self.attach_s, self.memory = [], {}
        if count > 2:
            self.guests = stack.enter_context(VhostPeer())
            self.guests.add_many(
                scratch / "idle%u", count - 2, FIRST_IDLE, SPLIT + MERGE, size=256,
                rx_buffers=16, tx_buffers=16,
            )  # fmt: skip
        for number in range(FIRST_IDLE, FIRST_IDLE + count - 2):
            self.attach(number, scratch / f"idle{number}")
            if number - FIRST_IDLE + 1 in (98, count - 2):
                self.memory[number - FIRST_IDLE + 1] = self.used()

    def attach(self, number, path):
        port, endpoint = idle_port(number, path)
        sock = self.peer.dp.sock
        start = time.monotonic()
        sock.set(port)
        sock.wait_event(wire.PortEvent, lambda e: e.port == number and e.state == wire.UP)
        self.attach_s.append(time.monotonic() - start)
        sock.set(endpoint)
        self.guests.ready()  # reads what the guests tell, lest their pipe be full

    def used(self):
        """Hugepage heap in use, and private memory of the process."""
        node = next(
            item for item in self.peer.dp.sock.request(wire.GET_NODE)[0] if isinstance(item, wire.Node)
        )
        private = 0
        for line in open(f"/proc/{self.peer.pid}/smaps_rollup"):
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                private += int(line.split()[1]) << 10
        return node.heap_used_bytes + private


def report_rates(bench, series, labels):
    control = speed_up(series, labels[0], "2 ports, again")
    quiet = "quiet" if control_quiet(control) else "not quiet"
    bench.add("A/A control", f"{control.text}, {quiet}", ratios=control.values)
    for label in labels:
        blocks = series.blocks(label)
        if blocks:
            bench.add(
                label,
                f"{sum(b.mpps for b in blocks) / len(blocks):.2f} Mpps, "
                f"{sum(b.cost for b in blocks) / len(blocks):.1f} c/p",
                blocks=blocks,
            )  # fmt: skip
    for label in labels[1:]:
        found = speed_up(series, label, labels[0])
        last = label == labels[-1]
        text, met = found.text, found.at_least(RATE_BAR) if last else None
        if small_difference(found, control):
            text, met = f"{text}; a difference this small is {NOT_TODAY}", None
        bench.add(f"rate of a busy worker, {label} beside 2", text, f">= {RATE_BAR}" if last else None, met,
                  ratios=found.values)  # fmt: skip


def report_crowd(bench, crowd):
    times = sorted(crowd.attach_s)
    p99 = times[int(len(times) * 0.99)]
    bench.add(
        f"attach, p99 of {len(times)}", f"{p99 * 1e3:.1f} ms (median {times[len(times) // 2] * 1e3:.1f})",
        f"<= {ATTACH_BAR * 1e3:.0f} ms", p99 <= ATTACH_BAR, seconds=crowd.attach_s,
    )  # fmt: skip
    (few, before), (many, after) = sorted(crowd.memory.items())
    each = (after - before) / (many - few)
    bench.add(
        f"memory of an idle port, {few + 2} to {many + 2}", f"{each / 1024:.1f} KiB",
        f"<= {MEMORY_BAR >> 10} KiB", each <= MEMORY_BAR, bytes=crowd.memory,
    )  # fmt: skip


def run(bench):
    with contextlib.ExitStack() as stack:
        crowds = [Crowd(bench, stack, count) for count in COUNTS]
        report_crowd(bench, crowds[-1])
        generator = Generator(bench, bench.scratch / "generator", Traffic(), VhostEnds)
        stack.callback(generator.close)
        cells = [Cell(crowd.name, crowd.peer, generator) for crowd in crowds]
        cells.append(Cell("2 ports, again", crowds[0].peer, generator))
        series = Series(bench).run(cells, bench.options.rounds, bench.options.seconds)
        report_rates(bench, series, [crowd.name for crowd in crowds])
