# SPDX-License-Identifier: Apache-2.0
"""Cards with virtual functions, as sysfs and ip(8) show them. For tests that run in a guest:
lib/in_guest.py. What the emulated card can do and what not: docs/testing.md, "SR-IOV in a guest".
"""
import pathlib
import subprocess

import pytest
from lib.netns import HomeNamespace
from lib.wait import wait_until

# The mark of a module; those that have this one share a boot.
GUEST = pytest.mark.guest(igb=2, memory_mib=1536)
SYS = pathlib.Path("/sys/bus/pci")
CARD = "0x8086 0x10c9"
MOST_VFS = 7  # that the card makes
KERNEL, DPDK = "igbvf", "vfio-pci"
CARRIER_S = 120
STEADY = 5  # looks at the carrier in a row: a PF that resets comes and goes


def load_modules():
    subprocess.run(["modprobe", "-a", "igb", "igbvf", "vfio-pci", "tun"], check=True)


def cards():
    """The PFs in the order of their wires: 0 and 1 are the ends of one."""
    load_modules()
    found = []
    for path in sorted((SYS / "devices").iterdir()):
        numbers = [(path / name).read_text().strip() for name in ("vendor", "device")]
        if " ".join(numbers) == CARD:
            found.append(Pf(path.name))
    return found


def driver(address):
    """Its name, "" without one."""
    path = SYS / "devices" / address / "driver"
    return path.resolve().name if path.exists() else ""


def bind(address, name):
    """Leaves the driver that it has. With autoprobe off a VF takes the one of its override only."""
    path = SYS / "devices" / address
    if driver(address) == name:
        return
    if driver(address):
        (path / "driver" / "unbind").write_text(address)
    (path / "driver_override").write_text(name or "\n")
    if name:
        (SYS / "drivers_probe").write_text(address)
    wait_until(lambda: driver(address) == name, f"{address} bound to {name or 'nothing'}")


def override(address):
    return (SYS / "devices" / address / "driver_override").read_text().strip()


class Netdev:
    """The interface of a PCI device, wherever it is."""

    def __init__(self, address):
        self.address, self.namespace = address, HomeNamespace()

    @property
    def path(self):
        return SYS / "devices" / self.address

    def ifname(self):
        """In its namespace; None without one."""
        run = self.namespace.run("ls", self.path / "net", check=False)
        return run.stdout.strip() or None

    def move(self, namespace, name=None):
        """name: which it has there. It arrives down and without addresses."""
        ifname = self.ifname()
        there = namespace.name or "1"  # the first process is at home
        rename = f" name {name}" if name else ""
        self.namespace.ip(f"link set {ifname} down")
        self.namespace.ip(f"link set {ifname} netns {there}{rename}")
        self.namespace = namespace
        return self

    def up(self):
        self.namespace.ip(f"link set {self.ifname()} up")
        self.wait_carrier()
        return self

    def has_carrier(self):
        return "LOWER_UP" in self.namespace.link(self.ifname())["flags"]

    def wait_carrier(self):
        seen = 0

        def steady():
            nonlocal seen
            seen = seen + 1 if self.has_carrier() else 0
            return seen >= STEADY

        wait_until(steady, f"carrier of {self.address}", timeout=CARRIER_S)


class Vf(Netdev):
    def __init__(self, pf, index):
        super().__init__((pf.path / f"virtfn{index}").resolve().name)
        self.pf, self.index = pf, index

    def bind(self, name):
        bind(self.address, name)
        if name == KERNEL:
            wait_until(self.ifname, f"interface of {self.address}")
        return self

    def driver(self):
        return driver(self.address)

    def settings(self):
        """The PF's list of VFs has them: {"mac", "vlan_list", "spoofchk", "trust", "rate"...}."""
        return self.pf.link()["vfinfo_list"][self.index]

    def own_link(self):
        """Of its interface, if it is at home, what is to be the same after a pod: not its number."""
        link = self.ifname() and self.namespace.link(self.ifname())
        return link and {key: link.get(key) for key in ("ifname", "address", "mtu", "altnames")}

    def set(self, words):
        self.pf.namespace.ip(f"link set {self.pf.ifname()} vf {self.index} {words}")


class Pf(Netdev):
    def __init__(self, address):
        super().__init__(address)
        self.vfs = []

    def create_vfs(self, number):
        """Without drivers. The PF is up before and after: that resets it."""
        self.up()
        (self.path / "sriov_drivers_autoprobe").write_text("0")
        (self.path / "sriov_numvfs").write_text("0")
        (self.path / "sriov_numvfs").write_text(str(number))
        self.vfs = [Vf(self, index) for index in range(number)]
        self.wait_carrier()
        return self.vfs

    def remove_vfs(self):
        (self.path / "sriov_numvfs").write_text("0")
        self.vfs = []

    def link(self):
        return self.namespace.link(self.ifname())

    def snapshot(self):
        """What `ip link` tells of the card and all its VFs, to be compared byte for byte."""
        return self.namespace.run("ip", "-d", "-j", "link", "show", "dev", self.ifname()).stdout
