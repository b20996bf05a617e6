# SPDX-License-Identifier: Apache-2.0
"""The wire between nodes: a bridge in a namespace of its own, a veth to each node."""
from lib.netns import Namespace

IFNAME = "eth0"  # of the node's end
# What a network card of a node does before a frame is on the wire, and a veth leaves undone.
FINISH = ("tx", "tso", "gso", "gro", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")


class Underlay:
    """Nodes plugged into it are one link, unless they are parted by VLAN or put on another."""

    def __init__(self, mtu=1500, finished=True):
        """finished: frames cross as on a real wire, with their checksums and not longer than the
        MTU. Otherwise as a veth passes them: unfinished, and super-frames whole."""
        self.mtu, self.finished = mtu, finished
        self.namespace = Namespace("wire", quiet=True)
        self.namespace.ip("link add wire type bridge forward_delay 0 mcast_snooping 0")
        self.namespace.ip(f"link set wire mtu {mtu} up")
        self.n_ends = 0

    def plug(self, node, ifname=IFNAME):
        """A new veth, its end in the node's namespace up and without addresses. Returns the name
        of the end at the wire, for captures and for pulling the plug."""
        self.n_ends += 1
        end = f"end{self.n_ends}"
        make = f"link add {end} mtu {self.mtu} type veth peer name {ifname} mtu {self.mtu}"
        self.namespace.ip(f"{make} netns {node.name}")
        self.namespace.ip(f"link set {end} master wire up")
        if self.finished:
            for namespace, device in ((node, ifname), (self.namespace, end)):
                finish(namespace, device)
        node.ip(f"link set {ifname} up")
        return end

    def cut(self, end):
        self.namespace.ip(f"link set {end} down")

    def mend(self, end):
        self.namespace.ip(f"link set {end} up")

    def close(self):
        self.namespace.close()


def finish(namespace, device):
    """Frames leave the device as a wire carries them."""
    off = [word for feature in FINISH for word in (feature, "off")]
    namespace.run("ethtool", "-K", device, *off)
