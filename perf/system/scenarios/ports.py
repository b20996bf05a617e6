# SPDX-License-Identifier: Apache-2.0
"""2, 10, 100 and 1,000 vhost-user ports attached, of which two carry traffic.

Data planes, each with its idle guests (small vhost-user front ends, tests/tools/vhost_peer): 64 B, split rings, 1 flow. For the rates all four take turns
at one generator's sockets. For the bar the ones with 2 and 1,000 ports, and another with 2, have a generator each and take turns in short slices; then the
generators go round, so that what memory they have is the same for all. Bars: the rate with 1,000 (of a busy worker: the inverse of
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
from slices import ROUNDS, Slices
from verdict import NOT_TODAY, control_quiet, small_difference, speed_up
import callgrind

COUNTS = (2, 10, 100, 1000)
TURNS = 6  # of the generators; each has stood at each data plane twice then
AGAIN = "2 ports, again"
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

    def __init__(self, bench, stack, count, name=None):
        self.name, self.count = name or f"{count} ports", count
        scratch = bench.scratch / self.name.replace(" ", "")
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


def report_rates(bench, series):
    for label in series.rounds:
        blocks = series.blocks(label)
        if blocks:
            bench.add(
                label,
                f"{sum(b.mpps for b in blocks) / len(blocks):.2f} Mpps, "
                f"{sum(b.cost for b in blocks) / len(blocks):.1f} c/p",
                blocks=blocks,
            )  # fmt: skip


def report_bar(bench, series, many, few):
    control = speed_up(series, few, AGAIN)
    quiet = "quiet" if control_quiet(control) else "not quiet"
    bench.add("A/A control", f"{control.text}, {quiet}", ratios=control.values)
    found = speed_up(series, many, few)
    text, met = found.text, found.at_least(RATE_BAR)
    if small_difference(found, control):
        text, met = f"{text}; a difference this small is {NOT_TODAY}: {callgrind.text(bench)}", None
    bench.add(f"rate of a busy worker, {many} beside 2", text, f">= {RATE_BAR}", met, ratios=found.values)
    thrown = series.thrown_share()
    bench.add("slices thrown away", f"{thrown * 100:.0f}%", thrown=series.thrown)


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


def measure_slices(bench, crowds, generators):
    """Each crowd at each generator, in turn."""
    series = Slices(bench)
    rounds = 5 if bench.options.quick else ROUNDS * bench.options.rounds // TURNS
    for turn in range(1 if bench.options.quick else TURNS):
        cells = [
            Cell(crowd.name, crowd.peer, generators[(turn + number) % len(generators)])
            for number, crowd in enumerate(crowds)
        ]
        for cell in cells:
            cell.peer.attach(cell.generator.ends, cell.generator.traffic)
            cell.generator.wait_carried()
        series.run(cells, rounds)
        for cell in cells:
            cell.peer.detach()
    return series


def run(bench):
    with contextlib.ExitStack() as stack:
        crowds = [Crowd(bench, stack, count) for count in COUNTS]
        report_crowd(bench, crowds[-1])
        generators = [
            stack.enter_context(
                contextlib.closing(
                    Generator(bench, bench.scratch / f"generator{number}", Traffic(), VhostEnds)
                )
            )
            for number in range(3)
        ]
        cells = [Cell(crowd.name, crowd.peer, generators[0]) for crowd in crowds]
        rounds = bench.options.fewer(2)
        report_rates(bench, Series(bench).run(cells, rounds, bench.options.seconds))
        few, *_, many = crowds
        again = Crowd(bench, stack, 2, AGAIN)
        series = measure_slices(bench, [few, again, many], generators)
        report_bar(bench, series, many.name, few.name)
