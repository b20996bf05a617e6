# SPDX-License-Identifier: Apache-2.0
"""QEMU's command line for a guest: machine, cards, root over 9p. docs/testing.md, "Guests"."""
import dataclasses
import functools
import os
import pathlib
import subprocess

from lib import settings

PROGRAM = "qemu-system-x86_64"
# Emulation everywhere: results do not depend on what the machine can do.
ACCEL = os.environ.get("CAUSEWAY_VM_ACCEL", "tcg,thread=multi")
VM_DIR = settings.TOP / "tests" / "vm"


@functools.cache
def image():
    """The directory of kernel and initramfs; packaging/setup.sh has made it."""
    run = subprocess.run(
        [VM_DIR / "image", "--path"], capture_output=True, text=True, check=True, timeout=60
    )
    path = pathlib.Path(run.stdout.strip())
    assert path.is_dir(), f"{path}: not there, run packaging/setup.sh"
    return path


@dataclasses.dataclass
class VhostCard:
    """virtio-net whose other end is a switch at a vhost-user socket."""

    path: str
    mac: str
    listens: bool = False  # QEMU binds the path and the switch connects, else the other way round
    reconnects: bool = True  # QEMU tries again when a listening switch went
    queues: int = 1
    iommu: bool = False
    options: dict = dataclasses.field(default_factory=dict)  # device properties, "_" for "-"

    def arguments(self, number):
        chardev = f"socket,id=char{number},path={self.path}"
        if self.listens:
            chardev += ",server=on,wait=off"
        elif self.reconnects:
            chardev += ",reconnect-ms=100"
        device = {
            "netdev": f"net{number}",
            "mac": self.mac,
            "romfile": "",
            "mq": "on" if self.queues > 1 else "off",
            "vectors": 2 * self.queues + 2,
        }
        if self.iommu:
            device |= {"disable-legacy": "on", "iommu_platform": "on", "ats": "on"}
        device |= {name: value for name, value in self.options.items()}
        properties = ",".join(f"{name}={value}" for name, value in device.items())
        return [
            *("-chardev", chardev),
            *("-netdev", f"vhost-user,id=net{number},chardev=char{number},queues={self.queues}"),
            *("-device", f"virtio-net-pci,{properties}"),
        ]


@dataclasses.dataclass
class IgbCard:
    """Intel 82576 with SR-IOV, wired to another one by a hub inside QEMU. Sits behind a root port
    of its own, which ARI needs. SR-IOV needs Guest(iommu=True) and less than 2816 MiB: with more
    the VFs' registers move above 4 GiB, where QEMU before 10.0.6 does not find them."""

    wire: int
    mac: str

    def arguments(self, number):
        return [
            *("-netdev", f"hubport,id=net{number},hubid={self.wire}"),
            *("-device", f"pcie-root-port,id=port{number},chassis={number + 1},slot={number + 1}"),
            *("-device", f"igb,bus=port{number},netdev=net{number},romfile=,mac={self.mac}"),
        ]


def folder(name, path, readonly):
    """A 9p file system of this machine's."""
    options = f"local,id={name},path={path},security_model=none,multidevs=remap"
    return [
        *("-fsdev", options + (",readonly=on" if readonly else "")),
        *("-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"),
    ]


def command(guest, initrd, console, agent, monitor):
    """guest: a lib.guest.Guest. console: -chardev of the first serial port. agent, monitor: sockets
    that QEMU makes."""
    kernel = "console=ttyS0 quiet panic=1 net.ifnames=0 " + guest.append
    # Memory that is shared: the switch maps it.
    result = [PROGRAM, "-nodefaults", "-no-user-config", "-display", "none"]
    result += ["-machine", "q35,kernel-irqchip=split,memory-backend=memory", "-accel", ACCEL]
    result += ["-cpu", "max", "-smp", str(guest.cpus), "-m", str(guest.memory_mib)]
    result += [
        "-object", f"memory-backend-memfd,id=memory,size={guest.memory_mib}M,share=on"
    ]  # fmt: skip
    if guest.iommu:
        # caching-mode: vfio in the guest; device-iotlb: the switch.
        result += ["-device", "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"]
        kernel += " intel_iommu=on iommu=nopt"
    result += ["-kernel", image() / "vmlinuz", "-initrd", initrd, "-append", kernel]
    result += ["-chardev", f"{console},id=console", "-serial", "chardev:console"]
    result += ["-chardev", f"socket,id=agent,path={agent},server=on,wait=off"]
    result += ["-serial", "chardev:agent", "-qmp", f"unix:{monitor},server=on,wait=off"]
    result += folder("root", "/", readonly=True)
    if guest.share:
        result += folder("share", guest.share, readonly=False)
    for number, card in enumerate(guest.cards):
        result += card.arguments(number)
    return [*map(str, result), *guest.arguments]
