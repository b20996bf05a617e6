# SPDX-License-Identifier: Apache-2.0
"""Long frames are forwarded out of their sender's memory: a sender that goes, or takes its memory
back, in the middle of a stream harms nobody, and what outlives a worker's round is a copy."""
import contextlib
import itertools
import os
import pathlib
import threading
import time

import pytest
from lib.dataplane import DataPlane
from lib.vhost_peer import MERGE, OFFLOADS, PACKED, SPLIT, VhostPeer
from lib.vnet import guest_device
from lib.wait import wait_until

NUMBERS = itertools.count(60)
FEATURES = {"split": SPLIT + MERGE + OFFLOADS, "packed": PACKED + MERGE + OFFLOADS}
SECONDS = 0.3
ROUNDS = 4


def make_guests(dp, peer, scratch, features):
    made = [
        guest_device(dp, peer, scratch, next(NUMBERS), features, guest={"rx": "count"})
        for _ in range(2)
    ]
    for device in made:
        device.guest.wait_ready()
        device.port.wait_up()
    return made


@contextlib.contextmanager
def two_guests(dp, peer, scratch, features):
    made = make_guests(dp, peer, scratch, features)
    yield made
    for device in made:
        dp.forget(device.port)
        device.port.detach()


def stream(peer, source, target, seconds=SECONDS):
    return peer.bulk(
        source.guest,
        target.guest,
        seconds=seconds,
        source_mac=source.mac.replace(":", ""),
        target_mac=target.mac.replace(":", ""),
        source_ip=bytes(map(int, source.ip4.split("."))).hex(),
        target_ip=bytes(map(int, target.ip4.split("."))).hex(),
        payload=45 * 1448,
        mss=1448,
        stall_ms=500,
    )


def assert_whole(result):
    assert not result["errors"] and not result["lost_bytes"], result
    assert result["received_frames"] == result["super_frames"] > 10, result


def truncate_memory(pid):
    """Of each guest of the tool, as a machine monitor that shrinks its memory file."""
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if "memfd:guest" in os.readlink(fd):
            with open(fd, "r+b") as memory:
                memory.truncate(0)


def goes(peer, how):
    if how == "truncated":
        with contextlib.suppress(OSError):  # the tool meets its own end meanwhile
            truncate_memory(peer.process.pid)
    peer.process.kill()


@pytest.mark.parametrize("how", ["killed", "truncated"])
@pytest.mark.parametrize("ring", FEATURES)
def test_sender_goes_in_the_middle(dp, scratch, ring, how):
    with VhostPeer() as sound, two_guests(dp, sound, scratch, FEATURES[ring]) as (one, two):
        for _ in range(ROUNDS):
            peer = VhostPeer()
            with two_guests(dp, peer, scratch, FEATURES[ring]) as (source, target):
                before = dp.stats(target.port)["tx_packets"]
                run = threading.Thread(target=lambda: gone(peer, source, target))
                run.start()
                wait_until(
                    lambda: dp.stats(target.port)["tx_packets"] > before + 200, "a stream"
                )
                goes(peer, how)
                run.join()
                peer.process.wait()
                wait_until(lambda: not is_up(source), "port down")
            assert_whole(stream(sound, one, two))
            dp.daemon.assert_alive()
        dp.assert_balanced()


def gone(peer, source, target, seconds=5):
    with contextlib.suppress(AssertionError, OSError, TimeoutError):
        stream(peer, source, target, seconds)


def is_up(device):
    return device.port.info().reason == b""


@contextlib.contextmanager
def own_dataplane(scratch, *options):
    dp = DataPlane(scratch, True, *options)
    try:
        dp.add_network()
        yield dp
    finally:
        dp.close()


def test_ports_go_in_the_middle(scratch):
    """The switch lets go of ports while their frames are on the way."""
    with own_dataplane(scratch / "ports") as dp, VhostPeer() as peer:
        for which in (0, 1) * ROUNDS:
            guests = make_guests(dp, peer, scratch, FEATURES["split"])
            run = threading.Thread(target=gone, args=(peer, *guests, SECONDS))
            run.start()
            time.sleep(SECONDS / 3)
            guests[which].port.detach()
            guests[1 - which].port.detach()
            run.join()
        dp.daemon.assert_alive()


def test_handed_to_another_worker(scratch):
    """Two workers, one queue a port: one of the two directions crosses them."""
    with (
        own_dataplane(scratch / "workers", "--cores", "0,1") as dp,
        VhostPeer() as peer,
        two_guests(dp, peer, scratch, FEATURES["split"]) as (one, two),
    ):
        assert_whole(stream(peer, one, two))
        assert_whole(stream(peer, two, one))
