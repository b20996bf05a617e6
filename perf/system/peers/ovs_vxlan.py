# SPDX-License-Identifier: Apache-2.0
"""OVS-DPDK with VXLAN: a bridge with the pod and the tunnel, another with the uplink, both NORMAL."""
from frames import ROUTER_MAC
from peers.ovs import OvsPeer
from tunnel_frames import GATEWAY_IP, GATEWAY_MAC, UDP_PORT, UPLINK_IP, UPLINK_MAC, VNI, VTEP_MAC


class OvsVxlanPeer(OvsPeer):
    def __init__(self, ovs, variant="EMC"):
        super().__init__(ovs, "VXLAN", variant)

    def attach(self, ends, traffic):
        self.ovs.select(self.variant)
        pod, uplink = ends.paths
        self.ovs.vsctl(
            "add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
            f"other_config:hwaddr={UPLINK_MAC}",
            *port("br0", "v0", "type=dpdkvhostuserclient", f"options:vhost-server-path={pod}"),
            *port("br0", "vx0", "type=vxlan", f"options:remote_ip={GATEWAY_IP}",
                  f"options:key={VNI}", f"options:dst_port={UDP_PORT}"),
            *port("br-phy", "v1", "type=dpdkvhostuserclient", f"options:vhost-server-path={uplink}"),
        )  # fmt: skip
        space = self.ovs.namespace
        space.ip(f"addr add {UPLINK_IP}/24 dev br-phy")
        space.ip("link set br-phy up")
        self.openflow("del-flows")
        self.openflow("add-flow", "actions=NORMAL")
        self.ovs.appctl(
            ("ovs/route/add", f"{GATEWAY_IP}/32", "br-phy"),
            ("tnl/arp/set", "br-phy", GATEWAY_IP, GATEWAY_MAC),
            ("fdb/add", "br-phy", "v1", 0, GATEWAY_MAC),
            ("fdb/add", "br0", "vx0", 0, ROUTER_MAC),
            ("fdb/add", "br0", "v0", 0, VTEP_MAC),
        )

    def detach(self):
        self.ovs.appctl(("ovs/route/del", f"{GATEWAY_IP}/32"))
        self.ovs.vsctl(
            "--if-exists", "del-port", "v0", "--", "--if-exists", "del-port", "vx0", "--",
            "--if-exists", "del-br", "br-phy",
        )  # fmt: skip


def port(bridge, name, *settings):
    return ("--", "add-port", bridge, name, "--", "set", "interface", name, *settings)
