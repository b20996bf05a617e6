# SPDX-License-Identifier: Apache-2.0
"""The host layer of SR-IOV (drivers/host: pci, sriov, vf_link) on an emulated 82576 with VFs, and
what its driver refuses. What is set is also looked at with ip(8)."""
import pytest
from lib.guest import Guest
from lib.qemu import IgbCard
from lib.vf_tool import RefusedError, VfTool
from lib.wait import wait_until

IGB = "8086:10c9"
N_VFS = 7  # all that igb makes
MAC, OTHER_MAC, NO_MAC = "02:00:00:00:00:10", "02:00:00:00:00:11", "00:00:00:00:00:00"
PCI = "/sys/bus/pci/devices"


class Card:
    """A PF with its VFs."""

    def __init__(self, guest):
        self.guest, self.tool = guest, VfTool(guest)
        guest.run("modprobe -a igb igbvf vfio-pci")
        self.pf = guest.pci_addresses(IGB)[0]
        self.ifname = self.tool.pfs()[self.pf]["netdev"]
        guest.ip(f"link set {self.ifname} up")
        self.make_vfs(N_VFS)

    def make_vfs(self, count):
        path = f"{PCI}/{self.pf}"
        self.guest.run(f"echo 0 > {path}/sriov_drivers_autoprobe")
        self.guest.run(f"echo 0 > {path}/sriov_numvfs; echo {count} > {path}/sriov_numvfs")
        self.guest.wait_carrier(self.ifname)

    def vf(self, index):
        link = self.guest.run("readlink", f"{PCI}/{self.pf}/virtfn{index}").stdout
        return link.strip().split("/")[-1]

    def shown(self, index):
        """As ip(8) shows the VF."""
        return self.guest.link(self.ifname)["vfinfo_list"][index]

    def put_back(self, index):
        values = {"mac": NO_MAC, "vlan": 0, "spoofchk": 1, "trust": 0, "max_tx_rate": 0}
        assert self.tool.set(self.pf, index, **values) == 0


@pytest.fixture(scope="module")
def card(scratch):
    guest = Guest(scratch, "sriov", [IgbCard(0, "52:54:00:5e:00:00")], 2048, iommu=True)
    try:
        yield Card(guest.start().wait_up())
    finally:
        guest.close()


@pytest.fixture(name="vf")
def fixture_vf(card):
    """Index of a VF without driver and settings; the next test finds it so again."""
    yield 1
    card.tool.bind(card.vf(1))
    card.put_back(1)


def test_functions_are_found(card):
    pf = card.tool.pfs()[card.pf]
    assert pf == {"pf": card.pf, "netdev": card.ifname, "num": "7", "total": "7",
                  "eswitch": "legacy"}  # fmt: skip
    for index in range(N_VFS):
        address = card.vf(index)
        found = {"vf": address, "pf": card.pf, "pf_ifname": card.ifname, "index": str(index)}
        assert card.tool.find(address) == found
        device = card.tool.device(address)
        assert (device["id"], device["driver"], device["netdev"]) == ("8086:10ca", "", "")
    with pytest.raises(RefusedError, match="ENOTSUP|EOPNOTSUPP"):
        card.tool.find(card.pf)


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
def test_settings_are_taken_and_taken_back(card, vf, values, shown):
    untouched = card.guest.ip(f"-d link show {card.ifname}")
    assert card.tool.set(card.pf, vf, **values) == 0
    now = card.shown(vf)
    assert {key: now[key] for key in shown} == shown
    read = card.tool.get(card.pf, vf)
    assert {key: read[key] for key in values} == {key: str(value) for key, value in values.items()}
    assert card.shown(vf + 1)["address"] == NO_MAC
    card.put_back(vf)
    assert card.guest.ip(f"-d link show {card.ifname}") == untouched


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
def test_refusals_name_the_setting(card, vf, values, error, setting):
    before = card.shown(vf)
    with pytest.raises(RefusedError) as refusal:
        card.tool.set(card.pf, vf, **values)
    assert refusal.value.args == (error, setting)
    assert card.shown(vf) == before


def test_what_came_before_a_refusal_stays(card, vf):
    """Who asks for several settings takes them back himself."""
    with pytest.raises(RefusedError) as refusal:
        card.tool.set(card.pf, vf, mac=MAC, vlan=5, trust=1, min_tx_rate=1)
    assert refusal.value.args == ("EINVAL", "tx rate")
    read = card.tool.get(card.pf, vf)
    assert (read["mac"], read["vlan"], read["trust"]) == (MAC, "5", "1")


def test_rate_needs_the_link(card, vf):
    card.guest.ip(f"link set {card.ifname} down")
    try:
        with pytest.raises(RefusedError) as refusal:
            card.tool.set(card.pf, vf, max_tx_rate=10)
        assert refusal.value.args == ("EINVAL", "tx rate")
        assert card.tool.set(card.pf, vf, mac=MAC, vlan=3) == 0
    finally:
        card.guest.ip(f"link set {card.ifname} up")
        card.guest.wait_carrier(card.ifname)


def test_no_such_vf(card):
    with pytest.raises(RefusedError, match="ENOENT"):
        card.tool.get(card.pf, N_VFS)
    with pytest.raises(RefusedError) as refusal:
        card.tool.set(card.pf, N_VFS, trust=1)
    assert refusal.value.args == ("EINVAL", "trust")


