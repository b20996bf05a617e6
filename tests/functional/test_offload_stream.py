# SPDX-License-Identifier: Apache-2.0
"""TCP-like streams between guests at full speed: the receiver checks every byte and checksum."""
import ipaddress
import itertools

import pytest
from lib.vhost_peer import MERGE, OFFLOADS, PACKED, RINGS, RX_OFFLOADS, SPLIT, VhostPeer
from lib.vnet import guest_device

NUMBERS = itertools.count(1)
SECONDS = 0.3
FEATURES = {
    "split": SPLIT + MERGE + OFFLOADS,
    "split rings": SPLIT + MERGE + RINGS + OFFLOADS,
    "split in order": SPLIT + MERGE + ("in_order",) + OFFLOADS,
    "split big": SPLIT + OFFLOADS,
    "packed": PACKED + MERGE + OFFLOADS,
    "packed rings": PACKED + MERGE + RINGS + OFFLOADS,
    "packed in order": PACKED + MERGE + ("in_order",) + OFFLOADS,
    "packed big": PACKED + OFFLOADS,
}


@pytest.fixture(scope="module", params=FEATURES)
def guests(request, dp, scratch):
    """A sender, a receiver with all offloads and one without any."""
    features = FEATURES[request.param]
    bare = tuple(name for name in features if name not in RX_OFFLOADS)
    with VhostPeer() as peer:
        made = [
            guest_device(dp, peer, scratch, next(NUMBERS), wanted, guest=options)
            for wanted, options in (
                (features, {"rx": "count"}),
                (features, {"rx": "count", "regions": 3}),
                (bare, {"rx": "count"}),
            )
        ]
        for device in made:
            device.guest.wait_ready()
            device.port.wait_up()
        yield peer, made
        for device in made:
            dp.forget(device.port)
            device.port.detach()


def stream(guests, source, target, **options):
    peer, _ = guests
    family = "ip6" if options.get("ipv6") else "ip4"
    result = peer.bulk(
        source.guest,
        target.guest,
        seconds=SECONDS,
        source_mac=source.mac.replace(":", ""),
        target_mac=target.mac.replace(":", ""),
        source_ip=packed(getattr(source, family)),
        target_ip=packed(getattr(target, family)),
        **options,
    )
    assert not result["errors"] and not result["foreign_frames"], result
    assert not result["lost_bytes"] and result["payload_bytes"] > 1 << 20, result
    return result


def packed(address):
    return ipaddress.ip_address(address).packed.hex()


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_super_frames_stay_whole(dp, guests, ipv6):
    source, target, _ = guests[1]
    result = stream(guests, source, target, payload=65000, mss=1420, ipv6=ipv6)
    assert result["received_frames"] == result["super_frames"] == result["sent_frames"]
    dp.assert_balanced()


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_super_frames_are_cut_for_who_takes_none(dp, guests, ipv6):
    source, _, target = guests[1]
    result = stream(guests, source, target, payload=14200, mss=1420, ipv6=ipv6)
    assert result["received_frames"] == 10 * result["sent_frames"]
    assert result["super_frames"] == 0
    dp.assert_balanced()


@pytest.mark.parametrize("partial", [False, True], ids=["finished", "partial"])
def test_frames_of_the_mtu(dp, guests, partial):
    source, target, bare = guests[1]
    stream(guests, source, target, payload=1420, partial=partial)
    stream(guests, source, bare, payload=1420, partial=partial)
    dp.assert_balanced()
