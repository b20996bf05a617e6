# SPDX-License-Identifier: Apache-2.0
"""A cluster (lib.cluster) whose pod network real flanneld processes divide, with one etcd."""
import subprocess

from lib.cluster import NETWORK, Cluster
from lib.flannel import Etcd, Flanneld, reserve

ETCD_ADDRESS = "172.31.0.254"


class Backend:
    """What lib.cluster wants of a backend: here flanneld does the work."""

    def __init__(self, name, families=(4,), **keys):
        self.name, self.families = name, families
        self.config = {"Network": NETWORK[4], "Backend": {"Type": name} | keys}
        if 6 in families:
            self.config |= {"EnableIPv6": True, "IPv6Network": NETWORK[6], "IPv6SubnetLen": 64}
        self.overhead = {"vxlan": 50, "udp": 28}.get(name, 0)

    @property
    def origin(self):
        """Of routes to other nodes: flanneld gives its own no protocol, so that its devices tell."""
        if "DirectRouting" in self.config["Backend"]:
            return "mirror:static"
        return {"udp": "lease:flannel", "vxlan": "mirror:flannel"}.get(self.name, "mirror:static")

    def __str__(self):
        words = [self.name, *(key.lower() for key in self.config["Backend"] if key != "Type")]
        return "-".join(words) + ("-dual" if 6 in self.families else "")

    def mtu(self, node):
        return node.underlay.mtu - self.overhead - (20 if 6 in self.families else 0)

    def start(self, node):
        node.flanneld.start().wait_subnet()

    def add_remote(self, node, remote):
        pass


class FlannelCluster(Cluster):
    """etcd lives at the wire. Each node has an attribute flanneld; causewayd follows the leases."""

    def __init__(self, scratch, hugepages, kinds, backend, **options):
        self.etcd = None
        super().__init__(scratch, hugepages, kinds, backend, **options)
        self.underlay.namespace.ip(f"addr add {ETCD_ADDRESS}/24 dev wire")
        self.etcd = Etcd(scratch, self.underlay.namespace, ETCD_ADDRESS)
        for node in self.nodes:
            folder = scratch / f"flannel{node.number}"
            node.flanneld = Flanneld(folder, node.namespace, self.etcd, node.ifname)
            if node.is_causeway:
                node.node.control_options += ["--subnet-env", node.flanneld.subnet_file]
                node.node.control_options += ["--etcd-endpoints", self.etcd.url]

    def start(self):
        self.etcd.start().put("config", self.backend.config)
        for node in self.nodes:
            self.reserve(node)
        return super().start()

    def reserve(self, node, subnets=None):
        families = self.backend.families
        addresses = {family: node.address(family) for family in families}
        subnets = subnets or {family: node.subnet(family) for family in families}
        node.lease = reserve(self.etcd, node.number, addresses, self.backend.name, subnets)

    def leave(self, node):
        """The node is gone for good: its lease has ended."""
        node.flanneld.stop()
        self.etcd.delete(f"subnets/{node.lease}")

    def join(self, node, subnets=None):
        self.reserve(node, subnets)
        node.flanneld.subnet_file.unlink(missing_ok=True)
        node.flanneld.start().wait_subnet()

    def close(self):
        for node in self.nodes:
            if hasattr(node, "flanneld"):
                node.flanneld.stop()
        try:
            super().close()
        finally:
            if self.etcd:
                self.etcd.stop()


def kernel_counters(node, device):
    """(received, sent) packets of a device of the node's kernel; None: there is no such device."""
    try:
        link = node.namespace.ip_json(f"-s link show dev {device}")[0]
    except subprocess.CalledProcessError:
        return None
    return link["stats64"]["rx"]["packets"], link["stats64"]["tx"]["packets"]
