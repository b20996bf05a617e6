# SPDX-License-Identifier: Apache-2.0
"""Random and mutated packets on every port kind: alive, nothing lost from the books.

CAUSEWAY_FUZZ_PACKETS says how many of each (make fuzz: 10,000), CAUSEWAY_FUZZ_SEED which.
"""
import random
from types import SimpleNamespace

import pytest
from lib import mutate, settings, wire
from lib.dataplane import ROUTER_MAC
from lib.frames import same, udp4
from lib.wait import wait_until
from scapy.utils import PcapWriter

pytestmark = pytest.mark.fuzz
KINDS = {"tap": wire.PORT_TAP, "af_packet": wire.PORT_AF_PACKET}


@pytest.fixture(scope="module", params=KINDS)
def pair(request, dp):
    """Two ports of one kind."""
    ports = [dp.add_port(number, kind=KINDS[request.param]) for number in (1, 2)]
    yield ports
    for port in ports:
        dp.del_port(port.id)


def originals(port, other):
    macs = [other.mac, ROUTER_MAC, "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"]
    destinations = [other.ip4, "10.1.0.1", "192.0.2.1", other.ip6, "fd00:1::1", "2001:db8::1"]
    return mutate.seeds(port.mac, macs, [port.ip4, port.ip6], destinations)


def frames(kind, port, other):
    # The kernel behind a veth drops frames that end right behind their VLAN tag by itself.
    shortest = 20 if port.kind == wire.PORT_AF_PACKET else 14
    n = settings.FUZZ_PACKETS
    if kind == "random":
        made = mutate.random_frames(settings.FUZZ_SEED, n)
    else:
        made = mutate.mutated_frames(settings.FUZZ_SEED + 1, n, originals(port, other))
    return (frame.ljust(shortest, b"\0") for frame in made)


@pytest.mark.parametrize("guard", [0, wire.GUARD_ALL], ids=["open", "guarded"])
@pytest.mark.parametrize("what", ["random", "mutated"])
def test_packets_from_a_pod(dp, pair, what, guard):
    one, two = pair
    one.change(guard=guard)
    before, device = dp.stats(one), [port.device_counters() for port in pair]
    tx_before = dp.stats(two)["tx_packets"]
    dp.pour(one, frames(what, one, two))
    dp.assert_balanced()
    after = dp.stats(one)
    assert after["rx_packets"] - before["rx_packets"] == settings.FUZZ_PACKETS
    assert after["device_rx_dropped"] == before["device_rx_dropped"]
    assert one.device_counters()[0] - device[0][0] == settings.FUZZ_PACKETS
    assert dp.stats(two)["tx_packets"] - tx_before == two.device_counters()[1] - device[1][1]
    one.change(guard=0)
    assert two.raw.drain() or guard
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])


@pytest.fixture
def file_port(dp, scratch):
    """file_port(frames): a pcap port that reads them; gone with its counters afterwards."""
    port = SimpleNamespace(id=30)

    def open_file(frames):
        path = scratch / "in.pcap"
        with PcapWriter(str(path), linktype=1) as writer:
            for frame in frames:
                writer.write(frame)
        args = f"net_pcap0,rx_pcap={path},tx_pcap={scratch / 'out.pcap'}"
        settings_ = {"kind": wire.PORT_PCAP, "mtu": 1500, "n_queues": 1, "name": b"file"}
        dp.sock.set(wire.Port.make(id=port.id, args=args.encode(), generation=1, **settings_))
        return port

    yield open_file
    dp.forget(port)
    dp.sock.delete(wire.Port.make(id=port.id))


def any_length(frames):
    """From nothing to giants: no kernel would send them."""
    source = random.Random(settings.FUZZ_SEED + 2)
    for frame in frames:
        length = source.choice((0, 1, 6, 12, 13, 14, 15, 60, 1514, 9000))
        yield frame[:length] if length < 60 else frame.ljust(length, b"\xaa")


def test_packets_of_any_length_from_a_file(dp, pair, file_port):
    one, two = pair
    port = file_port(any_length(frames("mutated", one, two)))

    def read():
        stats = dp.stats(port)
        return stats["rx_packets"] + stats["device_rx_dropped"] >= settings.FUZZ_PACKETS

    wait_until(read, "the whole file received", timeout=30)
    dp.assert_balanced()
    assert dp.drops(port)["malformed_ethernet"] > 0
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])


@pytest.mark.parametrize("what", ["random", "mutated"])
@pytest.mark.parametrize(
    "kind, args",
    [(wire.PORT_RING, b"net_ring0"), (wire.PORT_NULL, b"net_null0,no-rx=1")],
    ids=["ring", "null"],
)
def test_packets_through_ports_without_a_kernel(dp, pair, what, kind, args):
    """A ring gives back all that is flooded to it, a null device takes it."""
    one, two = pair
    port = SimpleNamespace(id=31)
    settings_ = {"kind": kind, "mtu": 1500, "n_queues": 1, "name": b"device", "generation": 1}
    dp.sock.set(wire.Port.make(id=port.id, args=args, **settings_))
    try:
        dp.pour(one, frames(what, one, two))
        dp.assert_balanced()
        stats = dp.stats(port)
        assert stats["tx_packets"] > 0
        assert stats["rx_packets"] == (stats["tx_packets"] if kind == wire.PORT_RING else 0)
    finally:
        dp.forget(port)
        dp.sock.delete(wire.Port.make(id=port.id))
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])
