# SPDX-License-Identifier: Apache-2.0
"""memif peers that break the protocol, their rings or their memory: they alone are cut off."""
import itertools
import os
import random

import pytest
from lib import memif_peer, settings, wire
from lib.memif_peer import CONNECT, Slave, add_region, add_ring, init, message
from lib.memif_port import MemifPort
from lib.traffic import ping
from lib.vhost_port import give_addresses
from lib.wait import wait_until
from scapy.layers.l2 import Ether

NUMBERS = itertools.count(10)


@pytest.fixture(scope="module")
def bystanders(dp):
    """Two kernel pods; they must not notice anything."""
    pods = [dp.add_port(1), dp.add_port(2)]
    give_addresses(pods[0], pods[1])
    give_addresses(pods[1], pods[0])
    return pods


@pytest.fixture
def port(dp, scratch, bystanders):
    number = next(NUMBERS)
    path = scratch / f"memif{number}.sock"
    one = MemifPort(dp, number, path, f"02:00:00:00:01:{number:02x}", "master").attach()
    give_addresses(bystanders[0], one)
    yield one
    dp.daemon.assert_alive()
    assert ping(bystanders[0].namespace, bystanders[1].ip4)[0] == 0
    one.detach()


@pytest.fixture
def slave(port):
    """slave(): another connection to the port."""
    made = []

    def make(**options):
        made.append(Slave(port.path, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def descriptors(dp):
    return len(os.listdir(f"/proc/{dp.daemon.pid}/fd"))


def kernel_traffic(bystanders, port):
    """Frames towards the port's endpoint, whether or not anybody answers."""
    bystanders[0].namespace.run("ping", "-c", 5, "-i", "0.02", "-W", 1, port.ip4, check=False)


def test_well_behaved(dp, port, slave, bystanders):
    """The tests' own peer gets frames across: what follows fails for its own reasons."""
    one = slave().connect()
    port.wait_up()
    one.offer()
    before = bystanders[0].raw
    before.drain()
    one.transmit(bytes(Ether(src=port.mac, dst=bystanders[0].mac, type=0x88B5) / b"hello"))
    got = before.receive(lambda packet: packet.type == 0x88B5)
    assert bytes(got)[14:19] == b"hello"
    kernel_traffic(bystanders, port)
    wait_until(lambda: one.get("<H", one.ring_bytes + memif_peer.TAIL) >= 5, "frames to the peer")
    assert port.info().peer_features.decode().endswith("peer=hostile/evil0")


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"x", "128 bytes"),
        (bytes(256), "128 bytes"),
        (bytes(128), "unexpected"),
        (message(CONNECT), "unexpected"),
        (message(99), "unexpected"),
        (init(number=4), "no interface has this id"),
        (init(mode=1), "ethernet"),
        (init(version=0x0300), "version"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_first_message(dp, port, slave, data, reason):
    before = descriptors(dp)
    one = slave()
    one.send(data)
    assert reason in one.refusal()
    wait_until(lambda: descriptors(dp) == before, "descriptors closed")


def test_many_descriptors(dp, port, slave):
    """SCM_RIGHTS with more descriptors than any message has; none stays open."""
    before = descriptors(dp)
    with open("/dev/null", "rb") as null:
        for n in (1, 2, 8, 9, 200):
            one = slave()
            one.send(init(), *[null.fileno()] * n)
            assert "descriptor" in one.refusal()
    wait_until(lambda: descriptors(dp) == before, "descriptors closed")


def test_wrong_regions_and_rings(dp, port, slave):
    before = descriptors(dp)
    for data, fd, reason in (
        (add_region(1 << 62), None, "region size"),
        (add_region(1 << 20), None, "larger than its file"),
        (add_region(4096, index=3), None, "region index"),
        (add_region(4096), "/etc/hostname", "not in memory"),
        (add_ring(0, 1, region=1), "eventfd", "unknown region"),
        (add_ring(1 << 31, 1), "eventfd", "outside"),
        (add_ring(0, 1, index=1), "eventfd", "more rings"),
        (add_ring(0, 1, log2_size=15), "eventfd", "ring size"),
        (add_ring(0, 1), "/etc/hostname", "eventfd"),
    ):
        one = slave()
        one.request(init())
        size = one.make_memory()
        if data[0] == memif_peer.ADD_RING:
            one.request(add_region(size), one.memory)
        if fd is None:
            os.ftruncate(one.memory, 4096)
        other = {None: lambda: os.dup(one.memory), "eventfd": lambda: os.eventfd(0)}.get(
            fd, lambda name=fd: os.open(name, os.O_RDONLY)
        )()
        one.send(data, other)
        os.close(other)
        assert reason in one.refusal()
        one.close()
    wait_until(lambda: descriptors(dp) == before, "descriptors closed")
    slave().connect()
    port.wait_up()


def broken(port, slave, change, reason):
    """Connects, breaks a rule, is cut off with the reason; another peer may come at once."""
    one = slave().connect()
    port.wait_up()
    change(one)
    assert reason in one.refusal()
    assert reason in port.wait_down()
    one.close()
    slave().connect()
    port.wait_up()


def test_head_beyond_the_ring(port, slave):
    broken(port, slave, lambda one: one.publish(0, 300), "more frames announced")


def test_descriptor_outside(port, slave):
    def change(one):
        one.set_descriptor(0, 0, 64, offset=0xFFFFFFF0)
        one.publish(0, 1)

    broken(port, slave, change, "outside of its memory")


def test_unknown_region(port, slave):
    def change(one):
        one.set_descriptor(0, 0, 64, region=77)
        one.publish(0, 1)

    broken(port, slave, change, "outside of its memory")


def test_wrong_offer(port, slave, bystanders):
    def change(one):
        one.set_descriptor(1, 0, 2048, offset=0xFFFFFFF0)
        one.publish(1, 1)
        kernel_traffic(bystanders, port)

    broken(port, slave, change, "outside of its memory")


def test_endless_chain(dp, port, slave):
    """No frame, no breach of the ring's rules: dropped by the port, and counted."""
    one = slave().connect()
    port.wait_up()
    for slot in range(one.size):
        one.set_descriptor(0, slot, 2048, flags=memif_peer.NEXT)
    one.publish(0, one.size)
    wait_until(lambda: one.get("<H", memif_peer.TAIL) == one.size, "ring read")
    assert dp.stats(port)["device_rx_dropped"] == 1
    one.transmit(bytes(60))
    wait_until(lambda: dp.stats(port)["rx_packets"] == 1, "the next frame")


def test_memory_truncated(dp, port, slave, bystanders):
    """Touching it would end an unprepared process with SIGBUS; both directions."""
    for shrink in (0, 4096):
        one = slave().connect()
        port.wait_up()
        one.offer()
        one.map.close()
        os.ftruncate(one.memory, shrink)
        os.eventfd_write(one.eventfds[0], 1)
        kernel_traffic(bystanders, port)
        reason = port.wait_down()
        assert "memory" in reason or "announced" in reason
        one.close()
    slave().connect()
    port.wait_up()


def test_random_memory(dp, port, slave, bystanders):
    """Rings full of random bytes, again and again."""
    dice = random.Random(settings.FUZZ_SEED)
    for _ in range(30):
        one = slave().connect()
        port.wait_up()
        for ring in range(2):
            at = ring * one.ring_bytes + memif_peer.DESCRIPTORS
            one.map[at : at + 16 * one.size] = dice.randbytes(16 * one.size)
            one.publish(ring, dice.choice([1, 5, 100, 256]))
        bystanders[0].namespace.run("ping", "-c", 1, "-W", "0.05", port.ip4, check=False)
        one.close()
        port.wait_down()
    dp.daemon.assert_alive()


def test_second_connection(port, slave):
    slave().connect()
    port.wait_up()
    second = slave()
    second.send(init())
    assert second.refusal() == "already connected"
    assert port.info().state == wire.UP


def test_crowd_that_says_nothing(dp, port, slave):
    """Connections without INIT: limited in number, cut off after a while, in nobody's way."""
    before = descriptors(dp)
    crowd = []
    for _ in range(64):
        crowd.append(slave())
    late = memif_peer.socket.socket(memif_peer.socket.AF_UNIX, memif_peer.socket.SOCK_SEQPACKET)
    late.settimeout(10)
    late.connect(str(port.path))
    assert late.recv(128) == b""
    late.close()
    for one in crowd:
        assert one.refusal() == "peer is too slow to connect"
    wait_until(lambda: descriptors(dp) == before, "descriptors closed")
    slave().connect()
    port.wait_up()
