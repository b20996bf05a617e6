# SPDX-License-Identifier: Apache-2.0
"""causeway-cni between fakes: vhost-user and memif interfaces, and keys of the userspace plugin."""
import json
import os
import socket
import stat

import pytest
from lib.cni_runtime import VERSIONS
from lib.fake_causewayd import REFUSED, Refusal

OWN_KEYS = {
    "queues": 4,
    "socketOwner": 107,
    "socketGroup": "root",
    "socketMode": "0660",
}


@pytest.fixture(name="info")
def make_info(cni):
    """Where device-info files go."""
    cni.config["deviceInfoDir"] = str(cni.scratch / "devinfo")
    return cni.scratch / "devinfo" / "causeway-c1-eth0-device.json"


def asked(cni):
    params = cni.fake.params("endpoint.add")
    dull = {"container", "ifname", "netns", "netns_fd", "network", "cni_network", "ips", "routes"}
    return {key: value for key, value in params.items() if key not in dull}


def in_folder(cni, name):
    return str(cni.scratch / "pods" / "c1" / name)


@pytest.mark.usefixtures("info")
def test_own_keys_are_passed_on(cni):
    keys = OWN_KEYS | {"role": "server", "iommu": True, "packed": False}
    cni.call("ADD", interface="vhost-user", **keys)
    assert asked(cni) == {
        "interface": "vhost-user",
        "role": "server",
        "queues": 4,
        "owner": "107",
        "group": "root",
        "mode": "0660",
        "iommu": True,
        "packed": False,
    }


@pytest.mark.usefixtures("info")
def test_own_keys_of_memif(cni):
    keys = {"role": "slave", "id": 7, "ring": 512, "buffer": 4096, "secret": "open"}
    cni.call("ADD", interface="memif", abstract="pods", **keys)
    expected = {"interface": "memif", "role": "slave", "memif_id": 7, "socket": "@pods"}
    assert asked(cni) == expected | {"ring": 512, "buffer": 4096, "secret": "open"}


@pytest.mark.usefixtures("info")
def test_abstract_socket_named_like_the_interface(cni):
    result = cni.call("ADD", interface="memif", abstract=True, cniVersion="1.1.0")
    assert asked(cni)["socket"] == "@eth0"
    assert result["interfaces"][0]["socketPath"] == "@eth0"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.usefixtures("info")
def test_result(cni, version):
    result = cni.call("ADD", interface="vhost-user", cniVersion=version)
    expected = {"name": "eth0", "mac": "02:00:00:00:01:05", "sandbox": cni.env["CNI_NETNS"]}
    if version == "1.1.0":
        expected |= {"mtu": 1500, "socketPath": in_folder(cni, "eth0.sock")}
    assert result["interfaces"] == [expected]
    assert {ip["interface"] for ip in result["ips"]} == {0}


@pytest.mark.parametrize(
    "keys, expected",
    [
        ({"interface": "vhost-user"}, {"mode": "server"}),
        ({"interface": "vhost-user", "role": "server"}, {"mode": "client"}),
        ({"interface": "memif"}, {"role": "slave", "mode": "ethernet"}),
        ({"interface": "memif", "role": "slave"}, {"role": "master", "mode": "ethernet"}),
    ],
)
def test_device_info_is_told_from_the_pods_side(cni, info, keys, expected):
    cni.call("ADD", **keys)
    kind = keys["interface"]
    expected |= {"path": in_folder(cni, "eth0.sock")}
    assert json.loads(info.read_text()) == {"type": kind, "version": "1.1.0", kind: expected}
    cni.call("DEL", **keys)
    assert list(info.parent.iterdir()) == []


def test_device_info_where_the_runtime_wants_it(cni, info):
    path = cni.scratch / "multus" / "net1-abc"
    runtime = {"runtimeConfig": {"CNIDeviceInfoFile": str(path)}}
    cni.call("ADD", interface="memif", **runtime)
    assert json.loads(path.read_text())["type"] == "memif"
    assert not info.exists()
    cni.call("DEL", interface="memif", **runtime)
    assert not path.exists()


def test_kernel_interfaces_have_no_device_info(cni, info):
    cni.call("ADD")
    assert not info.exists()


def test_device_info_of_another_device_is_left_alone(cni, info):
    info.parent.mkdir()
    info.write_text('{"type": "pci", "version": "1.1.0"}')
    cni.fail("ADD", 101, "type pci", interface="vhost-user")
    assert "pci" in info.read_text()
    cni.assert_nothing_left()


