# SPDX-License-Identifier: Apache-2.0
"""A node with a PF in switchdev mode: the card is tests/pmd, as a PCI device of a sysfs that is
made here and lies over /sys/bus of both daemons. VFs' interfaces are veths, whose other ends the
card has; what only a PF's driver knows of VFs, tests/tools/card_causewayd keeps in files.
"""
from lib import settings
from lib.flow_pmd import PMD, Card
from lib.netns import Namespace
from lib.node import Node
from lib.raw import RawSocket

PF = "0000:5e:00.0"
VFS = 2
VENDOR, DEVICE = 0xFFFE, 0xF10E  # as tests/pmd/probe.c has them
FIRST_IFINDEX = 7000  # free in every namespace, so that links keep theirs when they move
CAUSEWAYD = settings.BUILD / "tests" / "tools" / "card_causewayd" / "card_causewayd"


def vf_address(index):
    return f"0000:5e:00.{index + 2}"


def vf_mac(index):
    return f"02:00:00:00:5e:{index:02x}"


class SysfsNamespace(Namespace):
    """Commands see another /sys/bus."""

    bus = None

    def command(self, *args):
        shell = ["sh", "-c", 'mount --bind "$0" /sys/bus && exec "$@"', self.bus]
        return super().command(*(shell if self.bus else []), *args)


class SwitchdevCard(Card):
    """VFs' interfaces, and the kernel's representors, are in the card's own namespace."""

    def __init__(self, folder, vfs=VFS):
        self.bus, self.settings = folder / "bus", folder / "settings"
        self.settings.mkdir(parents=True)
        super().__init__(vfs)
        self.add_netdev("pf0", PF)
        for index in range(vfs):
            self.add_netdev(f"pf0r{index}", PF, f"pf0vf{index}")
        self.write_sysfs()
        self.namespace.bus = self.bus

    def make_namespace(self):
        return SysfsNamespace("switchdev")

    def connect(self, name):
        if not name.startswith("vf"):
            far = super().connect(name)
            self.namespace.sysctl(f"net/ipv6/conf/card-{name}/disable_ipv6", 1)
            return far
        index = int(name[2:])
        self.write_settings(index)
        peer = f"card-{name}"
        self.add_netdev(f"v{index}", vf_address(index), peer=peer)
        self.namespace.ip(f"link set v{index} address {vf_mac(index)}")
        for link in (f"v{index}", f"card-{name}"):
            self.namespace.run("ethtool", "-K", link, "tx", "off", "rxvlan", "off", check=False)
        self.namespace.sysctl(f"net/ipv6/conf/card-{name}/disable_ipv6", 1)
        self.namespace.ip(f"link set card-{name} mtu 9000 up")
        return self.namespace

    def write_settings(self, index):
        text = f"mac={vf_mac(index)} spoofchk=1 min=0 max=0\n"
        (self.settings / f"vf{index}").write_text(text)

    def read_settings(self, index):
        return (self.settings / f"vf{index}").read_text()

    def add_netdev(self, name, address, port_name="", peer=""):
        ifindex = FIRST_IFINDEX + len(list(self.bus.glob("pci/devices/*/net/*")))
        ends = f"{name} index {ifindex} type veth peer name {peer or name + 'p'}"
        self.namespace.ip(f"link add {ends}")
        self.namespace.ip(f"link set {name} up")
        files = {"ifindex": ifindex, "addr_assign_type": 0}
        files |= {"phys_port_name": port_name} if port_name else {}
        self.write(f"pci/devices/{address}/net/{name}", **files)

    def write(self, path, **files):
        folder = self.bus / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(f"{content}\n")

    def write_sysfs(self):
        self.write("pci", drivers_probe="")
        self.write("pci/drivers/mlx5_core", unbind="")
        self.write_device(PF, sriov_totalvfs=8, sriov_numvfs=self.vfs, sriov_drivers_autoprobe=1)
        for index in range(self.vfs):
            self.write_device(vf_address(index))
            devices = self.bus / "pci" / "devices"
            (devices / vf_address(index) / "physfn").symlink_to(f"../{PF}")
            (devices / PF / f"virtfn{index}").symlink_to(f"../{vf_address(index)}")

    def write_device(self, address, **files):
        ids = {"vendor": hex(VENDOR), "device": hex(DEVICE)}
        ids |= {f"subsystem_{key}": value for key, value in ids.items()}
        files |= ids | {"class": "0x020000", "numa_node": -1, "driver_override": "(null)"}
        self.write(f"pci/devices/{address}", resource="\n".join(["0x0 0x0 0x0"] * 7), **files)
        link = self.bus / "pci" / "devices" / address / "driver"
        link.symlink_to("../../drivers/mlx5_core")

    def devargs(self):
        return self.uplink_args().partition(",")[2]


class SwitchdevNode(Node):
    def __init__(self, scratch, hugepages):
        assert PMD.exists(), f"{PMD} is not built: packaging/dpdk-headers.sh, then meson setup"
        self.card = SwitchdevCard(scratch / "card")
        try:
            super().__init__(scratch, hugepages, ["--driver", PMD], self.card.namespace)
            self.wire = RawSocket(self.card.far["wire"], "far")
        except BaseException:
            self.card.close()
            raise
        self.causewayd = ["env", f"CAUSEWAY_TEST_CARD={self.card.settings}", CAUSEWAYD]

    def add_uplink(self):
        self.cwctl(
            "port", "add", "up0", kind="nic", device=PF, devargs=self.card.devargs(),
            uplink="true", offload="true",
        )  # fmt: skip
        return self

    def close(self):
        try:
            super().close()
        finally:
            self.card.close()
