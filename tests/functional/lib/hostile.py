# SPDX-License-Identifier: Apache-2.0
"""vhost-user messages that break the protocol, and random ones."""
import struct

from lib import vhost_peer as vu

QUEUE_TX = 1
TEXT_MAX = 600


def state(request, index, value, **fields):
    return vu.message(request, struct.pack("=II", index, value), **fields)


def address(index, desc, used, avail, flags=0):
    return vu.message(vu.SET_VRING_ADDR, struct.pack("=IIQQQQ", index, flags, desc, used, avail, 0))


def table(*regions, n=None):
    body = struct.pack("=II", len(regions) if n is None else n, 0)
    return vu.message(vu.SET_MEM_TABLE, body + b"".join(struct.pack("=QQQQ", *r) for r in regions))


def number(request, value, **fields):
    return vu.message(request, struct.pack("=Q", value), **fields)


BASE = 0x100000000
PAGE = 4096
HUGE = 1 << 62

# name: (bytes, descriptors)
MESSAGES = {
    "garbage": (bytes(range(256)), ()),
    "unknown request": (vu.message(4711), ()),
    "request 0": (vu.message(0), ()),
    "version 2": (vu.message(vu.GET_FEATURES, flags=2), ()),
    "oversized": (vu.message(vu.SET_FEATURES, bytes(8), size=1 << 30), ()),
    "larger than a message": (vu.message(vu.SET_FEATURES, bytes(4096)), ()),
    "payload too short": (vu.message(vu.SET_MEM_TABLE, bytes(3)), ()),
    "payload missing": (vu.message(vu.SET_FEATURES), ()),
    "features never offered": (number(vu.SET_FEATURES, (1 << 64) - 1), ()),
    "features of another kind": (number(vu.SET_FEATURES, 1 << 34), ()),
    "memory without descriptors": (table((BASE, PAGE, HUGE, 0)), ()),
    "memory with too many": (table((BASE, PAGE, HUGE, 0)), ("memory",) * 9),
    "memory with fewer": (table(*[(BASE + n * PAGE, PAGE, n * PAGE, 0) for n in range(8)]), ("memory",)),
    "nine regions": (table(n=9), ("memory",)),
    "a million regions": (table(n=1 << 20), ()),
    "no region": (table(), ()),
    "region of no size": (table((BASE, 0, HUGE, 0)), ("memory",)),
    "region beyond all addresses": (table((BASE, (1 << 64) - PAGE, HUGE, 0)), ("memory",)),
    "region whose end overflows": (table((BASE, PAGE, HUGE, (1 << 64) - PAGE)), ("memory",)),
    "regions that overlap": (table((BASE, PAGE, HUGE, 0), (BASE, PAGE, HUGE, 0)), ("memory",) * 2),
    "memory of an empty file": (table((BASE, 1 << 24, HUGE, 0)), ("empty",)),
    "memory of a short file": (table((BASE, 1 << 24, HUGE, 0)), ("short",)),
    "memory of a directory": (table((BASE, PAGE, HUGE, 0)), ("directory",)),
    "memory of a socket": (table((BASE, PAGE, HUGE, 0)), ("socket",)),
    "ring of no entries": (state(vu.SET_VRING_NUM, QUEUE_TX, 0), ()),
    "ring of 3 entries": (state(vu.SET_VRING_NUM, QUEUE_TX, 3), ()),
    "ring of 65536 entries": (state(vu.SET_VRING_NUM, QUEUE_TX, 65536), ()),
    "ring of 4 G entries": (state(vu.SET_VRING_NUM, QUEUE_TX, (1 << 32) - 1), ()),
    "ring larger than its memory": (state(vu.SET_VRING_NUM, QUEUE_TX, 32768), ()),
    "queue 255": (state(vu.SET_VRING_NUM, 255, 256), ()),
    "queue 4 G": (state(vu.SET_VRING_NUM, (1 << 32) - 1, 256), ()),
    "enable queue 255": (state(vu.SET_VRING_ENABLE, 255, 1), ()),
    "enable queue 1000000": (state(vu.SET_VRING_ENABLE, 1000000, 1), ()),
    "base far ahead": (state(vu.SET_VRING_BASE, QUEUE_TX, 0x7FFF), ()),
    "base beyond": (state(vu.SET_VRING_BASE, QUEUE_TX, (1 << 32) - 1), ()),
    "ring outside memory": (address(QUEUE_TX, HUGE, HUGE + PAGE, HUGE + 2 * PAGE), ()),
    "ring at zero": (address(QUEUE_TX, 0, 0, 0), ()),
    "ring at the end of all addresses": (address(QUEUE_TX, *[(1 << 64) - 16] * 3), ()),
    "ring of queue 200": (address(200, HUGE, HUGE, HUGE), ()),
    "kick of a directory": (number(vu.SET_VRING_KICK, QUEUE_TX), ("directory",)),
    "kick of /dev/zero": (number(vu.SET_VRING_KICK, QUEUE_TX), ("zero",)),
    "kick of a socket": (number(vu.SET_VRING_KICK, QUEUE_TX), ("socket",)),
    "kick without descriptor": (number(vu.SET_VRING_KICK, QUEUE_TX), ()),
    "kick with nine descriptors": (number(vu.SET_VRING_KICK, QUEUE_TX), ("event",) * 9),
    "kick of queue 255": (number(vu.SET_VRING_KICK, 255), ("event",)),
    "call of a directory": (number(vu.SET_VRING_CALL, QUEUE_TX), ("directory",)),
    "call of a socket": (number(vu.SET_VRING_CALL, 0), ("socket",)),
    "call of a full blocking counter": (number(vu.SET_VRING_CALL, 0), ("full",)),
    "protocol features all": (number(vu.SET_PROTOCOL_FEATURES, (1 << 64) - 1), ()),
    "descriptors where none belong": (vu.message(vu.GET_FEATURES), ("memory", "event")),
    "owner reset": (vu.message(vu.RESET_OWNER), ()),
    "owner reset and features": (vu.message(vu.RESET_OWNER) + number(vu.SET_FEATURES, 1 << 32), ()),
    "dirty log": (vu.message(6, struct.pack("=QQ", HUGE, 0)), ("memory",)),
    "dirty log of everything": (vu.message(6, struct.pack("=QQ", 1 << 63, 0)), ("memory",)),
    "rarp": (number(19, 0x0200000000), ()),
    "mtu 0": (number(vu.NET_SET_MTU, 0), ()),
    "mtu of all bits": (number(vu.NET_SET_MTU, (1 << 64) - 1), ()),
    "back-end channel": (vu.message(21), ("socket",)),
    "translation": (vu.message(22, struct.pack("=QQQBB6x", 0, PAGE, HUGE, 3, 2)), ()),
    "inflight": (vu.message(32, struct.pack("=QQHH4x", PAGE, 0, 8, 65535)), ("short",)),
    "postcopy": (vu.message(28), ()),
    "status reset": (number(39, 0), ()),
    "status of all bits": (number(39, 0xFF), ()),
}

