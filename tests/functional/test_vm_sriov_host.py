# SPDX-License-Identifier: Apache-2.0
"""The host layer of SR-IOV (drivers/host: pci, sriov, vf_link) on an emulated 82576 with VFs, and
what its driver refuses. What is set is also looked at with ip(8)."""
import json
import pathlib
import subprocess

import pytest
from lib import settings, sriov
from lib.netns import Namespace
from lib.vf_tool import RefusedError, VfTool
from lib.wait import wait_until

pytestmark = [pytest.mark.slow, sriov.GUEST]
N_VFS = 7  # all that igb makes
MAC, OTHER_MAC, NO_MAC = "02:00:00:00:00:10", "02:00:00:00:00:11", "00:00:00:00:00:00"
TOOL = VfTool()


def put_back(vf):
    values = {"mac": NO_MAC, "vlan": 0, "spoofchk": 1, "trust": 0, "max_tx_rate": 0}
    assert TOOL.set(vf.pf.address, vf.index, **values) == 0


@pytest.fixture(scope="module")
def pf():
    card = sriov.cards()[0]
    card.create_vfs(N_VFS)
    yield card
    card.remove_vfs()


@pytest.fixture
def vf(pf):
    """Without driver and settings, before and after."""
    yield pf.vfs[1]
    TOOL.bind(pf.vfs[1].address)
    put_back(pf.vfs[1])


def test_functions_are_found(pf):
    assert TOOL.pfs()[pf.address] == {
        "pf": pf.address, "netdev": pf.ifname(), "num": "7", "total": "7", "eswitch": "legacy",
    }  # fmt: skip
    for index, vf in enumerate(pf.vfs):
        found = {"vf": vf.address, "pf": pf.address, "pf_ifname": pf.ifname(), "index": str(index)}
        assert TOOL.find(vf.address) == found
        device = TOOL.device(vf.address)
        assert (device["id"], device["driver"], device["netdev"]) == ("8086:10ca", "", "")
    with pytest.raises(RefusedError, match="ENOTSUP|EOPNOTSUPP"):
        TOOL.find(pf.address)


@pytest.mark.parametrize(
    "values, shown",
    [
        ({"mac": MAC}, {"address": MAC}),
        ({"vlan": 100}, {"vlan_list": [{"vlan": 100}]}),
        ({"vlan": 100, "qos": 3}, {"vlan_list": [{"vlan": 100, "qos": 3}]}),
        ({"spoofchk": 0}, {"spoofchk": False}),
        ({"trust": 1}, {"trust": True}),
        ({"max_tx_rate": 500}, {"rate": {"max_tx": 500, "min_tx": 0}}),
        (
            {"mac": OTHER_MAC, "vlan": 7, "spoofchk": 0, "trust": 1, "max_tx_rate": 10},
            {"address": OTHER_MAC, "vlan_list": [{"vlan": 7}], "spoofchk": False, "trust": True,
             "rate": {"max_tx": 10, "min_tx": 0}},
        ),
    ],
    ids=lambda values: "-".join(values),
)  # fmt: skip
def test_settings_are_taken_and_taken_back(pf, vf, values, shown):
    untouched = pf.snapshot()
    assert TOOL.set(pf.address, vf.index, **values) == 0
    now = vf.settings()
    assert {key: now[key] for key in shown} == shown
    read = TOOL.get(pf.address, vf.index)
    assert {key: read[key] for key in values} == {key: str(value) for key, value in values.items()}
    assert pf.vfs[2].settings()["address"] == NO_MAC
    put_back(vf)
    assert pf.snapshot() == untouched


