# SPDX-License-Identifier: Apache-2.0
"""A node with a card: Causeway in the guest's first namespace, where interfaces of VFs appear.

Card 0 is the node's: VF 0 is the switch's uplink, the others are for pods. Card 1 is the far end of
the wire, for whoever wants it.
"""
import contextlib
import ipaddress
import pathlib
import shutil
import tempfile

import pytest
from lib import sriov
from lib.netns import HomeNamespace
from lib.node import Node
from lib.stack_pod import StackPod
from lib.testpmd import Memif, Pci, VirtioUser
from lib.wait import wait_until

UPLINK = "uplink"
UPLINK_MAC = "02:00:00:00:0b:01"
GATEWAY = {4: "10.1.0.1", 6: "fd00:1::1"}
READY_S = 60


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Those with the node of the boot last: the others take the cards for themselves."""
    items.sort(key=lambda item: "sriov_node" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def sriov_node(hugepages):
    """One for all modules of a boot. They leave it without pods and ports, and its daemons running."""
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="cwt-"))
    node = SriovNode(scratch, hugepages)
    try:
        yield node.start()
    finally:
        node.close()
        for log in sorted(scratch.glob("*.log")):
            print(f"---- {log.name}, last lines\n" + log.read_text(errors="replace")[-4000:])
        shutil.rmtree(scratch)


class SriovNode(Node):
    def __init__(self, scratch, hugepages, n_vfs=sriov.MOST_VFS, **options):
        sriov.load_modules()
        super().__init__(scratch, hugepages, namespace=HomeNamespace(), **options)
        self.pf, self.far = sriov.cards()
        self.pf.create_vfs(n_vfs)
        self.free = list(self.pf.vfs[1:])
        self.stacks = []

    @property
    def uplink_vf(self):
        return self.pf.vfs[0]

    def add_uplink(self, **params):
        """VF 0, which causewayd binds to vfio-pci by itself. Else the kernel behind the PF would also
        answer for what cwhost has, and pods send past the switch (docs/nics.md)."""
        self.namespace.sysctl(f"net/ipv4/conf/{self.pf.ifname()}/arp_ignore", 1)
        self.uplink_vf.set(f"mac {UPLINK_MAC}")
        self.cwctl(
            "port", "add", name=UPLINK, kind="vf", device=self.uplink_vf.address, uplink="true",
            bind=sriov.DPDK, mac=UPLINK_MAC, **params,
        )  # fmt: skip
        self.wait_port(UPLINK)

    def port(self, name):
        return self.call("port.get", name=name)

    def wait_port(self, name, state="ready"):
        wait_until(lambda: self.port(name)["state"] == state, f"port {name} {state}", READY_S)

    @contextlib.contextmanager
    def vf(self, driver):
        """A VF that is nobody's, with this driver."""
        vf = self.free.pop()
        try:
            yield vf.bind(driver)
        finally:
            vf.bind("")
            self.free.append(vf)

    def vf_pod(self, name, vf, **config):
        """A pod with a VF that the kernel drives."""
        return self.pod(name, interface="vf", deviceID=vf.address, **config)

    def dpdk_pod(self, name, vf, **config):
        """A pod with a VF of its own DPDK program."""
        return self.stack(name, "vf", lambda _: Pci(vf.address), deviceID=vf.address, **config)

    def socket_pod(self, name, interface, **config):
        """interface: "vhost-user" or "memif"."""
        make = {
            "vhost-user": lambda endpoint: VirtioUser(endpoint["socket"]),
            "memif": lambda endpoint: Memif(endpoint["socket"]),
        }
        return self.stack(name, interface, make[interface], **config)

    def stack(self, name, interface, device, **config):
        """A DPDK pod: what IPAM gave is configured where its program wants it."""
        pod = self.bare_pod(name)
        result = pod.add(interface=interface, **config)
        endpoint = pod.endpoint()
        addresses = [ip["address"] for ip in result["ips"]]
        stack = StackPod(
            self.scratch, name, device(endpoint), endpoint["mac"], addresses, default_routes(result),
            endpoint["mtu"], pod.namespace,
        )  # fmt: skip
        self.stacks.append(stack)
        stack.pod = pod
        stack.start()
        self.wait_port(endpoint["port"])
        return stack

    def remove(self, pod):
        """DEL, and the pod with its namespace."""
        if isinstance(pod, StackPod):
            self.stacks.remove(pod)
            pod.close()
            pod = pod.pod
        self.pods.remove(pod)
        for ifname in list(pod.attached):
            pod.delete(ifname)
        pod.close()

    def close(self):
        for stack in self.stacks:
            stack.close()
        try:
            super().close()
        finally:
            self.pf.remove_vfs()


def default_routes(result):
    """As ip(8) takes them."""
    gateways = {ipaddress.ip_interface(ip["address"]).version: ip["gateway"] for ip in result["ips"]}
    return [f"default via {gateway}" for gateway in gateways.values()]
