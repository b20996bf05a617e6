# SPDX-License-Identifier: Apache-2.0
"""dp.sock: malformed frames close their connection and change nothing; replay is atomic."""
import ctypes
import fcntl
import os
import re
import socket
import struct

import pytest
from lib import wire
from lib.frames import same, udp4
from lib.wire import Frame, Item

TUNGETIFF = 0x800454D2


@pytest.fixture(scope="module")
def ports(dp):
    return [dp.add_port(number) for number in (1, 2)]


def counts(dp):
    node = next(i for i in dp.sock.request(wire.GET_NODE)[0] if isinstance(i, wire.Node))
    return {
        name: getattr(node, name)
        for name in (
            "networks ports endpoints fdb_entries neighbors nexthops routes4 routes6"
        ).split()
    }


def frame(frame_type, body=b"", **header):
    values = {"length": 16 + len(body), "type": frame_type, "seq": 1, "n_items": bool(body)}
    return bytes(Frame(**(values | header))) + body


def item(item_type, length, body=b""):
    return bytes(Item(item_type, length)) + body


HELLO = wire.Hello.make(magic=wire.MAGIC, version=wire.VERSION, build=b"tests")
ROUTE = wire.Route.make(nexthop=1, prefix=wire.Ip.of("192.0.2.0/24")).encode()

BAD_FRAMES = {
    "length zero": frame(wire.SET, length=0),
    "length below the header": frame(wire.SET, length=8),
    "length not a multiple of 8": frame(wire.SET, bytes(4), length=20),
    "oversize": frame(wire.SET, length=wire.FRAME_MAX + 8),
    "length of 4 GiB": frame(wire.SET, length=0xFFFFFFF8),
    "unknown type": frame(0x77),
    "a reply": frame(wire.SET | wire.REPLY),
    "an event": frame(wire.EVENT),
    "more items than there are": frame(wire.SET, ROUTE, n_items=2),
    "fewer items than there are": frame(wire.SET, ROUTE * 2, n_items=1),
    "item of length zero": frame(wire.SET, item(wire.Route.item_type, 0)),
    "item length not a multiple of 8": frame(wire.SET, item(wire.Route.item_type, 12) + bytes(8)),
    "item beyond the frame": frame(wire.SET, item(wire.Route.item_type, 48, bytes(8))),
    "item of unknown type": frame(wire.SET, item(999, 16, bytes(8))),
    "item too short for its type": frame(wire.SET, item(wire.Route.item_type, 16, bytes(8))),
    "answer instead of an object": frame(wire.SET, wire.PortStats.make().encode()),
    "counted array beyond the item": frame(
        wire.SET, wire.Endpoint.make(port=1, n_ips=16, mac=wire.mac_bytes("020000000001")).encode()
    ),
    "descriptors that did not come": frame(wire.SET, ROUTE, n_fds=1),
    "too many descriptors": frame(wire.SET, ROUTE, n_fds=65),
    "HELLO again": frame(wire.HELLO, HELLO.encode()),
}


def assert_closed(connection):
    with pytest.raises((ConnectionError, BrokenPipeError)):
        while True:
            connection.take_event(*connection.read_frame())


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frame_closes_its_connection_only(dp, ports, name):
    before, log = counts(dp), len(dp.daemon.log())
    connection = dp.connect()
    connection.send_raw(BAD_FRAMES[name])
    assert_closed(connection)
    connection.close()
    assert counts(dp) == before
    assert re.search(r"connection closed .*reason=\"", dp.daemon.log()[log:])
    one, two = ports
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])


@pytest.mark.parametrize(
    "first",
    [
        frame(wire.GET_NODE),
        frame(wire.HELLO),
        wire.Frame(16, wire.HELLO, 0, 1, 0),
        frame(wire.HELLO, wire.Hello.make(magic=1, version=wire.VERSION).encode()),
        frame(wire.HELLO, wire.Hello.make(magic=wire.MAGIC, version=99).encode()),
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        os.urandom(4096),
    ],
    ids=["no HELLO", "empty", "no item", "magic", "version", "HTTP", "random"],
)
def test_bad_hello(dp, first):
    connection = dp.connect(hello=False)
    connection.send_raw(bytes(first))
    with pytest.raises((ConnectionError, BrokenPipeError, AssertionError)):
        # A refusal may be said before the end.
        while True:
            reply, _, _ = connection.read_frame()
            assert reply.type & wire.REPLY
    connection.close()
    dp.daemon.assert_alive()


