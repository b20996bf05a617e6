# SPDX-License-Identifier: Apache-2.0
"""Pods that get a vhost-user socket or a memif from the CNI plugin, with dpdk-testpmd in them.

A kernel pod attached by the plugin, too, pings them: their addresses are IPAM's, testpmd answers.
"""
import contextlib
import ipaddress
import json
import socket
import stat
import subprocess

import pytest
from lib.cni import CniError
from lib.testpmd import Memif, Testpmd, VirtioUser
from lib.traffic import is_silent, ping
from lib.vhost_peer import VhostPeer
from lib.wait import wait_until
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

SOCKETS = ["vhost-user", "memif"]


@pytest.fixture(scope="module")
def kernel(node):
    return node.pod("kernel")


@pytest.fixture
def pod(node):
    """A namespace without an interface yet."""
    pod = node.bare_pod("dpdk")
    before = node.call("port.list")
    yield pod
    pod.close()
    node.pods.remove(pod)
    node.assert_alive()
    assert not folder(pod).exists()
    assert names(node.call("port.list")) == names(before)


@pytest.fixture
def testpmd(node):
    """testpmd(pod): the pod's application, which answers ARP and pings."""
    made = []

    def start(pod, mac=None):
        endpoint = pod.endpoint()
        path, mac = endpoint["socket"], mac or endpoint["mac"]
        if endpoint["kind"] == "vhost-user":
            device = VirtioUser(path, server=endpoint["role"] == "client", mac=mac)
        else:
            abstract = path.startswith("@")
            keys = {"mac": mac, "socket-abstract": "yes" if abstract else "no"}
            role = {"master": "client", "slave": "server"}[endpoint["role"]]
            device = Memif(path.lstrip("@"), role=role, **keys)
        made.append(Testpmd(node.scratch, device, forward="icmpecho"))
        made[-1].arguments = pod.namespace.command(*made[-1].arguments)
        made[-1].start()
        wait_until(lambda: port(pod)["state"] == "ready", "the peer is connected", timeout=30)
        return made[-1].wait_ready().forward()

    yield start
    for one in made:
        one.stop()


def names(ports):
    return [port["name"] for port in ports]


def folder(pod):
    return pod.node.runtime_dir / "pods" / pod.container


def port(pod, ifname="eth0"):
    return pod.node.call("port.get", name=pod.endpoint(ifname)["port"])


def ip4(result):
    """The pod's own address, which no kernel has."""
    addresses = [ipaddress.ip_interface(ip["address"]) for ip in result["ips"]]
    return str(next(address.ip for address in addresses if address.version == 4))


def device_info(pod, ifname="eth0"):
    return pod.node.scratch / "devinfo" / f"causeway-{pod.container}-{ifname}-device.json"


def wait_answer(kernel, result):
    """testpmd's prompt may come before its forwarding."""
    wait_until(lambda: ping(kernel.namespace, ip4(result), 1)[0] == 0, "answers", timeout=30)


def addresses_in_use(node):
    names = [path.name for path in (node.scratch / "ipam").rglob("*")]
    return {name for name in names if name.startswith(("10.", "fd00"))}


def check(pod, result, **changes):
    pod.node.cni.call(
        "CHECK", pod.container, pod.namespace.path, prevResult=result, **changes
    )


@pytest.mark.parametrize("interface", SOCKETS)
def test_add_check_del(node, pod, interface):
    used = addresses_in_use(node)
    result = pod.add(interface=interface)
    assert [(one["name"], one["sandbox"]) for one in result["interfaces"]] == [
        ("eth0", str(pod.namespace.path))
    ]
    assert pod.namespace.ip_json("link")[1:] == []  # no kernel interface
    assert stat.S_IMODE(folder(pod).stat().st_mode) == 0o750
    assert json.loads(device_info(pod).read_text())["type"] == interface
    check(pod, result, interface=interface)
    pod.delete()
    assert not folder(pod).exists() and not device_info(pod).exists()
    assert addresses_in_use(node) == used
    with pytest.raises(CniError):
        check(pod, result, interface=interface)
    node.cni.call("DEL", pod.container, pod.namespace.path, interface=interface)


