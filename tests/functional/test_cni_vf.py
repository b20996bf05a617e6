# SPDX-License-Identifier: Apache-2.0
"""causeway-cni between fakes: VFs, by the keys of the sriov plugin and a few of our own."""
import json

import pytest
from lib.cni_runtime import VERSIONS
from lib.fake_causewayd import REFUSED, Refusal

VF = "0000:03:02.1"
DEVICE = {"deviceID": VF}
PCI = {"type": "pci", "version": "1.1.0", "pci": {"pci-address": VF}}


@pytest.fixture(name="info", autouse=True)
def make_info(cni):
    """Where device-info files go."""
    cni.config["deviceInfoDir"] = str(cni.scratch / "devinfo" / "cni")
    return cni.scratch / "devinfo" / "cni" / "causeway-c1-eth0-device.json"


def asked(cni):
    params = cni.fake.params("endpoint.add")
    dull = {"container", "ifname", "netns", "netns_fd", "network", "cni_network", "ips", "routes"}
    return {key: value for key, value in params.items() if key not in dull}


TRUNK = [{"vlan": 5, "network": "blue"}]

# keys beside deviceID -> "vf" of endpoint.add beside pci -> what else endpoint.add is asked for
KEYS = [
    ({}, {}, {}),
    ({"interface": "vf"}, {}, {}),
    ({"vlan": 0}, {"vlan": 0}, {}),
    ({"vlan": 100}, {"vlan": 100}, {"vlan": 100}),
    ({"vlan": 4094, "vlanQoS": 7}, {"vlan": 4094, "vlan_qos": 7}, {"vlan": 4094}),
    ({"vlan": 5, "vlanQoS": 0}, {"vlan": 5, "vlan_qos": 0}, {"vlan": 5}),
    ({"vlan": 0, "vlanQoS": 0}, {"vlan": 0}, {}),
    ({"vlan": 5, "vlanProto": "802.1Q"}, {"vlan": 5, "vlan_proto": "802.1q"}, {"vlan": 5}),
    ({"vlan": 5, "vlanProto": "802.1AD"}, {"vlan": 5, "vlan_proto": "802.1ad"}, {"vlan": 5}),
    ({"vlan": 0, "vlanProto": "802.1q"}, {"vlan": 0}, {}),
    ({"trunk": TRUNK}, {}, {"trunk": TRUNK}),
    ({"trunk": TRUNK, "vlan": 0}, {}, {"trunk": TRUNK}),
    (
        {"trunk": TRUNK, "vlan": 7, "vlanProto": "802.1ad"},
        {"vlan": 7, "vlan_proto": "802.1ad"},
        {"vlan": 7, "trunk": TRUNK},
    ),
    ({"spoofchk": "on", "trust": "off"}, {"spoofchk": True, "trust": False}, {}),
    ({"spoofchk": False, "trust": True}, {"spoofchk": False, "trust": True}, {}),
    ({"spoofchk": "", "trust": "", "link_state": ""}, {}, {}),
    ({"min_tx_rate": 0}, {"min_tx_rate": 0}, {}),
    ({"min_tx_rate": 50}, {"min_tx_rate": 50}, {}),
    ({"max_tx_rate": 100}, {"max_tx_rate": 100}, {}),
    ({"min_tx_rate": 5, "max_tx_rate": 5}, {"min_tx_rate": 5, "max_tx_rate": 5}, {}),
    ({"min_tx_rate": 5, "max_tx_rate": 0}, {"min_tx_rate": 5, "max_tx_rate": 0}, {}),
    ({"link_state": "auto"}, {"link_state": "auto"}, {}),
    ({"link_state": "enable"}, {"link_state": "enable"}, {}),
    ({"link_state": "disable"}, {"link_state": "disable"}, {}),
    ({"vf_path": "card"}, {"path": "card"}, {}),
    ({"vf_path": "switch", "vlan": 9}, {"path": "switch"}, {"vlan": 9}),
    (
        {"vf_path": "switch", "vlan": 9, "vlanQoS": 0, "vlanProto": "802.1q"},
        {"path": "switch"},
        {"vlan": 9},
    ),
    ({"uplink": "vf0"}, {"uplink": "vf0"}, {}),
    ({"bind": "vfio-pci"}, {"bind": "vfio-pci"}, {}),
    ({"bind": ""}, {}, {}),
    ({"mtu": 9000}, {}, {"mtu": 9000}),
    ({"mac": "CA:FE:C0:FF:EE:00"}, {}, {"mac": "ca:fe:c0:ff:ee:00"}),
    ({"guard": ["mac"], "hairpin": True}, {}, {"guard": ["mac"], "hairpin": True}),
    ({"pciBusID": "0000:03:02.2"}, {}, {}),  # the twin that is not meant
    ({"queues": 4, "role": "server"}, {}, {}),  # of other interfaces
]