def test_truncated_frame_changes_nothing(dp, ports):
    before = counts(dp)
    whole = frame(wire.SET, ROUTE)
    for length in range(0, len(whole), 7):
        connection = dp.connect()
        connection.send_raw(whole[:length])
        connection.close()
    assert counts(dp) == before


def test_frame_in_single_bytes(dp):
    connection = dp.connect()
    for byte in connection.encode(wire.GET_NODE, []):
        connection.send_raw(bytes([byte]))
    while (got := connection.read_frame())[0].type == wire.EVENT:
        connection.take_event(*got)
    assert got[0].type == wire.GET_NODE | wire.REPLY
    connection.close()


def test_descriptors_of_refused_frames_are_closed(dp, ports):
    folder = f"/proc/{dp.daemon.pid}/fd"
    pipe = os.pipe()

    def refuse():
        connection = dp.connect()
        connection.send_raw(frame(0x77, n_fds=2), pipe)
        assert_closed(connection)
        connection.close()

    refuse()
    before = len(os.listdir(folder))
    for _ in range(8):
        refuse()
    for fd in pipe:
        os.close(fd)
    assert len(os.listdir(folder)) <= before


def port_item(number, **values):
    defaults = {
        "id": number,
        "kind": wire.PORT_TAP,
        "n_fds": 1,
        "mtu": 1500,
        "n_queues": 1,
        "name": b"bad",
        "ifname": b"bad0",
        "generation": 1,
    }
    return wire.Port.make(**(defaults | values))


@pytest.mark.parametrize(
    "values",
    [
        {"id": 0},
        {"id": 4096},
        {"network": 4096},
        {"network": 77},
        {"kind": 0},
        {"kind": 200},
        {"mtu": 10},
        {"mtu": 65000},
        {"vlan": 4095},
        {"guard": 0xFFFF},
        {"flags": 0xFFFF},
        {"name": b"x" * 64},
    ],
    ids=str,
)
def test_port_out_of_range_is_refused_with_a_reason(dp, values):
    before = counts(dp)
    reader, writer = os.pipe()
    with pytest.raises(wire.Refused) as refused:
        dp.sock.set(port_item(**({"number": 50} | rename(values))), fds=[reader])
    assert refused.value.reason
    os.close(reader)
    os.close(writer)
    assert counts(dp) == before


def rename(values):
    return {("number" if key == "id" else key): value for key, value in values.items()}


@pytest.mark.parametrize("kind", [wire.PORT_TAP, wire.PORT_AF_PACKET, wire.PORT_AF_XDP])
def test_wrong_descriptor_is_refused(dp, kind):
    reader, writer = os.pipe()
    with pytest.raises(wire.Refused) as refused:
        dp.sock.set(port_item(50, kind=kind), fds=[reader])
    assert refused.value.reason
    os.close(reader)
    os.close(writer)
    assert 50 not in dp.port_infos()


def test_port_without_descriptor_is_refused(dp):
    with pytest.raises(wire.Refused):
        dp.sock.set(port_item(50, n_fds=0))


def test_bulk_routes_have_a_status_each(dp):
    """Thousands in one frame; a bad one among them is named by its index."""
    before = counts(dp)
    dp.sock.set(wire.Nexthop.make(id=900, kind=wire.NH_BLACKHOLE))
    routes = [
        wire.Route.make(nexthop=900, prefix=wire.Ip.of(f"20.{n >> 8}.{n & 255}.0/24"))
        for n in range(5000)
    ]
    routes[1234].nexthop = 901
    statuses, _ = dp.sock.request(wire.SET, routes)
    assert len(statuses) == 5000
    assert [status.index for status in statuses if status.error] == [1234]
    assert counts(dp)["routes4"] == before["routes4"] + 4999
    dp.sock.delete(*routes, wire.Nexthop.make(id=900))
    assert counts(dp) == before


def test_deleting_what_is_absent_succeeds(dp):
    dp.sock.delete(
        wire.Port.make(id=3000),
        wire.Network.make(id=3000),
        wire.Nexthop.make(id=3000),
        wire.Route.make(prefix=wire.Ip.of("192.0.2.0/24")),
        wire.Fdb.make(mac=wire.mac_bytes("02:00:00:00:00:99")),
    )


def replay(dp, connection, items, epoch, commit=True):
    """BEGIN, everything that the test has so far and the items, COMMIT."""
    connection.request(wire.BEGIN, [wire.Epoch.make(epoch=epoch)])
    for port in dp.ports.values():
        connection.request(wire.SET, [port.item(0)])
        connection.request(wire.SET, [port.endpoint()])
    if items:
        connection.request(wire.SET, items)
    if commit:
        return connection.request(wire.COMMIT, [wire.Epoch.make(epoch=epoch)])[0]
    return None