def test_device_info_that_cannot_be_written_rolls_back(cni):
    (cni.scratch / "file").write_text("")
    cni.config["deviceInfoDir"] = str(cni.scratch / "file")
    cni.fail("ADD", 5, "device-info", interface="vhost-user")
    cni.assert_nothing_left()


def test_check(cni, info):
    keys = {"interface": "vhost-user"}
    keys["prevResult"] = cni.call("ADD", **keys)
    cni.call("CHECK", **keys)
    content = info.read_text()
    info.write_text("{}")
    cni.fail("CHECK", 101, "device-info", **keys)
    info.unlink()
    cni.fail("CHECK", 5, "device-info", **keys)
    info.write_text(content)
    (cni.scratch / "pods" / "c1").rmdir()
    cni.fail("CHECK", 101, "folder", **keys)
    (cni.scratch / "pods" / "c1").mkdir()
    cni.fake.behave("port.get", lambda _: {"state": "refused", "reason": "no rings"})
    cni.fail("CHECK", 101, "no rings", **keys)


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"interface": "vhost-user", "role": "master"}, ("role", "client")),
        ({"interface": "memif", "role": "client"}, ("role", "master")),
        ({"interface": "vhost-user", "kind": "tap"}, ("kind", "tap")),
        ({"interface": "vhost-user", "queues": 17}, ("queues", "17")),
        ({"interface": "vhost-user", "packed": "on"}, ("packed", "on")),
        ({"interface": "vhost-user", "socketMode": "0980"}, ("socketMode", "0980")),
        ({"interface": "vhost-user", "socketGroup": -1}, ("socketGroup", "-1")),
        ({"interface": "memif", "ring": 8}, ("ring", "8")),
        ({"interface": "memif", "buffer": 1 << 20}, ("buffer", "1048576")),
        ({"interface": "memif", "id": -1}, ("id", "-1")),
        ({"interface": "memif", "abstract": "a,b"}, ("abstract", "a,b")),
        ({"interface": "memif", "secret": "s" * 24}, ("secret", "23 bytes")),
    ],
)
def test_invalid_values(cni, keys, words):
    error = cni.fail("ADD", 7, *words, **keys)
    assert "s" * 24 not in error["msg"]
    assert cni.fake.calls == []


# ------------------------------------------------------------------- keys of the userspace plugin


OVS = {"engine": "ovs-dpdk", "iftype": "vhostuser", "netType": "bridge"}
VPP = {"engine": "vpp", "iftype": "memif", "netType": "interface"}
LONG_ID = "0123456789abcdef0123"


@pytest.fixture(name="shared")
def make_shared(cni, info):
    """sharedDir, and a container ID as runtimes make them."""
    del info
    cni.env["CNI_CONTAINERID"] = LONG_ID
    cni.config["sharedDir"] = str(cni.scratch / "shared")
    return cni.scratch / "shared" / LONG_ID[:12]


def test_userspace_vhost(cni, shared):
    result = cni.call("ADD", host=OVS | {"vhost": {"mode": "client", "group": "root"}})
    path = shared / f"{LONG_ID[:12]}-eth0"
    expected = {"interface": "vhost-user", "role": "client", "group": "root"}
    assert asked(cni) == expected | {"socket": str(path)}
    assert stat.S_IMODE(os.stat(shared).st_mode) == 0o770
    data = json.loads((shared / f"configData-{LONG_ID[:12]}-eth0.json").read_text())
    assert (data["containerId"], data["ifName"], data["name"]) == (LONG_ID, "eth0", "net1")
    assert data["config"] == {
        "iftype": "vhostuser",
        "netType": "interface",
        "vhost": {"mode": "server", "socketfile": path.name},
    }
    assert data["ipResult"]["ips"] == result["ips"]


def test_userspace_memif(cni, shared):
    container = {"engine": "vpp", "netType": "bridge", "bridge": {"bridgeName": "4"}}
    host = VPP | {"memif": {"role": "master", "mode": "ethernet", "socketfile": "m.sock"}}
    cni.call("ADD", host=host, container=container)
    assert asked(cni) == {
        "interface": "memif",
        "role": "master",
        "socket": str(shared / "m.sock"),
    }
    data = json.loads((shared / f"configData-{LONG_ID[:12]}-eth0.json").read_text())
    assert data["config"] == container | {
        "iftype": "memif",
        "memif": {"role": "slave", "mode": "ethernet", "socketfile": "m.sock"},
    }


