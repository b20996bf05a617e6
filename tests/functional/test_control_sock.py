# SPDX-License-Identifier: Apache-2.0
"""control.sock: hostile input gets an error with a way out and changes nothing."""
import json
import os
import socket

import pytest
from lib import rpc
from lib.rpc import JsonRpc, RpcError


@pytest.fixture
def client(node):
    with JsonRpc(node.control_socket) as connection:
        yield connection


def everything(node):
    with node.rpc() as connection:
        return {
            name: connection.call(f"{name}.list")
            for name in ("network", "port", "endpoint", "route", "nexthop", "neighbor")
        }


@pytest.fixture(autouse=True)
def nothing_changes(node):
    before = everything(node)
    yield
    assert everything(node) == before
    node.assert_alive()


@pytest.mark.parametrize(
    "line, code",
    [
        (b"{", rpc.PARSE),
        (b"not JSON", rpc.PARSE),
        (b'{"jsonrpc": "2.0", "method": "node.get", "id": 1', rpc.PARSE),
        (b'{"a": "\xff\xfe"', rpc.PARSE),
        (b"[" * 5000, rpc.PARSE),
        (b"[]", rpc.INVALID_REQUEST),
        (b"42", rpc.INVALID_REQUEST),
        (b"null", rpc.INVALID_REQUEST),
        (b"{}", rpc.INVALID_REQUEST),
        (b'{"jsonrpc": "1.0", "method": "node.get", "id": 1}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "method": 7, "id": 1}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "method": "node.explode", "id": 1}', rpc.UNKNOWN_METHOD),
        (b'{"jsonrpc": "2.0", "method": "", "id": 1}', rpc.UNKNOWN_METHOD),
        (b'{"jsonrpc": "2.0", "method": "node.get", "params": 5, "id": 1}', None),
    ],
)
def test_bad_line_is_answered_and_the_connection_goes_on(client, line, code):
    client.send_raw(line + b"\n")
    answer = client.read()
    assert answer["jsonrpc"] == "2.0" and answer["error"]["message"]
    if code is not None:
        assert answer["error"]["code"] == code
    else:
        assert answer["error"]["code"] in (rpc.INVALID_REQUEST, rpc.INVALID_PARAMS)
    assert client.call("health.get")