def network_item():
    tail = b"".join(bytes(wire.Ip.of(a)) for a in ("10.1.0.1/16", "fd00:1::1/64"))
    return wire.Network.make(
        tail,
        vni=1,
        mtu=1500,
        n_addresses=2,
        router_mac=wire.mac_bytes("02:00:00:00:00:01"),
        name=b"default",
    )


def test_replay_leaves_identical_objects_untouched(dp, ports):
    one, two = ports
    dp.run(one, udp4(one, two))
    before, kept = counts(dp), dp.stats(one)
    fds = os.listdir(f"/proc/{dp.daemon.pid}/fd")
    assert replay(dp, dp.sock, [network_item()], 100) == []
    assert counts(dp) == before and dp.stats(one) == kept
    assert len(os.listdir(f"/proc/{dp.daemon.pid}/fd")) == len(fds)
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])


def test_replay_sweeps_what_it_does_not_name(dp, ports):
    before = counts(dp)
    dp.sock.set(wire.Nexthop.make(id=910, kind=wire.NH_BLACKHOLE))
    dp.sock.set(wire.Route.make(nexthop=910, prefix=wire.Ip.of("192.0.2.0/24")))
    assert counts(dp)["routes4"] == before["routes4"] + 1
    assert replay(dp, dp.sock, [network_item()], 101) == []
    assert counts(dp) == before


def test_replay_that_ends_before_its_commit_changes_nothing(dp, ports):
    one, two = ports
    before = counts(dp)
    connection = dp.connect()
    nexthop = wire.Nexthop.make(id=920, kind=wire.NH_BLACKHOLE)
    connection.request(wire.BEGIN, [wire.Epoch.make(epoch=102)])
    connection.request(wire.SET, [nexthop])
    connection.close()
    dp.reconnect()
    assert counts(dp) == before
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])


def test_commit_without_begin_is_refused(dp):
    statuses, _ = dp.sock.request(wire.COMMIT, [wire.Epoch.make(epoch=5)])
    assert len(statuses) == 1 and statuses[0].error and statuses[0].reason


def test_the_latest_writer_is_the_control_plane(dp):
    """A causewayd that was started again need not wait for the death of the former."""
    nexthop = wire.Nexthop.make(id=930, kind=wire.NH_BLACKHOLE)
    dp.sock.set(nexthop)
    second = dp.connect()
    assert second.request(wire.GET_NODE) and dp.sock.request(wire.GET_NODE)  # readers: any number
    second.set(nexthop)
    assert_closed(dp.sock)
    second.delete(nexthop)
    second.close()
    dp.reconnect()


def test_port_descriptors_can_be_asked_back(dp, ports):
    """A control plane that lost its own gets duplicates."""
    one = ports[0]
    _, fds = dp.sock.request(wire.GET_PORT_FDS, [wire.Port.make(id=one.id)])
    assert len(fds) == len(one.fds)
    name = tap_name(fds[0])
    for fd in fds:
        os.close(fd)
    assert name == one.ifname


def tap_name(fd):
    request = bytearray(40)
    fcntl.ioctl(fd, TUNGETIFF, request)
    return struct.unpack("16s", request[:16])[0].rstrip(b"\0").decode()


def test_socket_is_not_for_everyone(dp):
    mode = os.stat(dp.runtime_dir / "dp.sock").st_mode
    assert mode & 0o007 == 0


def test_many_connections_at_once(dp):
    connections = [dp.connect() for _ in range(20)]
    for connection in connections:
        assert connection.request(wire.GET_NODE)[0]
        connection.close()


def test_slow_reader_does_not_stop_others(dp, ports):
    """Requests without reading a reply, until the socket is full."""
    connection = dp.connect()
    connection.socket.setblocking(False)
    request = connection.encode(wire.GET_STATS, [])
    try:
        for _ in range(20000):
            connection.socket.send(request)
    except BlockingIOError:
        pass
    one, two = ports
    assert same(dp.run(one, udp4(one, two))[two.id], [udp4(one, two)])
    connection.socket.shutdown(socket.SHUT_RDWR)
    connection.close()


def test_layout_of_this_client():
    """Sizes that wire.h asserts, too."""
    sizes = {Frame: 16, Item: 8, wire.Ip: 20, wire.Route: 40, wire.Neighbor: 48, wire.Port: 440}
    for structure, size in sizes.items():
        assert ctypes.sizeof(structure) == size