@pytest.mark.parametrize("interface", SOCKETS)
def test_result_of_1_1_0(pod, interface):
    keys = {"cniVersion": "1.1.0", "ipam": None, "args": {"cni": {"ips": ["10.1.200.1/16"]}}}
    result = pod.add(interface=interface, mtu=1400, **keys)
    (one,) = result["interfaces"]
    assert one["socketPath"] == str(folder(pod) / "eth0.sock")
    assert one["mtu"] == 1400
    assert one["mac"] == pod.endpoint()["mac"]


@pytest.mark.parametrize(
    "keys",
    [
        {"interface": "vhost-user"},
        {"interface": "vhost-user", "role": "server"},
        {"interface": "memif"},
        {"interface": "memif", "role": "slave"},
        {"interface": "memif", "abstract": True},
        {"interface": "memif", "abstract": True, "role": "slave"},
        {"interface": "vhost-user", "mac": "02:00:00:00:77:01"},
    ],
    ids=lambda keys: "-".join(map(str, keys.values())),
)
def test_traffic_with_a_kernel_pod(node, kernel, pod, testpmd, keys):
    result = pod.add(**keys)
    assert port(pod)["state"] == "down"  # nobody is there yet
    application = testpmd(pod)
    wait_answer(kernel, result)
    lost, _ = ping(kernel.namespace, ip4(result))
    assert lost == 0, (node.call("stats.get")["ports"], application.stats())
    peer = port(pod)["peer"]
    assert (peer["connects"], peer["queues"]) == (1, 1)
    (queue,) = node.call("stats.get", port=port(pod)["name"])["ports"][0]["queues"]
    assert queue["rx_packets"] >= 5 and queue["tx_packets"] >= 5
    table = node.cwctl.run("port", "list").stdout
    assert pod.endpoint()["socket"] in table and "PEER" in table
    assert "KICKS" in node.cwctl.run("stats", "get", f"port={port(pod)['name']}").stdout
    pod.delete()
    assert is_silent(kernel.namespace, ip4(result))


@pytest.mark.parametrize(
    "keys", [{"interface": "vhost-user"}, {"interface": "memif", "role": "slave"}], ids=SOCKETS
)
def test_daemons_restart(node, kernel, pod, testpmd, keys):
    """Neither daemon's death ends the pod; its port is the same, and the switch connects again."""
    result = pod.add(**keys)
    application = testpmd(pod)
    wait_answer(kernel, result)
    before = port(pod)
    node.control.kill()
    assert ping(kernel.namespace, ip4(result))[0] == 0
    node.start_control()
    node.wait_connected()
    assert port(pod) == before
    assert ping(kernel.namespace, ip4(result))[0] == 0
    node.dp.kill()
    node.start_dp()
    node.wait_connected()
    wait_until(lambda: port(pod)["state"] == "ready", "the peer is connected again", timeout=30)
    wait_answer(kernel, result)
    application.assert_alive()
    check(pod, result, **keys)


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_memif_master_keeps_listening(node, kernel, pod, testpmd, abstract):
    """causewayd's socket outlives both; net_memif as a slave connects when its port is started."""
    result = pod.add(interface="memif", abstract=abstract)
    application = testpmd(pod)
    application.pause()  # net_memif may crash when it forwards while its peer dies
    node.control.kill()
    node.start_control()
    node.wait_connected()
    node.dp.kill()
    node.start_dp()
    node.wait_connected()
    for command in ("port stop 0", "port start 0", "start"):
        application.command(command)
    wait_until(lambda: port(pod)["state"] == "ready", "the peer is connected again", timeout=30)
    wait_answer(kernel, result)


def test_pod_restarts(kernel, pod, testpmd):
    result = pod.add(interface="vhost-user")
    testpmd(pod).kill()
    wait_until(lambda: port(pod)["state"] == "down", "the port is down", timeout=30)
    testpmd(pod)
    wait_answer(kernel, result)
    assert ping(kernel.namespace, ip4(result))[0] == 0
    assert port(pod)["peer"]["connects"] >= 2  # virtio_user may come twice