def test_userspace_host_makes_the_socket_unless_told(cni, shared):
    cni.call("ADD", host=OVS)
    assert asked(cni)["role"] == "server"
    assert stat.S_IMODE(os.stat(shared).st_mode) == 0o750


@pytest.mark.usefixtures("info")
def test_userspace_without_shared_dir_uses_the_pods_folder(cni):
    cni.call("ADD", host=VPP | {"memif": {"role": "slave"}})
    assert asked(cni)["socket"] == "memif-c1-eth0.sock"
    assert (cni.scratch / "pods" / "c1" / "configData-c1-eth0.json").exists()


@pytest.mark.parametrize(
    "bridge, network",
    [
        ({}, "default"),
        ({"bridgeName": "br0"}, "default"),
        ({"bridgeName": "blue"}, "blue"),
        ({"bridgeId": 4}, "4"),
    ],
)
@pytest.mark.usefixtures("shared")
def test_userspace_bridge_is_the_network(cni, bridge, network):
    cni.call("ADD", host=OVS | {"bridge": bridge | {"vlanId": 5}})
    assert cni.fake.params("endpoint.add")["network"] == network
    assert cni.fake.params("endpoint.add")["vlan"] == 5


@pytest.mark.usefixtures("shared")
def test_own_keys_precede_those_of_userspace(cni):
    host = OVS | {"vhost": {"mode": "client"}, "bridge": {"bridgeName": "blue", "vlanId": 5}}
    cni.call("ADD", host=host, role="server", network="red", vlan=7)
    params = cni.fake.params("endpoint.add")
    assert (params["role"], params["network"], params["vlan"]) == ("server", "red", 7)


def test_a_kernel_interface_all_the_same(cni, shared):
    cni.call("ADD", host=OVS, interface="kernel")
    assert asked(cni) == {"interface": "kernel"}
    assert not shared.exists()


@pytest.mark.usefixtures("shared")
def test_keys_without_meaning_here(cni):
    keys = {"kubeconfig": "/no/such", "logFile": "/no/such/log", "logLevel": "debug"}
    run = cni.run("ADD", host=OVS, **keys)
    assert run.returncode == 0
    assert "kubeconfig is not used" in run.stderr


@pytest.mark.parametrize("stripped", [False, True], ids=["whole", "stripped"])
@pytest.mark.parametrize("up", [False, True], ids=["away", "up"])
def test_del_cleans_the_shared_dir(cni, shared, stripped, up):
    cni.call("ADD", host=OVS)
    pods = socket.socket(socket.AF_UNIX)
    pods.bind(str(shared / f"{LONG_ID[:12]}-eth0"))
    pods.close()
    if not up:
        cni.fake.close()
    cni.call("DEL", host=None if stripped else OVS, **({"sharedDir": None} if stripped else {}))
    assert shared.exists() == (stripped and not up)  # of which nobody knows any more
    assert shared.parent.exists()


def test_del_leaves_what_is_not_ours(cni, shared):
    cni.call("ADD", host=OVS)
    (shared / "other").write_text("")
    cni.call("DEL", host=OVS)
    assert [path.name for path in shared.iterdir()] == ["other"]


def test_refused_add_leaves_no_folder(cni, shared):
    cni.fake.behave("endpoint.add", Refusal(REFUSED, "no"))
    cni.fail("ADD", 103, host=OVS)
    assert not shared.exists()
    cni.assert_nothing_left()


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"host": {"iftype": "tap"}}, ("host.iftype", "tap")),
        ({"host": OVS, "interface": "memif"}, ("host.iftype", "vhostuser")),
        ({"host": VPP}, ("host.memif.role",)),
        ({"host": VPP | {"memif": {"role": "master", "mode": "ip"}}}, ("host.memif.mode", "ip")),
        ({"host": OVS | {"vhost": {"mode": "both"}}}, ("host.vhost.mode", "both")),
        ({"host": OVS | {"vhost": {"socketfile": "a/b"}}}, ("host.vhost.socketfile", "a/b")),
        ({"host": OVS | {"netType": "vlan"}}, ("host.netType", "vlan")),
        ({"host": OVS | {"bridge": {"vlanId": 4095}}}, ("host.bridge.vlanId", "4095")),
        ({"host": OVS, "sharedDir": "here"}, ("sharedDir", "here")),
        ({"host": OVS, "sharedDir": "/" + "d" * 100}, ("sharedDir", "107")),
    ],
)
def test_invalid_userspace_values(cni, keys, words):
    cni.fail("ADD", 7, *words, **keys)
    cni.assert_nothing_left()
