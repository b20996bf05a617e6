# SPDX-License-Identifier: Apache-2.0
"""Tunnels that are configured by hand: the data plane takes them, also after either process died."""
import json

import pytest
from lib.wait import wait_until

VTEPS = {
    "vx": {"kind": "vxlan", "address": "192.0.2.1", "udp_port": 8472, "mac": "02:00:00:00:01:00"},
    "vx6": {"kind": "vxlan", "address": "fd00:9::1", "own": "10.244.1.0", "strict": "true"},
    "ip": {"kind": "ipip", "address": "192.0.2.1"},
    "flannel": {"kind": "udp", "address": "192.0.2.1"},
}
FLOOD = "00:00:00:00:00:00"
STATION = "02:00:00:00:00:99"
LISTS = ("vtep", "nexthop", "route", "neighbor", "fdb")


@pytest.fixture(scope="module")
def tunnels(node):
    """Of every kind, with everything that may lead through one."""
    cwctl = node.cwctl
    cwctl("port", "add", "up", kind="null", args="net_null0", uplink="true")
    cwctl("network", "add", "blue", vni=7, subnets="10.2.0.1/16")
    for name, keys in VTEPS.items():
        cwctl("vtep", "add", name, uplink="up", **keys)
    cwctl("nexthop", "add", 50, kind="port", port="up", via="192.0.2.254")
    cwctl("nexthop", "add", 51, kind="port", port="up", mac="02:00:00:00:00:fe")
    cwctl("nexthop", "add", 40, kind="group", members="50,51@2")
    remote = {"remote": "192.0.2.2", "underlay": 40}
    cwctl("route", "add", "default", "10.244.2.0/24", vtep="vx", mac="02:00:00:00:02:00", **remote)
    cwctl("route", "add", "default", "10.244.3.0/24", vtep="ip", **remote)
    cwctl("route", "add", "default", "10.244.4.0/24", vtep="flannel", mtu=1400, **remote)
    cwctl("route", "add", "default", "10.244.5.0/24", port="up", via="192.0.2.253")
    members = [{"vtep": "vx", "remote": f"192.0.2.{i}", "mac": STATION} for i in (3, 4)]
    node.call("route.add", prefix="10.244.6.0/24", members=members)
    cwctl("fdb", "add", "blue", STATION, vtep="vx", **remote)
    cwctl("fdb", "add", "blue", FLOOD, vtep="vx", **remote)
    cwctl("fdb", "add", "blue", FLOOD, vtep="vx6", remote="fd00:9::2")
    cwctl("neighbor", "add", "blue", "10.2.0.99", mac=STATION, vtep="vx", **remote)
    return node


def everything(node):
    return {name: node.cwctl(name, "list") for name in LISTS}


def assert_ready(node):
    shown = everything(node)
    waiting = [entry for entries in shown.values() for entry in entries if entry["state"] != "ready"]
    assert not waiting, waiting
    assert all("origin" in entry for entries in shown.values() for entry in entries)
    return json.dumps(shown, sort_keys=True)


def test_taken(tunnels):
    shown = everything(tunnels)
    assert_ready(tunnels)
    assert {vtep["name"] for vtep in shown["vtep"]} == set(VTEPS)
    flood = [entry["remote"] for entry in shown["fdb"] if entry["mac"] == FLOOD]
    assert sorted(flood) == ["192.0.2.2", "fd00:9::2"]
    station = [entry for entry in shown["fdb"] if entry["mac"] == STATION]
    assert [(entry["vtep"], entry["origin"]) for entry in station] == [("vx", "static")]


def test_data_plane_killed(tunnels):
    before = assert_ready(tunnels)
    tunnels.dp.kill()
    tunnels.start_dp()
    wait_until(tunnels.is_connected, "connected again", timeout=30)
    assert assert_ready(tunnels) == before


def test_control_plane_killed(tunnels):
    before = assert_ready(tunnels)
    tunnels.control.kill()
    tunnels.start_control()
    wait_until(tunnels.is_connected, "connected again", timeout=30)
    assert assert_ready(tunnels) == before


def test_taken_away(tunnels):
    """In the reverse order nothing is in use any more."""
    cwctl = tunnels.cwctl
    assert cwctl.run("vtep", "del", "vx", check=False).returncode == 1
    for prefix in [f"10.244.{i}.0/24" for i in range(2, 7)]:
        cwctl("route", "del", "default", prefix)
    cwctl("neighbor", "del", "blue", "10.2.0.99")
    cwctl("fdb", "del", "blue", STATION)
    cwctl("fdb", "del", "blue", FLOOD)
    for number in (40, 50, 51):
        cwctl("nexthop", "del", number)
    for name in VTEPS:
        cwctl("vtep", "del", name)
    cwctl("port", "del", "up")
    assert not cwctl("vtep", "list")
