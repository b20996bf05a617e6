# SPDX-License-Identifier: Apache-2.0
"""Guests that break the rules: the port of such a guest goes down with the reason, everybody
else's traffic goes on without loss."""
import contextlib
import itertools
import os
import pathlib
import random
import threading

import pytest
from lib import settings, wire
from lib.frames import udp4
from lib.hostile import MESSAGES, random_message
from lib.vhost_peer import (
    MERGE,
    OFFLOADS,
    PACKED,
    RINGS,
    SET_FEATURES,
    SPLIT,
    PeerError,
    VhostPeer,
    message,
)
from lib.vnet import guest_device
from lib.wait import wait_until

NUMBERS = itertools.count(10)
FEATURES = {
    "split": SPLIT + MERGE + RINGS + OFFLOADS,
    "packed": PACKED + MERGE + RINGS + OFFLOADS,
}
FEW = 4  # receive buffers of a villain: the bad one comes soon
RECONNECTS = 200

OUTSIDE = "a descriptor points outside the guest's memory"
TABLE_OUTSIDE = "a table lies outside the guest's memory"
TABLE_LENGTH = "a table is not a number of descriptors long"
# What a corruption is called, of both queues; "": it harms only the guest itself.
CORRUPTIONS = {
    "address": OUTSIDE,
    "address_end": OUTSIDE,
    "address_wrap": OUTSIDE,
    "calls_block": "its call descriptor made a worker wait",
    "direction": "a descriptor has the wrong direction",
    "frame_huge": "",
    "header_cut": ("", "a buffer is shorter than the header"),
    "indirect_address": OUTSIDE,
    "indirect_chained": "indirect",
    "indirect_empty": TABLE_LENGTH,
    "indirect_end": TABLE_OUTSIDE,
    "indirect_huge": "",
    "indirect_length": TABLE_LENGTH,
    "indirect_outside": TABLE_OUTSIDE,
    "length_huge": (OUTSIDE, ""),
    "length_runt": "",
    "length_zero": ("", "a buffer is shorter than the header"),
    "memory_shrunk": OUTSIDE,
    "memory_truncated": "the peer took its memory back",
}
SPLIT_ONLY = {
    "avail_jump": "the available index is further ahead than the ring is long",
    "head": "the available ring names no descriptor",
    "indirect_loop": "a table's links form a loop",
    "indirect_nested": "an indirect descriptor inside a table",
    "indirect_next": "a table's links form a loop",
    "loop": "a chain is longer than the ring",
    "next": "a chain's link names no descriptor",
    "scribble": "a descriptor is indirect and has a next",
}
PACKED_ONLY = {
    "indirect_nested": ("", "a descriptor of a table has the wrong direction"),
    "loop": ("a chain is longer than the ring", ""),
    "scribble": "",
}
CASES = [
    (ring, what, tx)
    for ring, own in (("split", SPLIT_ONLY), ("packed", PACKED_ONLY))
    for what in sorted(CORRUPTIONS | own)
    for tx in (True, False)
]


def reason_of(ring, what, tx):
    reason = (CORRUPTIONS | (SPLIT_ONLY if ring == "split" else PACKED_ONLY))[what]
    return reason if isinstance(reason, str) else reason[0 if tx else 1]


class Neighbours:
    """Two sound guests."""

    def __init__(self, dp, peer, scratch):
        self.peer = peer
        self.one, self.two = (
            guest_device(dp, peer, scratch, number, FEATURES["split"]) for number in (1, 2)
        )
        for device in (self.one, self.two):
            device.guest.wait_ready()
            device.port.wait_up()

    def check(self, n=20):
        """n frames pass, in order and whole."""
        packets = [udp4(self.one, self.two, id=i) for i in range(n)]
        self.two.guest.drain()
        self.one.guest.send_all(packets)
        for packet in packets:
            assert self.two.guest.receive().data == bytes(packet)

    @contextlib.contextmanager
    def busy(self, seconds):
        """A stream runs meanwhile; afterwards nothing of it may be missing or wrong."""
        result = {}
        arguments = {
            "source_mac": self.one.mac.replace(":", ""),
            "target_mac": self.two.mac.replace(":", ""),
            "source_ip": "0a010101",
            "target_ip": "0a010102",
            "window": 64 << 10,
        }
        run = threading.Thread(
            target=lambda: result.update(
                self.peer.bulk(self.one.guest, self.two.guest, seconds, **arguments)
            )
        )
        run.start()
        yield
        run.join()
        assert result["payload_bytes"] > 1 << 20
        assert not result["errors"] and not result["lost_bytes"], result


@pytest.fixture(scope="module")
def neighbours(dp, scratch):
    with VhostPeer() as peer:
        yield Neighbours(dp, peer, scratch)


@pytest.fixture(scope="module")
def villains(dp, scratch, neighbours):
    """villains[ring]: a guest that connects anew when it was thrown out."""
    with VhostPeer() as peer:
        made = {}
        for ring, features in FEATURES.items():
            options = {"connects": True, "rx_buffers": FEW, "rx": "count"}
            made[ring] = guest_device(
                dp, peer, scratch, next(NUMBERS), features, args="role=server", guest=options
            )
        yield made
        dp.daemon.assert_alive()