@pytest.mark.parametrize("keys, vf, others", KEYS, ids=lambda value: json.dumps(value)[:60])
def test_keys_become_parameters(cni, keys, vf, others):
    cni.call("ADD", **DEVICE, **keys)
    assert asked(cni) == {"interface": "vf", "vf": {"pci": VF} | vf} | others
    cni.call("CHECK", **DEVICE, **keys, prevResult={})
    cni.call("DEL", **DEVICE, **keys)
    cni.assert_nothing_left()


OTHER = "0000:09:00.1"


@pytest.mark.parametrize(
    "keys",
    [
        {"pciBusID": VF},
        {"runtimeConfig": {"deviceID": VF}},
        {"deviceID": OTHER, "pciBusID": OTHER, "runtimeConfig": {"deviceID": VF}},
        {"deviceID": VF, "pciBusID": OTHER, "runtimeConfig": {"deviceID": ""}},
        {"deviceID": "", "pciBusID": VF},
        {"DeviceID": "03:02.1"},
    ],
)
def test_where_the_device_is_named(cni, keys):
    cni.call("ADD", **keys)
    assert asked(cni)["vf"] == {"pci": VF}


NO_DEVICE = ("deviceID", "k8s.v1.cni.cncf.io/resourceName", "limits")

REFUSALS = [
    ({"deviceID": "", "pciBusID": "", "runtimeConfig": {"deviceID": ""}}, ("empty", *NO_DEVICE)),
    ({"deviceID": None, "interface": "vf"}, ("absent", *NO_DEVICE)),
    ({"deviceID": None, "spoofchk": "on"}, ("absent", *NO_DEVICE)),
    ({"deviceID": None, "vlanQoS": 3, "vlan": 5}, ("absent", *NO_DEVICE)),
    ({"deviceID": "0000:03:02"}, ("deviceID", "0000:03:02", "0000:03:02.0")),
    ({"deviceID": "eth0"}, ("deviceID", "eth0")),
    ({"deviceID": 7}, ("deviceID", "7")),
    ({"deviceID": None, "pciBusID": "x"}, ("pciBusID", "x")),
    ({"runtimeConfig": {"deviceID": "mlx5_core.sf.4"}}, ("runtimeConfig.deviceID", "mlx5_core")),
    ({"vlan": -1}, ("vlan", "-1")),
    ({"vlan": 4095}, ("vlan", "4095")),
    ({"vlan": "5"}, ("vlan", '"5"')),
    ({"vlan": 5, "vlanQoS": 8}, ("vlanQoS", "8")),
    ({"vlan": 5, "vlanQoS": "3"}, ("vlanQoS", '"3"')),
    ({"vlanQoS": 0}, ("vlanQoS", "0", "vlan")),
    ({"vlan": 0, "vlanQoS": 1}, ("vlanQoS", "1", "vlan")),
    ({"vlanProto": "802.1q"}, ("vlanProto", "802.1q", "vlan")),
    ({"vlan": 0, "vlanProto": "802.1ad"}, ("vlanProto", "802.1ad", "vlan")),
    ({"vlan": 5, "vlanProto": "802.1x"}, ("vlanProto", "802.1x")),
    ({"vlan": 5, "vlanProto": ""}, ("vlanProto", '""')),
    ({"vlan": 5, "trunk": TRUNK}, ("vlan", "5", "trunk", "802.1ad")),
    ({"vlan": 5, "vlanProto": "802.1q", "trunk": TRUNK}, ("vlan", "5", "trunk")),
    ({"vf_path": "switch", "vlan": 5, "vlanQoS": 1}, ("vlanQoS", "1", "vf_path")),
    ({"vf_path": "switch", "vlan": 5, "vlanProto": "802.1AD"}, ("vlanProto", "vf_path")),
    ({"spoofchk": "yes"}, ("spoofchk", "yes", "on", "off")),
    ({"spoofchk": "ON"}, ("spoofchk", "ON")),
    ({"trust": "true"}, ("trust", "true")),
    ({"trust": 1}, ("trust", "1")),
    ({"min_tx_rate": -1}, ("min_tx_rate", "-1")),
    ({"max_tx_rate": 1.5}, ("max_tx_rate", "1.5")),
    ({"max_tx_rate": "10"}, ("max_tx_rate", '"10"')),
    ({"max_tx_rate": 4294967296}, ("max_tx_rate", "4294967296")),
    ({"min_tx_rate": 11, "max_tx_rate": 10}, ("min_tx_rate", "11", "max_tx_rate")),
    ({"link_state": "up"}, ("link_state", "up", "auto")),
    ({"link_state": True}, ("link_state", "true")),
    ({"mac": "03:00:00:00:00:01"}, ("mac", "03:00:00:00:00:01")),
    ({"mtu": 60}, ("mtu", "60")),
    ({"kind": "tap"}, ("kind", "tap")),
    ({"vf_path": "wire"}, ("vf_path", "wire", "card")),
    ({"uplink": ""}, ("uplink", '""')),
    ({"uplink": 4}, ("uplink", "4")),
    ({"bind": "igbvf"}, ("bind", "igbvf", "vfio-pci")),
    ({"bind": True}, ("bind", "true")),
    ({"logLevel": "loud"}, ("logLevel", "loud", "debug")),
    ({"logFile": "here.log"}, ("logFile", "here.log")),
]


