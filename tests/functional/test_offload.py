# SPDX-License-Identifier: Apache-2.0
"""Checksums and super-frames between every pair of port kinds: whole where the receiver negotiated
them, else cut and finished. Every byte that arrives is compared."""
import itertools
import random
import types

import pytest
from lib import wire
from lib.memif_end import memif_device
from lib.offload import Flow
from lib.vhost_peer import MERGE, OFFLOADS, PACKED, RINGS, SPLIT, VhostPeer
from lib.vnet import guest_device, kernel_device
from scapy.layers.inet import TCP, UDP

BLUE, VLAN = 1, 100
KERNEL = {"tap": wire.PORT_TAP, "af_packet": wire.PORT_AF_PACKET}
GUESTS = {
    "split": SPLIT + MERGE + RINGS + OFFLOADS,
    "packed": PACKED + MERGE + RINGS + OFFLOADS,
    "big": SPLIT + OFFLOADS,  # buffers of 68 KiB instead of merged ones
    "csum": SPLIT + MERGE + ("csum", "guest_csum"),
    "bare": SPLIT,  # nothing negotiated
}
KINDS = (*KERNEL, *GUESTS, "memif")
# Frames moved by librte_vhost's own functions, as behind a vIOMMU, where super-frames only come in;
# and those that they are paired with.
COMING_IN = tuple(name for name in OFFLOADS if not name.startswith("guest_tso"))
LIBRTE = {"librte": SPLIT + MERGE + RINGS + COMING_IN, "librte bare": SPLIT}
BESIDE_LIBRTE = ("tap", "split", "bare", *LIBRTE)
GUESTS |= LIBRTE
ALL_KINDS = (*KINDS, *LIBRTE)
# Ports of each kind: two in the network "default", then those of the network "blue".
PORTS = {
    "one": {},
    "two": {},
    "plain": {"network": BLUE},
    "access": {"network": BLUE, "vlan": VLAN},
    "trunk": {"network": 0, "trunk": [(VLAN, BLUE)]},
}
WAYS = {  # source, target, their tags
    "untagged": ("one", "two", (None, None)),
    "tag stays": ("access", "trunk", (VLAN, VLAN)),
    "tag comes": ("plain", "trunk", (None, VLAN)),
    "tag goes": ("trunk", "plain", (VLAN, None)),
    "trunk to access": ("trunk", "access", (VLAN, VLAN)),
    "routed": ("one", "two", (None, None)),
}
BYTES = random.Random(7).randbytes(65536)


@pytest.fixture(scope="module")
def devices(dp, scratch):
    """devices[kind].one, .two, .plain, .access, .trunk"""
    dp.add_network(BLUE, "blue", ("10.2.0.1/16", "fd00:2::1/64"))
    numbers = itertools.count(1)
    with VhostPeer() as peer:
        made = {}
        for kind in ALL_KINDS:
            made[kind] = types.SimpleNamespace()
            for name, settings in PORTS.items():
                device = make(dp, peer, scratch, next(numbers), kind, settings)
                setattr(made[kind], name, device)
                if name == "trunk":
                    adopt(dp, device.port)
        for port in peer.ports.values():
            port.wait_ready()
            dp.wait_port_up(port.number)
        yield made
        dp.assert_balanced()


def make(dp, peer, scratch, number, kind, settings):
    if kind in KERNEL:
        return kernel_device(dp, number, KERNEL[kind], **settings)
    if kind == "memif":
        return memif_device(dp, scratch, number, **settings)
    args = "rings=librte" if kind in LIBRTE else ""
    return guest_device(dp, peer, scratch, number, GUESTS[kind], args, **settings)


def adopt(dp, port):
    """The trunk's endpoint is in the tag's network."""
    endpoint = port.endpoint()
    endpoint.network = BLUE
    dp.sock.delete(wire.Endpoint.make(port=port.id))
    dp.sock.set(endpoint)


def flow(devices, source, target, family, proto, way):
    first, second, tags = WAYS[way]
    return Flow(
        getattr(devices[source], first),
        getattr(devices[target], second),
        family,
        proto,
        routed=way == "routed",
        tags=tags,
    )


def paired(sources):
    """Each with every kind; those of librte_vhost with some."""
    found = [
        (source, target)
        for source, target in itertools.product(sources, ALL_KINDS)
        if not {source, target} & set(LIBRTE) or {source, target} <= set(BESIDE_LIBRTE)
    ]
    return pytest.mark.parametrize("source, target", found, ids=str)


families = pytest.mark.parametrize("family", [4, 6])
protocols = pytest.mark.parametrize("proto", [TCP, UDP], ids=["tcp", "udp"])
ways = pytest.mark.parametrize("way", WAYS)


def lengths(way, usual, more):
    """Every length where nothing else happens to the frame, one length elsewhere."""
    return (usual, *more) if way in ("untagged", "routed") else (usual,)


def sends_partial(kind):
    return kind in KERNEL or "csum" in GUESTS.get(kind, ())


@paired(ALL_KINDS)
@families
@protocols
def test_checksums(devices, source, target, family, proto):
    for way in WAYS:
        one = flow(devices, source, target, family, proto, way)
        for length in lengths(way, 777, (1, 2, 1420)):
            one.check("finished", BYTES[:length])
            if sends_partial(source):
                one.check("partial", BYTES[:length])


def sends_super(kind):
    return kind in KERNEL or "host_tso4" in GUESTS.get(kind, ())


@paired([kind for kind in ALL_KINDS if sends_super(kind)])
@families
def test_tcp_super_frames(devices, source, target, family):
    for way in WAYS:
        one = flow(devices, source, target, family, TCP, way)
        for length, size in lengths(way, (10001, 1400), ((1421, 1420), (1072, 536), (65000, 1420))):
            one.check("super", BYTES[:length], size)


@paired(KERNEL)
@families
def test_udp_super_frames(devices, source, target, family):
    if "uso" not in devices[source].one.end.takes:
        pytest.skip("this kernel has no UDP super-frames")
    for way in WAYS:
        one = flow(devices, source, target, family, UDP, way)
        for length, size in lengths(way, (5001, 1400), ((1421, 1420), (60000, 1000))):
            one.check("super", BYTES[:length], size)


@paired(ALL_KINDS)
@families
def test_udp_checksum_that_is_zero(devices, source, target, family):
    """It is written as 0xffff: zero says that there is none (RFC 768; RFC 8200, 8.1)."""
    one = flow(devices, source, target, family, UDP, "untagged")
    data = one.frame(bytes(2))
    at = one.starts(data)[1] + 6
    finished = int.from_bytes(data[at : at + 2], "big")
    payload = finished.to_bytes(2, "big")  # makes the sum 0xffff, its complement 0
    assert one.frame(payload)[at : at + 2] == b"\xff\xff"
    one.check("finished", payload)
    if sends_partial(source):
        one.check("partial", payload)