def fresh(device):
    """The villain starts anew as a sound guest."""
    device.guest.stats()  # what happened so far is read
    device.guest.events.clear()
    device.guest.disconnect()
    device.guest.wait_ready()
    wait_until(
        lambda: device.guest.stats()["ready"] and device.port.info().state == wire.UP,
        "port up again",
    )
    return device


@pytest.mark.parametrize("ring, what, tx", CASES, ids=str)
def test_corrupt_ring(dp, neighbours, villains, ring, what, tx):
    villain = fresh(villains[ring])
    reason = reason_of(ring, what, tx)
    villain.guest.corrupt(what, tx=tx)

    def provoked():
        """Frames to the villain make the switch use its receive queue."""
        neighbours.one.guest.send_all([udp4(neighbours.one, villain)] * (2 * FEW))
        return reason in villain.port.info().reason.decode() if reason else True

    wait_until(provoked, f"port down because {reason}")
    neighbours.check()
    if reason:
        info = villain.port.info()
        assert info.state == wire.DOWN and reason in info.reason.decode()
    dp.daemon.assert_alive()


def test_neighbours_lose_nothing_meanwhile(dp, neighbours, villains):
    with neighbours.busy(seconds=8):
        for ring, what, tx in CASES:
            if tx:
                fresh(villains[ring]).guest.corrupt(what, tx=tx)
    dp.assert_balanced()


@pytest.mark.parametrize("name", MESSAGES)
def test_bad_message(dp, neighbours, villains, name):
    data, fds = MESSAGES[name]
    for villain in villains.values():
        fresh(villain)
        with contextlib.suppress(PeerError):  # the switch may close while the rest is written
            villain.guest.message(data, fds)
        neighbours.one.guest.send_all([udp4(neighbours.one, villain)] * (2 * FEW))
        neighbours.check()
    dp.daemon.assert_alive()


@pytest.mark.parametrize(
    "part",
    [message(SET_FEATURES, bytes(8))[:6], message(SET_FEATURES, bytes(8))[:14], b"\0"],
    ids=["half a header", "half a payload", "a byte"],
)
def test_half_a_message_then_silence(dp, scratch, neighbours, villains, part):
    """Others go on, and come and go, while the villain keeps the switch waiting."""
    villain = fresh(villains["split"])
    villain.guest.message(part)
    neighbours.check()
    with VhostPeer() as peer:
        late = guest_device(dp, peer, scratch, next(NUMBERS), FEATURES["split"])
        late.guest.wait_ready()
        late.port.wait_up()
        neighbours.one.guest.send(udp4(neighbours.one, late))
        late.guest.receive()
        dp.forget(late.port)
        late.port.detach()


@pytest.mark.parametrize("ring", FEATURES)
def test_stuck_guest_costs_others_nothing(dp, scratch, neighbours, ring):
    """It takes no frame; what is sent to it is dropped, not waited for."""
    with VhostPeer() as peer:
        stuck = guest_device(
            dp, peer, scratch, next(NUMBERS), FEATURES[ring], guest={"rx": "hold", "rx_buffers": 8}
        )
        stuck.guest.wait_ready()
        stuck.port.wait_up()
        before = dp.stats(stuck.port)["tx_packets"]
        for _ in range(20):
            neighbours.one.guest.send_all([udp4(neighbours.one, stuck)] * 64)
            neighbours.check()
        assert dp.stats(stuck.port)["tx_packets"] - before == 8
        (queue,) = dp.sock.queue_stats(stuck.port.id)
        assert queue["tx_packets"] == 8 and queue["rx_packets"] == 0 and queue["tx_full"] > 0
        assert stuck.port.info().state == wire.UP
        dp.forget(stuck.port)
        stuck.port.detach()
    dp.assert_balanced()


def footprint(pid):
    """(descriptors, private bytes)"""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    private = [line.split() for line in rollup.splitlines() if line.startswith("Private_")]
    return len(os.listdir(f"/proc/{pid}/fd")), sum(int(words[1]) << 10 for words in private)


def test_reconnects_leak_nothing(dp, neighbours, villains):
    villain = fresh(villains["split"])
    for _ in range(20):
        fresh(villain)
    fds, private = footprint(dp.daemon.pid)
    for _ in range(RECONNECTS):
        fresh(villain)
    neighbours.check()
    now_fds, now_private = footprint(dp.daemon.pid)
    assert now_fds <= fds
    assert settings.SANITIZED or now_private - private < 1 << 20


@pytest.mark.fuzz
@pytest.mark.parametrize("ring", FEATURES)
def test_random_messages(dp, neighbours, villains, ring):
    source = random.Random(settings.FUZZ_SEED)
    villain = fresh(villains[ring])
    for n in range(settings.FUZZ_PACKETS):
        data, fds = random_message(source)
        with contextlib.suppress(PeerError):
            villain.guest.message(data, fds)
        if villain.guest.events:
            fresh(villain)
        if n % 100 == 0:
            neighbours.check()
    neighbours.check()
    dp.daemon.assert_alive()
