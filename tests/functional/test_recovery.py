# SPDX-License-Identifier: Apache-2.0
"""Death of each process, vanishing devices, pods deleted while they talk."""
import shutil
import signal
import subprocess

import pytest
from lib import settings
from lib.cni import CniError
from lib.daemon import Daemon
from lib.node import Node
from lib.rpc import UNAVAILABLE, RpcError
from lib.traffic import is_silent, ping
from lib.wait import wait_until


@pytest.fixture(scope="module")
def pods(node):
    return [node.pod(name) for name in ("red", "green")]


@pytest.fixture(autouse=True)
def works_before_and_after(pods):
    assert_connected(pods)
    yield
    assert_connected(pods)


def assert_connected(pods):
    red, green = pods
    for family in (4, 6):
        wait_until(lambda f=family: ping(red.namespace, green.ip(f), 1)[0] == 0, "a ping")


def test_data_plane_killed(node, pods):
    """Taps stay, causewayd replays, running connections go on."""
    red, green = pods
    macs = [pod.mac() for pod in pods]
    before = [pod.endpoint() for pod in pods]
    for _ in range(3):
        node.dp.kill()
        with pytest.raises(RpcError) as error:
            node.call("node.get")
        assert error.value.code == UNAVAILABLE
        node.start_dp()
        wait_until(node.is_connected, "connected again", timeout=30)
        assert_connected(pods)
    assert [pod.mac() for pod in pods] == macs
    assert [pod.endpoint()["ips"] for pod in pods] == [old["ips"] for old in before]


def test_add_while_the_data_plane_is_away(node):
    """Code 11: the runtime tries again later; nothing is left behind."""
    node.dp.kill()
    pod = node.bare_pod("early")
    try:
        with pytest.raises(CniError) as error:
            pod.add()
        assert error.value.code == 11
        assert [link["ifname"] for link in pod.namespace.ip_json("link")] == ["lo"]
    finally:
        node.start_dp()
    wait_until(node.is_connected, "connected again", timeout=30)
    pod.add()
    assert ping(node.namespace, pod.ip(4))[0] == 0
    pod.delete()


def test_traffic_flows_while_causewayd_is_away(node, pods):
    red, green = pods
    node.control.kill()
    try:
        assert ping(red.namespace, green.ip(4), 20)[0] == 0
        assert ping(red.namespace, green.ip(6), 20)[0] == 0
    finally:
        node.start_control()
    node.wait_connected()


def test_causewayd_killed_loses_no_packet_and_no_state(node, pods):
    red, green = pods
    before = node.call("endpoint.list"), node.call("network.list")
    running = red.namespace.popen(
        "ping", "-q", "-c", "300", "-i", "0.01", "-W", "2", green.ip(4), stdout=-1, text=True
    )
    for _ in range(3):
        node.control.kill()
        node.start_control()
        node.wait_connected()
    assert " 0% packet loss" in running.communicate(timeout=60)[0]
    assert (node.call("endpoint.list"), node.call("network.list")) == before


def test_both_killed(node, pods):
    before = node.call("endpoint.list")
    node.control.kill()
    node.dp.kill()
    node.start_control()
    node.start_dp()
    wait_until(node.is_connected, "connected again", timeout=30)
    assert node.call("endpoint.list") == before


def test_delete_while_both_are_down(node, pods):
    """CNI DEL succeeds; the endpoint is gone once causewayd is back."""
    pod = node.pod("late")
    node.control.kill()
    node.dp.kill()
    pod.delete()
    node.start_dp()
    node.start_control()
    wait_until(node.is_connected, "connected again", timeout=30)

    def gone():
        with pytest.raises(RpcError):
            pod.endpoint()
        return True

    wait_until(gone, "endpoint gone")