@pytest.mark.parametrize("keys, words", REFUSALS, ids=lambda value: json.dumps(value)[:60])
def test_refusals(cni, keys, words):
    cni.fail("ADD", 7, *words, **(DEVICE | keys))
    assert cni.fake.calls == []
    assert cni.ipam.calls() == []


@pytest.mark.parametrize(
    "keys",
    [
        {"interface": "kernel"} | DEVICE,
        {"interface": "kernel", "spoofchk": "on", "vlanQoS": 9, "trust": "perhaps"},
        {"vlan": 5, "mtu": 1400},
    ],
)
def test_a_kernel_interface_all_the_same(cni, info, keys):
    cni.call("ADD", **keys)
    assert "vf" not in asked(cni)
    assert not info.exists()


@pytest.mark.parametrize("precedence", range(4))
def test_precedence_of_the_mac(cni, precedence):
    macs = [f"02:00:00:00:00:0{n}" for n in range(1, 5)]
    levels = [
        {"runtimeConfig": {"mac": macs[0]}},
        {"args": {"cni": {"mac": macs[1]}}},
        {},
        {"mac": macs[3]},
    ]
    changes = {}
    for level in levels[precedence:]:
        changes |= level
    env = {"CNI_ARGS": f"IgnoreUnknown=1;MAC={macs[2]}"} if precedence <= 2 else {}
    result = cni.call("ADD", env=env, **DEVICE, **changes)
    assert asked(cni)["mac"] == macs[precedence]
    assert result["interfaces"][0]["mac"] == macs[precedence]


