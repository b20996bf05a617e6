# SPDX-License-Identifier: Apache-2.0
"""A vhost-user peer that truncates its memory while the switch has it mapped."""
import pytest
from lib import vhost_peer
from lib.vhost_peer import VhostPeer
from lib.vhost_port import VhostPort
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

LOST = "the peer took its memory back"


@pytest.fixture
def peer():
    with VhostPeer() as tool:
        yield tool


def attach(dp, peer, scratch, number):
    path = scratch / f"memory{number}.sock"
    port = VhostPort(dp, number, path, f"02:00:00:00:02:{number:02x}")
    guest = peer.add(path, features=vhost_peer.SPLIT)
    port.attach()
    guest.wait_ready()
    return port.wait_up(), guest


def frame(source, target):
    return (
        Ether(src=source.mac, dst=target.mac)
        / IP(src=source.ip4, dst=target.ip4)
        / UDP(sport=7, dport=7)
        / b"memory"
    )


def test_truncated_memory_takes_its_own_port_down_only(dp, peer, scratch):
    (bad, bad_guest), (red, red_guest), (blue, blue_guest) = (
        attach(dp, peer, scratch, number) for number in (101, 102, 103)
    )
    bad_guest.corrupt("memory_truncated")
    red_guest.send(frame(red, bad))  # the switch writes there
    assert bad.wait_down() == LOST
    red_guest.send(frame(red, blue))
    assert blue_guest.receive().packet[UDP].load == b"memory"

    dp.daemon.assert_alive()
    for port in (bad, red, blue):
        port.detach()


def test_port_works_again_for_the_next_peer(dp, peer, scratch):
    (bad, bad_guest), (red, red_guest) = (attach(dp, peer, scratch, n) for n in (104, 105))
    bad_guest.corrupt("memory_truncated")
    red_guest.send(frame(red, bad))
    bad.wait_down()
    bad_guest.close()
    again = peer.add(bad.path, number=9, features=vhost_peer.SPLIT)
    again.wait_ready()
    bad.wait_up()
    red_guest.send(frame(red, bad))
    assert again.receive().packet[UDP].load == b"memory"
    for port in (bad, red):
        port.detach()
