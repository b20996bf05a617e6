# SPDX-License-Identifier: Apache-2.0
"""What flanneld v0.25 writes into a node's kernel, backend by backend, in its order."""
VTEP_MAC = "02:f1:{family:02x}:00:00:{number:02x}"


class HostGateway:
    """Backend host-gw: one route a remote node and family."""

    families = (4, 6)
    overhead = {4: 0, 6: 0}

    def __str__(self):
        return "host-gw"

    def start(self, node):
        pass

    def add_remote(self, node, remote):
        for family in self.families:
            via, device = remote.address(family), node.ifname
            node.kernel(f"-{family} route replace {remote.subnet(family)} via {via} dev {device}")

    def del_remote(self, node, remote):
        for family in self.families:
            node.kernel(f"-{family} route del {remote.subnet(family)}", check=False)

    def mtu(self, node):
        return node.underlay.mtu


class Vxlan:
    """Backend vxlan: a device for each family, whose pods go through the underlay of that family.
    A remote node is a permanent neighbour (its .0 address), that neighbour's MAC in the FDB, and a
    route on link, written in this order and removed in the other."""

    def __init__(self, *families, vni=1, port=8472, checksum=True):
        self.families = families or (4, 6)
        self.vni, self.port, self.checksum = vni, port, checksum
        self.overhead = {4: 50, 6: 70}

    def __str__(self):
        return "vxlan-" + "".join(f"v{family}" for family in self.families)

    def device(self, family):
        return f"flannel.{self.vni}" if family == 4 else f"flannel-v6.{self.vni}"

    @staticmethod
    def vtep_mac(node, family):
        return VTEP_MAC.format(family=family, number=node.number)

    def start(self, node):
        for family in self.families:
            self.add_device(node, family)

    def add_device(self, node, family):
        device = self.device(family)
        checksum = "" if self.checksum else (" noudpcsum" if family == 4 else "")
        node.kernel(
            f"link add {device} address {self.vtep_mac(node, family)} type vxlan id {self.vni}"
            f" dev {node.ifname} local {node.address(family)} dstport {self.port}"
            f" nolearning{checksum}"
        )
        node.namespace.sysctl(f"net/ipv6/conf/{device}/accept_ra", 0)
        node.kernel(f"link set {device} mtu {node.underlay.mtu - self.overhead[family]}")
        node.kernel(f"addr add {node.tunnel_address(family)} dev {device}")
        node.kernel(f"link set {device} up")

    def add_remote(self, node, remote):
        for family in self.families:
            device, mac = self.device(family), self.vtep_mac(remote, family)
            via, host = remote.tunnel_address(family), f"-{family}"
            node.kernel(f"{host} neigh replace {via} lladdr {mac} nud permanent dev {device}")
            node.bridge(f"fdb replace {mac} dev {device} dst {remote.address(family)} self")
            subnet = remote.subnet(family)
            node.kernel(f"{host} route replace {subnet} via {via} dev {device} onlink")

    def del_remote(self, node, remote):
        for family in self.families:
            device, mac = self.device(family), self.vtep_mac(remote, family)
            via, host = remote.tunnel_address(family), f"-{family}"
            node.kernel(f"{host} route del {remote.subnet(family)} dev {device}", check=False)
            node.bridge(f"fdb del {mac} dev {device} dst {remote.address(family)} self", check=False)
            node.kernel(f"{host} neigh del {via} dev {device}", check=False)

    def mtu(self, node):
        return node.underlay.mtu - max(self.overhead[family] for family in self.families)