def test_delete_while_traffic_flows(node, pods):
    """Flooded with packets from and to it, a pod goes; the other does not notice."""
    red, green = pods
    victim = node.pod("victim")
    address = victim.ip(4)
    floods = [
        victim.namespace.popen("ping", "-q", "-f", "-w", "20", red.ip(4), stdout=-1, stderr=-1),
        red.namespace.popen("ping", "-q", "-f", "-w", "20", address, stdout=-1, stderr=-1),
    ]
    watch = green.namespace.popen(
        "ping", "-q", "-c", "200", "-i", "0.01", "-W", "2", red.ip(4), stdout=-1, text=True
    )
    for flood in floods:
        assert flood.poll() is None
    victim.delete()
    assert " 0% packet loss" in watch.communicate(timeout=60)[0]
    for flood in floods:
        flood.send_signal(signal.SIGINT)
        flood.communicate(timeout=10)
    assert is_silent(red.namespace, address)
    node.assert_alive()


def test_device_vanishes(node, pods):
    """The pod's owner deletes the interface: the port is gone, the rest goes on."""
    victim = node.pod("vanish")
    address = victim.ip(4)
    victim.namespace.ip("link del eth0")
    wait_until(lambda: victim.endpoint()["state"] != "up", "the loss is noticed")
    assert is_silent(pods[0].namespace, address)
    node.assert_alive()
    victim.delete()


def test_namespace_vanishes(node, pods):
    victim = node.pod("nsgone")
    subprocess.run(["ip", "netns", "del", victim.namespace.name], check=True)
    assert ping(pods[0].namespace, pods[1].ip(4))[0] == 0
    node.assert_alive()
    victim.delete()


def test_host_interface_outlives_the_database(scratch, hugepages):
    """The host's port of the new one has another MAC, and the interface takes it."""
    node = Node(scratch / "forgets", hugepages)
    try:
        node.start()
        before = node.namespace.link("cwhost")
        node.control.stop()
        node.dp.stop()
        shutil.rmtree(node.state_dir)
        node.state_dir.mkdir()
        node.start()
        after = node.namespace.link("cwhost")
        assert after["ifindex"] == before["ifindex"]
        assert after["address"] == node.call("port.get", name="host")["mac"] != before["address"]
        pod = node.pod("late")
        for family, gateway in ((4, "10.1.0.1"), (6, "fd00:1::1")):
            assert ping(pod.namespace, gateway)[0] == 0
            assert ping(node.namespace, pod.ip(family))[0] == 0
    finally:
        node.close()


def test_second_causewayd_on_one_directory(node, pods):
    second = Daemon(
        node.namespace.command(
            settings.CAUSEWAYD, "--runtime-dir", node.runtime_dir, "--state-dir", node.state_dir
        ),
        node.scratch / "second.log",
    )
    assert second.wait_end() != 0
    assert str(node.runtime_dir) in second.log() or str(node.state_dir) in second.log()
    node.control.assert_alive()


def test_link_down_and_up(node, pods):
    red, green = pods
    green.namespace.ip("link set eth0 down")
    assert is_silent(red.namespace, green.ip(4))
    green.namespace.ip("link set eth0 up")
    # The kernel takes routes and IPv6 addresses away with the link; they are the pod's business.
    wait_until(lambda: ping(red.namespace, green.ip(4), 1)[0] == 0, "a ping again")
    address = next(ip["address"] for ip in green.result["ips"] if ":" in ip["address"])
    green.namespace.ip(f"addr replace {address} dev eth0 nodad")


def test_spoofing_from_inside_a_pod(node, pods):
    """The guard is on for pods of the CNI plugin."""
    red, green = pods
    red.namespace.ip("addr add 10.1.9.9/16 dev eth0")
    try:
        assert is_silent(green.namespace, "10.1.9.9")
        run = red.run("ping", "-I", "10.1.9.9", "-c", 1, "-W", 1, green.ip(4), check=False)
        assert " 100% packet loss" in run.stdout
    finally:
        red.namespace.ip("addr del 10.1.9.9/16 dev eth0")