def test_drivers_come_and_go(card, vf):
    """sriov_drivers_autoprobe is 0: a write to the driver's bind would fail."""
    address = card.vf(vf)
    assert card.tool.set(card.pf, vf, mac=MAC) == 0
    card.tool.bind(address, "igbvf")
    device = card.tool.device(address)
    assert (device["driver"], device["override"]) == ("igbvf", "igbvf")
    assert card.guest.link(device["netdev"])["address"] == MAC
    card.tool.bind(address, "vfio-pci")
    device = card.tool.device(address)
    assert (device["driver"], device["netdev"]) == ("vfio-pci", "")
    card.guest.run("test", "-c", f"/dev/vfio/{device['group']}")
    card.tool.bind(address, "igbvf")
    assert card.guest.link(card.tool.device(address)["netdev"])["address"] == MAC
    card.tool.bind(address)
    assert (card.tool.device(address)["driver"], card.tool.device(address)["override"]) == ("", "")


def test_device_of_a_running_program_stays(card, vf):
    """Unbinding would block until the program ends."""
    address = card.vf(vf)
    card.tool.bind(address, "vfio-pci")
    group = card.tool.device(address)["group"]
    with card.guest.background(f"exec sleep 1000 <>/dev/vfio/{group}"):
        wait_until(lambda: card.tool.device(address)["open"] == "1", "the group is held")
        with pytest.raises(RefusedError, match="EBUSY"):
            card.tool.bind(address, "igbvf")
    wait_until(lambda: card.tool.device(address)["open"] == "0", "the group is free")
    card.tool.bind(address, "igbvf")
    assert card.tool.device(address)["driver"] == "igbvf"


def test_a_driver_that_refuses_gives_the_device_back(card, vf):
    address = card.vf(vf)
    card.tool.bind(address, "igbvf")
    card.tool.words("override", address, "")
    with pytest.raises(RefusedError, match="ENXIO"):
        card.tool.bind(address, "igb")  # knows PFs only
    device = card.tool.device(address)
    assert (device["driver"], device["override"]) == ("igbvf", "")
    with pytest.raises(RefusedError, match="ENOENT"):
        card.tool.bind(address, "uio_pci_generic")


def test_function_level_reset(card, vf):
    """The PF forgets what the VF itself had told it."""
    address = card.vf(vf)
    card.tool.bind(address, "igbvf")
    ifname = card.tool.device(address)["netdev"]
    card.guest.run(f"ip link set {ifname} address {MAC}; ip link set {ifname} up")
    wait_until(lambda: card.shown(vf)["address"] == MAC, "the PF has the VF's MAC", 60)
    card.tool.reset(address)
    wait_until(lambda: card.shown(vf)["address"] == NO_MAC, "the PF has forgotten it", 60)
    with pytest.raises(RefusedError, match="ENODEV"):
        card.tool.reset("0000:7f:00.0")


def test_pf_is_renamed(card):
    """PFs are known by their PCI address."""
    guest, address = card.guest, card.vf(0)
    guest.run(f"ip link set {card.ifname} down; ip link set {card.ifname} name uplink9")
    try:
        assert card.tool.find(address)["pf_ifname"] == "uplink9"
        assert card.tool.set(card.pf, 0, mac=MAC) == 0
        assert card.tool.set(card.pf, 0, mac=NO_MAC) == 0
    finally:
        guest.run(f"ip link set uplink9 name {card.ifname}; ip link set {card.ifname} up")
        guest.wait_carrier(card.ifname)


def test_pf_in_another_namespace(card):
    guest, there = card.guest, VfTool(card.guest, ("ip", "netns", "exec", "other"))
    guest.run(f"ip netns add other; ip link set {card.ifname} netns other")
    try:
        assert card.tool.find(card.vf(0))["pf_ifname"] == ""
        with pytest.raises(RefusedError, match="ENONET"):
            card.tool.get(card.pf, 0)
        assert there.get(card.pf, 0)["mac"] == NO_MAC
        # Our sysfs, the other's netlink: an ifindex of the one says nothing to the other.
        mixed = VfTool(guest, ("nsenter", "--net=/run/netns/other"))
        with pytest.raises(RefusedError, match="ENONET"):
            mixed.get(card.pf, 0)
    finally:
        guest.run("ip netns del other")
        wait_until(lambda: card.tool.pfs()[card.pf]["netdev"], "the PF is back")
        guest.run(f"ip link set {card.tool.pfs()[card.pf]['netdev']} up")
        guest.wait_carrier(card.ifname)


def test_pf_of_user_space(card):
    """Last: the PF goes, and its VFs with it."""
    card.guest.run(f"echo 0 > {PCI}/{card.pf}/sriov_numvfs")
    with pytest.raises(RefusedError, match="ENOENT"):
        card.tool.get(card.pf, 0)
    card.tool.bind(card.pf, "vfio-pci")
    with pytest.raises(RefusedError, match="ENOLINK"):
        card.tool.get(card.pf, 0)
    assert card.tool.pfs()[card.pf]["netdev"] == ""
    card.tool.bind(card.pf, "igb")
    assert card.tool.pfs()[card.pf]["netdev"]
