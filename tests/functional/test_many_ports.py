# SPDX-License-Identifier: Apache-2.0
"""Hundreds of vhost-user ports of which few are active. CAUSEWAY_PORTS=1000 is the full size."""
import os

import pytest
from lib.frames import udp4
from lib.vhost_peer import MERGE, RINGS, SPLIT, VhostPeer
from lib.vhost_port import VhostPort
from lib.wait import wait_until

PORTS = int(os.environ.get("CAUSEWAY_PORTS", "200"))
FIRST = 1000
BATCH = 100


def port_of(dp, scratch, number):
    port = VhostPort(
        dp, number, scratch / f"m{number}.sock", f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}"
    )
    port.ip4 = f"10.1.{number >> 8}.{number & 255}"
    port.ip6 = f"fd00:1::2:{number:x}"
    return port


@pytest.fixture(scope="module")
def crowd(dp, scratch):
    """(front ends, ports), all connected."""
    with VhostPeer() as peer:
        guests = peer.add_many(scratch / "m%u.sock", PORTS, FIRST, SPLIT + MERGE + RINGS)
        ports = [port_of(dp, scratch, guest.number) for guest in guests]
        for port in ports:
            port.attach()
        wait_until(lambda: peer.ready() == PORTS, "all connected", timeout=60)
        wait_until(
            lambda: all(dp.port_infos()[port.id].state == 1 for port in ports), "all up", timeout=60
        )
        yield guests, ports
        dp.daemon.assert_alive()


def test_everyone_reaches_the_next(dp, crowd):
    guests, ports = crowd
    for at, (guest, port) in enumerate(zip(guests, ports)):
        target = (at + 1) % len(ports)
        packet = udp4(port, ports[target])
        guest.send(packet)
        assert guests[target].receive().data == bytes(packet)
    dp.assert_balanced()


def test_ports_go_and_come_among_the_others(dp, crowd):
    guests, ports = crowd
    leaving = min(BATCH, PORTS // 2)
    for guest in guests[:leaving]:
        guest.disconnect()
    others = guests[-1], guests[-2]
    packet = udp4(ports[-1], ports[-2])
    others[0].send(packet)
    assert others[1].receive().data == bytes(packet)
    wait_until(
        lambda: all(port.connects == 2 and port.state == 1 for port in states(dp, ports[:leaving])),
        "all back",
        timeout=30,
    )
    guests[0].send(udp4(ports[0], ports[1]))
    assert guests[1].receive().data == bytes(udp4(ports[0], ports[1]))


def states(dp, ports):
    infos = dp.port_infos()
    return [infos[port.id] for port in ports]