# ----------------------------------------------------------------------------- result, device-info


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("bind", [None, "vfio-pci"], ids=["kernel", "dpdk"])
def test_result(cni, version, bind):
    """The pod's entry has a sandbox in DPDK mode, too: multus reports only those that have one."""
    result = cni.call("ADD", cniVersion=version, bind=bind, mtu=1400, **DEVICE)
    new = {"mtu": 1400, "pciID": VF} if version == "1.1.0" else {}
    interface = {"name": "eth0", "mac": "02:00:00:00:01:05", "sandbox": str(cni.netns.path)}
    assert result["interfaces"] == [interface | new]
    assert [ip["address"] for ip in result["ips"]] == ["10.1.0.5/16", "fd00:1::5/64"]
    assert {ip["interface"] for ip in result["ips"]} == {0}


@pytest.mark.parametrize("asked_for", [False, True], ids=["usual", "runtimeConfig"])
def test_device_info(cni, info, asked_for):
    keys = dict(DEVICE)
    if asked_for:
        info = cni.scratch / "multus" / "file"
        keys["runtimeConfig"] = {"CNIDeviceInfoFile": str(info)}
    cni.call("ADD", **keys)
    pci = {"pci-address": VF, "pf-pci-address": "0000:03:00.0"}
    assert json.loads(info.read_text()) == PCI | {"pci": pci}
    cni.call("DEL", **keys)
    assert not info.exists()


def test_device_info_has_the_representor(cni, info):
    vf = {"pci": VF, "pf": "0000:03:00.0", "representor": "ens1npf0vf1"}
    cni.fake.behave("endpoint.add", lambda params: {"mac": "02:00:00:00:00:01", "vf": vf})
    cni.call("ADD", **DEVICE)
    assert json.loads(info.read_text())["pci"]["representor-device"] == "ens1npf0vf1"


FROM_THE_PLUGIN = {
    "type": "pci",
    "version": "1.0.0",
    "pci": {
        "pci-address": VF,
        "vhost-net": "/dev/vhost-net",
        "rdma-device": "mlx5_3",
        "representor-device": "eth7",
    },
}
VDPA = {
    "type": "vdpa",
    "version": "1.1.0",
    "vdpa": {"parent-device": "vdpa0", "driver": "vhost", "path": "/dev/v", "pci-address": VF},
}


@pytest.mark.parametrize("existing", [FROM_THE_PLUGIN, VDPA], ids=["pci", "vdpa"])
@pytest.mark.parametrize("where", ["copied", "plugins"])
def test_what_the_device_plugin_wrote_is_extended(cni, info, existing, where):
    """By multus into our file, or found in the device plugin's folder."""
    folder = info.parent.parent / "dp"
    plugins = folder / f"vendor.example-nics-{VF}-device.json"
    file = info if where == "copied" else plugins
    file.parent.mkdir(parents=True)
    text = json.dumps(existing)
    file.write_text(text)
    (info.parent.parent / "dp").mkdir(exist_ok=True)
    (folder / f"vendor.example-broken-{VF}-device.json").write_text("{")
    (folder / "vendor.example-nics-0000:03:02.0-device.json").write_text("{}")
    cni.call("ADD", **DEVICE)
    kind = existing["type"]
    extended = existing | {kind: existing[kind] | {"pf-pci-address": "0000:03:00.0"}}
    assert json.loads(info.read_text()) == extended
    cni.call("CHECK", **DEVICE, prevResult={})
    cni.call("DEL", **DEVICE)
    assert not info.exists()
    if where == "plugins":
        assert plugins.read_text() == text


@pytest.mark.parametrize(
    "foreign",
    [
        PCI | {"pci": {"pci-address": OTHER}},
        VDPA | {"vdpa": VDPA["vdpa"] | {"pci-address": OTHER}},
        {"type": "rope", "rope": {}},
    ],
)
def test_another_devices_info_is_not_replaced(cni, info, foreign):
    info.parent.mkdir(parents=True)
    info.write_text(json.dumps(foreign))
    cni.fail("ADD", 101, str(info), VF, **DEVICE)
    assert json.loads(info.read_text()) == foreign
    cni.assert_nothing_left()
    cni.call("DEL", **DEVICE)
    assert json.loads(info.read_text()) == foreign