@pytest.mark.parametrize(
    "values, error, setting",
    [
        ({"mac": "01:00:00:00:00:01"}, "EINVAL", "mac"),
        ({"vlan": 4096}, "EINVAL", "vlan"),
        ({"vlan": 5, "vlan_proto": 0x88A8}, "EPROTONOSUPPORT", "vlan"),
        ({"min_tx_rate": 10, "max_tx_rate": 100}, "EINVAL", "tx rate"),
        ({"max_tx_rate": 100_000}, "EINVAL", "tx rate"),
        ({"link_state": "disable"}, "EOPNOTSUPP", "link_state"),
        ({"link_state": "auto"}, "EOPNOTSUPP", "link_state"),
    ],
    ids=lambda values: "-".join(values) if isinstance(values, dict) else None,
)
def test_refusals_name_the_setting(pf, vf, values, error, setting):
    before = pf.snapshot()
    with pytest.raises(RefusedError) as refusal:
        TOOL.set(pf.address, vf.index, **values)
    assert refusal.value.args == (error, setting)
    assert pf.snapshot() == before


def test_what_came_before_a_refusal_stays(pf, vf):
    """Who asks for several settings takes them back himself."""
    with pytest.raises(RefusedError) as refusal:
        TOOL.set(pf.address, vf.index, mac=MAC, vlan=5, trust=1, min_tx_rate=1)
    assert refusal.value.args == ("EINVAL", "tx rate")
    read = TOOL.get(pf.address, vf.index)
    assert (read["mac"], read["vlan"], read["trust"]) == (MAC, "5", "1")


def test_rate_needs_the_link(pf, vf):
    pf.namespace.ip(f"link set {pf.ifname()} down")
    try:
        with pytest.raises(RefusedError) as refusal:
            TOOL.set(pf.address, vf.index, max_tx_rate=10)
        assert refusal.value.args == ("EINVAL", "tx rate")
        assert TOOL.set(pf.address, vf.index, mac=MAC, vlan=3) == 0
    finally:
        pf.up()


def test_no_such_vf(pf):
    with pytest.raises(RefusedError, match="ENOENT"):
        TOOL.get(pf.address, N_VFS)
    with pytest.raises(RefusedError) as refusal:
        TOOL.set(pf.address, N_VFS, trust=1)
    assert refusal.value.args == ("EINVAL", "trust")


def test_drivers_come_and_go(pf, vf):
    """sriov_drivers_autoprobe is 0: a write to the driver's bind would fail."""
    assert TOOL.set(pf.address, vf.index, mac=MAC) == 0
    TOOL.bind(vf.address, "igbvf")
    device = TOOL.device(vf.address)
    assert (device["driver"], device["override"]) == ("igbvf", "igbvf")
    assert vf.namespace.mac(device["netdev"]) == MAC
    TOOL.bind(vf.address, "vfio-pci")
    device = TOOL.device(vf.address)
    assert (device["driver"], device["netdev"]) == ("vfio-pci", "")
    assert pathlib.Path("/dev/vfio", device["group"]).is_char_device()
    TOOL.bind(vf.address, "igbvf")
    assert vf.namespace.mac(TOOL.device(vf.address)["netdev"]) == MAC
    TOOL.bind(vf.address)
    device = TOOL.device(vf.address)
    assert (device["driver"], device["override"]) == ("", "")


def test_device_of_a_running_program_stays(vf):
    """Unbinding would block until the program ends."""
    TOOL.bind(vf.address, "vfio-pci")
    group = TOOL.device(vf.address)["group"]
    with open(f"/dev/vfio/{group}", "r+b", buffering=0):
        assert TOOL.device(vf.address)["open"] == "1"
        with pytest.raises(RefusedError, match="EBUSY"):
            TOOL.bind(vf.address, "igbvf")
    assert TOOL.device(vf.address)["open"] == "0"
    TOOL.bind(vf.address, "igbvf")
    assert vf.driver() == "igbvf"


def test_a_driver_that_refuses_gives_the_device_back(vf):
    TOOL.bind(vf.address, "igbvf")
    TOOL.words("override", vf.address, "")
    with pytest.raises(RefusedError, match="ENXIO"):
        TOOL.bind(vf.address, "igb")  # knows PFs only
    device = TOOL.device(vf.address)
    assert (device["driver"], device["override"]) == ("igbvf", "")
    with pytest.raises(RefusedError, match="ENOENT"):
        TOOL.bind(vf.address, "uio_pci_generic")