@pytest.mark.parametrize(
    "method, params, key",
    [
        ("network.add", {}, "name"),
        ("network.add", {"name": 5}, "name"),
        ("network.add", {"name": ""}, "name"),
        ("network.add", {"name": "x" * 300}, "name"),
        ("network.add", {"name": "n", "colour": "red"}, "colour"),
        ("network.add", {"name": "n", "mtu": 10}, "mtu"),
        ("network.add", {"name": "n", "mtu": "1500"}, "mtu"),
        ("network.add", {"name": "n", "mtu": 1500.5}, "mtu"),
        ("network.add", {"name": "n", "mtu": 1e300}, "mtu"),
        ("network.add", {"name": "n", "vni": -1}, "vni"),
        ("network.add", {"name": "n", "vni": 1 << 24}, "vni"),
        ("network.add", {"name": "n", "subnets": "10.0.0.1/8"}, "subnets"),
        ("network.add", {"name": "n", "subnets": ["10.0.0.1/33"]}, "subnets"),
        ("network.add", {"name": "n", "subnets": ["ten"]}, "subnets"),
        ("network.add", {"name": "n", "router_mac": "ff:ff:ff:ff:ff:ff"}, "router_mac"),
        ("network.add", {"name": "n", "router_mac": "02:00"}, "router_mac"),
        ("network.add", {"name": "n", "learning": "yes"}, "learning"),
        ("port.add", {"name": "p", "kind": "teleport", "network": "default"}, "kind"),
        ("port.add", {"name": "p", "kind": "null", "network": 5}, "network"),
        ("route.add", {"network": "default", "prefix": "10.0.0.0/40", "via": "10.1.0.9"}, "prefix"),
        ("route.add", {"network": "default", "prefix": "192.0.2.0/24", "via": "nowhere"}, "via"),
        ("endpoint.add", {"container": "c", "ifname": "eth0"}, None),
        ("endpoint.add", {"ifname": "eth0"}, "container"),
        ("endpoint.get", {"container": 1, "ifname": "eth0"}, "container"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_bad_parameter_is_named(client, method, params, key):
    with pytest.raises(RpcError) as error:
        client.call(method, **params)
    assert error.value.code == rpc.INVALID_PARAMS
    if key is not None:
        assert error.value.data["key"].split("[")[0].split(".")[0] == key


@pytest.mark.parametrize(
    "method, params",
    [
        ("network.get", {"name": "nowhere"}),
        ("network.set", {"name": "nowhere", "mtu": 1400}),
        ("endpoint.get", {"container": "nobody", "ifname": "eth0"}),
        ("port.get", {"name": "nothing"}),
        ("port.add", {"name": "p", "kind": "null", "network": "nowhere", "args": "net_null7"}),
        ("route.add", {"network": "nowhere", "prefix": "192.0.2.0/24", "via": "10.1.0.9"}),
    ],
)
def test_what_is_not_there(client, method, params):
    with pytest.raises(RpcError) as error:
        client.call(method, **params)
    assert error.value.code == rpc.NOT_FOUND


@pytest.mark.parametrize(
    "method, params",
    [
        ("network.del", {"name": "nowhere"}),
        ("endpoint.del", {"container": "nobody", "ifname": "eth0"}),
        ("port.del", {"name": "nothing"}),
        ("route.del", {"network": "default", "prefix": "192.0.2.0/24"}),
    ],
)
def test_deleting_what_is_absent_succeeds(client, method, params):
    client.call(method, **params)


def test_adding_twice(client):
    """The same content succeeds, other content is a conflict."""
    client.call("network.add", name="twice", mtu=1400)
    try:
        client.call("network.add", name="twice", mtu=1400)
        with pytest.raises(RpcError) as error:
            client.call("network.add", name="twice", mtu=1300)
        assert error.value.code == rpc.CONFLICT
        assert client.call("network.get", name="twice")["mtu"] == 1400
    finally:
        client.call("network.del", name="twice")


def test_oversize_line_closes_the_connection(node, client):
    block = b" " * 65536
    with pytest.raises((BrokenPipeError, ConnectionResetError, EOFError)):
        client.send_raw(b'{"jsonrpc": "2.0", "method": "')
        for _ in range(2 * rpc.LINE_MAX // len(block)):
            client.send_raw(block)
        while client.read() is not None:
            pass
        raise EOFError
    assert node.call("health.get")


def test_endless_line_of_one_that_waits(node):
    """Half a line and then nothing: others are served."""
    with JsonRpc(node.control_socket) as idle:
        idle.send_raw(b'{"jsonrpc": "2.0", "met')
        assert node.call("health.get")


def test_requests_in_one_write_and_in_single_bytes(client):
    request = b'{"jsonrpc": "2.0", "id": %d, "method": "health.get"}\n'
    client.send_raw(b"".join(request % number for number in range(50)))
    assert [client.read()["id"] for _ in range(50)] == list(range(50))
    for byte in request % 99:
        client.send_raw(bytes([byte]))
    assert client.read()["id"] == 99


def test_descriptors_that_nobody_wants_are_closed(node, client):
    folder = f"/proc/{node.control.pid}/fd"
    reader, writer = os.pipe()
    client.call("health.get", fds=[reader] * 10)
    before = len(os.listdir(folder))
    for _ in range(20):
        client.call("health.get", fds=[reader] * 10)
    os.close(reader)
    os.close(writer)
    assert len(os.listdir(folder)) <= before


def test_endpoint_with_a_descriptor_that_is_no_namespace(node, client):
    with open("/dev/null", "rb") as wrong, pytest.raises(RpcError) as error:
        client.call(
            "endpoint.add",
            fds=[wrong.fileno()],
            container="c1",
            ifname="eth0",
            netns="/dev/null",
            netns_fd=0,
            network="default",
            interface="kernel",
            ips=[{"address": "10.1.0.200/16", "gateway": "10.1.0.1"}],
            routes=[],
        )
    assert error.value.code in (rpc.INVALID_PARAMS, rpc.REFUSED)


def test_socket_is_not_for_everyone(node):
    assert os.stat(node.control_socket).st_mode & 0o007 == 0


def test_many_clients(node):
    clients = [JsonRpc(node.control_socket) for _ in range(50)]
    for one in clients:
        assert one.call("health.get")
        one.close()


def test_client_that_does_not_read(node):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as greedy:
        greedy.connect(str(node.control_socket))
        greedy.setblocking(False)
        line = b'{"jsonrpc": "2.0", "id": 1, "method": "stats.get"}\n'
        try:
            for _ in range(100_000):
                greedy.send(line)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass
        assert node.call("health.get")