@pytest.mark.parametrize("left", ["", "{", json.dumps({"type": "memif", "memif": {}})])
def test_rubbish_is_replaced(cni, info, left):
    info.parent.mkdir(parents=True)
    info.write_text(left)
    cni.call("ADD", **DEVICE)
    assert json.loads(info.read_text())["pci"]["pci-address"] == VF


# ------------------------------------------------------------------------------------------- verbs


def test_several_vfs_in_a_pod(cni):
    devices = {f"net{i}": f"0000:03:02.{i}" for i in range(1, 4)}
    for ifname, device in devices.items():
        result = cni.call("ADD", env={"CNI_IFNAME": ifname}, cniVersion="1.1.0", deviceID=device)
        assert result["interfaces"][0]["pciID"] == device
    names = sorted(path.name for path in (cni.scratch / "devinfo" / "cni").iterdir())
    assert names == [f"causeway-c1-net{i}-device.json" for i in range(1, 4)]
    cni.call("DEL", env={"CNI_IFNAME": "net2"}, deviceID=devices["net2"])
    assert sorted(ifname for _, ifname in cni.fake.endpoints) == ["net1", "net3"]
    for ifname in ("net1", "net3"):
        cni.call(
            "CHECK", env={"CNI_IFNAME": ifname}, deviceID=devices[ifname], prevResult={}
        )


def test_a_vf_behind_others_in_the_chain(cni):
    previous = {
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "lo0", "sandbox": str(cni.netns.path)}],
        "ips": [{"address": "192.0.2.1/24", "interface": 0}],
    }
    result = cni.call("ADD", cniVersion="1.1.0", prevResult=previous, **DEVICE)
    assert [interface.get("pciID") for interface in result["interfaces"]] == [None, VF]
    assert [ip["interface"] for ip in result["ips"]] == [0, 1, 1]


@pytest.mark.parametrize("named", [True, False], ids=["whole", "stripped"])
@pytest.mark.parametrize("up", [True, False], ids=["up", "away"])
def test_del_from_the_record(cni, info, up, named):
    cni.call("ADD", **DEVICE, vlan=5, vlanQoS=3)
    if not up:
        cni.fake.close()
    invalid = {"vlanQoS": 99, "logLevel": "loud", "trust": "perhaps"}
    cni.call("DEL", **(DEVICE | invalid if named else {}))
    assert info.exists() == (not up and not named)  # of whose VF nobody knows any more
    assert cni.ipam.leases() == []
    assert len(cni.tombstones()) == (0 if up else 1)


def test_a_late_del_leaves_the_next_pods_file(cni, info):
    """Of the same name, as after a sandbox was made anew."""
    cni.call("ADD", **DEVICE)
    old = dict(DEVICE)
    cni.fake.endpoints.clear()
    cni.call("DEL", **old)
    assert info.exists()


CHANGED = [
    ({"vlan": 5}, {"vlan": 6}, "vlan"),
    ({"vlan": 5}, {"vlan": 0}, "vlan"),
    ({"vlan": 5, "vlanQoS": 3}, {"vlan_qos": 0}, "vlan_qos"),
    ({"vlan": 5, "vlanProto": "802.1ad"}, {"vlan_proto": "802.1q"}, "vlan_proto"),
    ({"spoofchk": "on"}, {"spoofchk": False}, "spoofchk"),
    ({"trust": "off"}, {"trust": True}, "trust"),
    ({"min_tx_rate": 10}, {"min_tx_rate": 0}, "min_tx_rate"),
    ({"max_tx_rate": 10}, {"max_tx_rate": 20}, "max_tx_rate"),
    ({"link_state": "enable"}, {"link_state": "auto"}, "link_state"),
    ({"bind": "vfio-pci"}, {"driver": "igbvf"}, "bind"),
    ({}, {"pci": OTHER}, "pci"),
    ({}, {"mac": "02:00:00:00:00:99"}, "mac"),
]