def test_function_level_reset(vf):
    """The PF forgets what the VF itself had told it."""
    TOOL.bind(vf.address, "igbvf")
    ifname = TOOL.device(vf.address)["netdev"]
    vf.namespace.ip(f"link set {ifname} address {MAC}")
    vf.namespace.ip(f"link set {ifname} up")
    wait_until(lambda: vf.settings()["address"] == MAC, "the PF has the VF's MAC", 60)
    TOOL.reset(vf.address)
    wait_until(lambda: vf.settings()["address"] == NO_MAC, "the PF has forgotten it", 60)
    with pytest.raises(RefusedError, match="ENODEV"):
        TOOL.reset("0000:7f:00.0")


def doctor():
    """{check: [(level, text), ...]}; exit status 1 says that there is a problem, of any kind."""
    run = subprocess.run(
        [settings.CWCTL, "-j", "doctor"], capture_output=True, text=True, timeout=60, check=False
    )
    found = {}
    for finding in json.loads(run.stdout):
        found.setdefault(finding["check"], []).append((finding["level"], finding["text"]))
    return found


def test_doctor(pf):
    """Seven VFs, first without drivers, then with, and each in a group of its own."""
    label = f"{pf.address} ({pf.ifname()}, igb)"
    for said in ("7 of its VFs have no driver", "the kernel answers ARP"):
        assert any(
            level == "warning" and text.startswith(f"{label}: {said}")
            for level, text in doctor()["sriov"]
        )
    pf.namespace.sysctl(f"net/ipv4/conf/{pf.ifname()}/arp_ignore", 1)
    for vf in pf.vfs:
        TOOL.bind(vf.address, "vfio-pci")
    found = doctor()
    assert ("ok", f"{label} has 7 of 7 VFs") in found["sriov"]
    assert [level for level, _ in found["vfio"]] == ["ok"]
    assert [level for level, _ in found["iommu-groups"]] == ["ok"]
    for vf in pf.vfs:
        TOOL.bind(vf.address)
    pf.namespace.sysctl(f"net/ipv4/conf/{pf.ifname()}/arp_ignore", 0)


def test_pf_is_renamed(pf, vf):
    """PFs are known by their PCI address."""
    before = pf.ifname()
    pf.namespace.ip(f"link set {before} down")
    pf.namespace.ip(f"link set {before} name uplink9")
    try:
        assert TOOL.find(vf.address)["pf_ifname"] == "uplink9"
        assert TOOL.set(pf.address, vf.index, mac=MAC) == 0
        assert vf.settings()["address"] == MAC
    finally:
        pf.namespace.ip(f"link set uplink9 name {before}")
        pf.up()


def test_pf_in_another_namespace(pf, vf):
    home, other = pf.namespace, Namespace("other")
    try:
        pf.move(other)
        assert TOOL.find(vf.address)["pf_ifname"] == ""
        with pytest.raises(RefusedError, match="ENONET"):
            TOOL.get(pf.address, vf.index)
        there = VfTool("ip", "netns", "exec", other.name)
        assert there.get(pf.address, vf.index)["mac"] == NO_MAC
        # Our sysfs, the other's netlink: an ifindex of the one says nothing to the other.
        with pytest.raises(RefusedError, match="ENONET"):
            VfTool("nsenter", f"--net={other.path}").get(pf.address, vf.index)
    finally:
        pf.move(home).up()
        other.close()


def test_pf_of_user_space():
    """The other card, which has no VFs."""
    card = sriov.cards()[1]
    ifname = card.ifname()
    with pytest.raises(RefusedError, match="ENOENT"):
        TOOL.get(card.address, 0)
    TOOL.bind(card.address, "vfio-pci")
    try:
        with pytest.raises(RefusedError, match="ENOLINK"):
            TOOL.get(card.address, 0)
        assert TOOL.pfs()[card.address]["netdev"] == ""
    finally:
        TOOL.bind(card.address, "igb")
    wait_until(card.ifname, "the card is back")
    TOOL.words("override", card.address)
    subprocess.run(["ip", "link", "set", card.ifname(), "name", ifname], check=True)
    card.up()