FDS = ("memory", "event", "short", "empty", "directory", "socket", "zero", "full")
INTERESTING = (0, 1, 2, 3, 255, 256, 4095, PAGE, 32768, 65535, 65536, BASE, HUGE, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


def random_value(source):
    if source.random() < 0.7:
        return source.choice(INTERESTING)
    return source.getrandbits(source.choice((8, 16, 32, 64)))


def random_message(source):
    """(bytes, descriptors): mostly of the right shape, so that it comes far."""
    request = source.choice((*range(1, 24), *range(1, 24), 26, 31, 32, 39, 40, source.getrandbits(32)))
    words = source.choice((0, 1, 1, 1, 2, 5, 9))
    payload = b"".join(struct.pack("=Q", random_value(source)) for _ in range(words))
    if source.random() < 0.5:  # an index that exists
        payload = struct.pack("=I", source.randrange(4)) + payload[4:]
    flags = source.choice((1, 1, 1, 9, 9, source.getrandbits(32)))
    size = None if source.random() < 0.9 else source.getrandbits(source.choice((3, 10, 32)))
    fds = [source.choice(FDS) for _ in range(source.choice((0, 0, 1, 1, 2, 9)))]
    data = vu.message(request, payload, flags, size)
    return (data if size is None or size <= len(payload) else data + bytes(64))[:TEXT_MAX], fds