def test_several_interfaces_share_the_folder(pod):
    pod.add("net1", interface="vhost-user")
    pod.add("net2", interface="memif", id=3)
    pod.add("eth0")
    assert (folder(pod) / "net2.sock").is_socket()
    assert pod.namespace.link("eth0")
    pod.delete("net2")
    assert folder(pod).exists() and not (folder(pod) / "net2.sock").exists()
    pod.delete("net1")
    assert not folder(pod).exists()
    pod.delete("eth0")


def test_second_add_is_refused_and_the_first_stays(node, kernel, pod, testpmd):
    """After a failed one, and after DEL, ADD works again."""
    with pytest.raises(CniError):
        pod.add(interface="vhost-user", network="no-such")
    result = pod.add(interface="vhost-user")
    testpmd(pod)
    with pytest.raises(CniError):
        node.cni.call("ADD", pod.container, pod.namespace.path, interface="vhost-user")
    assert ping(kernel.namespace, ip4(result))[0] == 0
    pod.delete()
    pod.add(interface="memif")


@pytest.mark.parametrize("interface", SOCKETS)
def test_del_while_the_daemons_are_down(node, pod, interface):
    pod.add(interface=interface)
    node.control.kill()
    node.dp.kill()
    pod.delete()
    assert not device_info(pod).exists()
    node.start_dp()
    node.start_control()
    node.wait_connected()
    wait_until(lambda: not folder(pod).exists(), "the folder is gone")


def test_del_after_the_namespace_is_gone(node):
    pod = node.bare_pod("gone")
    pod.add(interface="memif", abstract=True)
    pod.add("net1", interface="vhost-user")
    subprocess.run(["ip", "netns", "del", pod.namespace.name], check=True)
    assert {pod.endpoint(ifname)["state"] for ifname in ("eth0", "net1")} == {"gone"}
    pod.delete()
    pod.delete("net1")
    assert not folder(pod).exists()


def test_folder_of_a_pod_with_a_user(pod):
    pod.add(interface="vhost-user", socketOwner=107, socketGroup=36)
    status = folder(pod).stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (107, 36, 0o770)


def test_spoof_guard_holds_for_sockets(node, kernel, pod):
    """The pod's MAC and addresses are those that CNI reported, though no kernel has them."""
    result = pod.add(interface="vhost-user")
    name, mac = port(pod)["name"], pod.endpoint()["mac"]
    with VhostPeer() as peer:
        guest = peer.add(pod.endpoint()["socket"])
        guest.wait_ready()
        target = Ether(src=mac, dst=kernel.mac())
        with contextlib.closing(kernel.raw()) as there:
            guest.send(target / IP(src="10.1.99.99", dst=kernel.ip(4)) / UDP() / b"spoof")
            guest.send(target / IP(src=ip4(result), dst=kernel.ip(4)) / UDP() / b"own")
            there.receive(lambda frame: UDP in frame and bytes(frame[UDP].payload)[:3] == b"own")
    assert node.port_stats()[name]["drops"] == {"spoof_ip": 1}


def test_userspace_configuration_as_it_is(node, kernel, pod, testpmd):
    """Only the type was changed: folder, names and the pod's description are that plugin's."""
    shared = node.scratch / "vhost_sockets"
    keys = {
        "sharedDir": f"{shared}/",
        "host": {
            "engine": "ovs-dpdk",
            "iftype": "vhostuser",
            "netType": "bridge",
            "vhost": {"mode": "client"},
            "bridge": {"bridgeName": "br0"},
        },
        "container": {"engine": "vpp", "iftype": "vhostuser", "netType": "interface"},
        "logLevel": "debug",
    }
    result = pod.add(**keys)
    short = pod.container[:12]
    data = json.loads((shared / short / f"configData-{short}-eth0.json").read_text())
    assert data["config"]["vhost"] == {"mode": "server", "socketfile": f"{short}-eth0"}
    testpmd(pod)
    assert (shared / short / f"{short}-eth0").is_socket()
    assert ping(kernel.namespace, ip4(result))[0] == 0
    check(pod, result, **keys)
    pod.delete()
    assert not (shared / short).exists()


def test_stale_memif_socket_is_replaced(node, pod):
    """What a crash left at the path; a file of somebody else stays and is told of."""
    path = node.scratch / "own.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    node.call("port.add", name="own", kind="memif", socket=str(path))
    node.call("port.del", name="own")
    assert not path.exists()