@pytest.mark.parametrize("keys, changed, word", CHANGED, ids=lambda value: json.dumps(value)[:40])
def test_check_reads_the_settings_back(cni, keys, changed, word):
    cni.call("ADD", **DEVICE, **keys)
    cni.call("CHECK", **DEVICE, **keys, prevResult={})
    cni.fake.endpoints["c1", "eth0"]["vf"].update(changed)
    value = json.dumps(next(iter(changed.values())))
    cni.fail("CHECK", 101, word, value, **DEVICE, **keys, prevResult={})
    if word != "pci":
        cni.call("CHECK", prevResult={})  # a stripped configuration wants nothing


def test_gc_gives_vfs_back(cni, info):
    cni.call("ADD", **DEVICE)
    cni.call("GC", cniVersion="1.1.0", **{"cni.dev/valid-attachments": []})
    assert cni.fake.endpoints == {}
    assert not info.exists()


def test_check_misses_the_device_info(cni, info):
    cni.call("ADD", **DEVICE)
    info.write_text(json.dumps(PCI | {"pci": {"pci-address": OTHER}}))
    cni.fail("CHECK", 101, str(info), **DEVICE, prevResult={})
    info.unlink()
    cni.fail("CHECK", 5, str(info), **DEVICE, prevResult={})


def test_refused_settings_name_the_limit(cni):
    refusal = Refusal(
        REFUSED, "igb refuses min_tx_rate 5 of VF 1", key="min_tx_rate", value=5, hint="leave it"
    )
    cni.fake.behave("endpoint.add", refusal)
    cni.fail("ADD", 103, "igb", "min_tx_rate", "leave it", **DEVICE, min_tx_rate=5)
    cni.assert_nothing_left()


# --------------------------------------------------------------------------------------------- log


def lines(text):
    return [line for line in text.splitlines() if line.startswith("time=")]


@pytest.mark.parametrize(
    "level, levels",
    [
        ("debug", {"debug", "info"}),
        ("", {"info"}),
        ("INFO", {"info"}),
        ("warning", set()),
        ("error", set()),
        ("panic", set()),
    ],
)
@pytest.mark.parametrize("to_file", [True, False], ids=["file", "stderr"])
def test_log_levels(cni, level, levels, to_file):
    file = cni.scratch / "cni.log"
    keys = {"logLevel": level} | ({"logFile": str(file)} if to_file else {})
    run = cni.run("ADD", **DEVICE, **keys)
    assert run.returncode == 0, run
    json.loads(run.stdout)
    logged = lines(file.read_text() if to_file else run.stderr)
    if to_file or level != "":
        assert {line.split('level="')[1].split('"')[0] for line in logged} == levels
    for line in logged:
        assert 'containerID="c1"' in line and 'ifname="eth0"' in line
    if level == "debug":
        assert any(f'"pci\\":\\"{VF}\\"' in line.replace('\\"pci', '"pci') for line in logged)
    assert not lines(run.stderr) or not to_file


@pytest.mark.parametrize("level, n", [("error", 1), ("debug", 2), ("panic", 0)])
def test_errors_are_logged(cni, level, n):
    run = cni.run("ADD", deviceID="x", logLevel=level)
    logged = lines(run.stderr)
    assert len(logged) == n
    assert not n or 'level="error"' in logged[-1] and 'code="7"' in logged[-1]


def test_without_the_keys_nothing_is_logged(cni):
    assert lines(cni.run("ADD", **DEVICE).stderr) == []


def test_a_log_that_cannot_be_written_holds_up_nothing(cni):
    run = cni.run("ADD", **DEVICE, logFile="/no/such/log")
    assert run.returncode == 0
    assert "/no/such/log" in run.stderr
