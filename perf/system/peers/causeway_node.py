# SPDX-License-Identifier: Apache-2.0
"""causeway-dp as a node's switch: a pod at one end of the generator, the uplink at the other."""
from lib import wire

from peers.causeway import NETWORK, CausewayPeer
from tunnel_frames import (
    GATEWAY_IP, GATEWAY_MAC, POD, REMOTE_VTEP_MAC, UDP_PORT, UPLINK, UPLINK_IP, UPLINK_MAC, VTEP_MAC,
)

VTEP, TO_POD, TO_GATEWAY, TO_NODE = 1, 1, 2, 3


class CausewayNode(CausewayPeer):
    """Traffic of its own kind tells whether routes lead to the gateway or into a tunnel."""

    def side(self, side, ends, traffic):
        """Nobody's addresses are the uplink's."""
        return super().side(side, ends, traffic)[: 2 if side == POD else 1]

    def port(self, side, ends, traffic):
        port = super().port(side, ends, traffic)
        if side == UPLINK:
            port.flags |= wire.UPLINK
            port.guard = 0
            port.mac[:] = wire.mac_bytes(UPLINK_MAC)
        return port

    def attach(self, ends, traffic):
        super().attach(ends, traffic)
        self.name = f"{self.name.split(',')[0]}, {traffic.way}"

    def fill(self, side, traffic):
        if side == POD:
            self.add(self.next_hop(TO_POD, wire.NH_PORT, traffic.pod_mac(POD), port=POD + 1))
            self.route(side, TO_POD, traffic)
            return
        gateway = {"via": wire.Ip.of(GATEWAY_IP)}
        self.add(
            self.next_hop(TO_GATEWAY, wire.NH_PORT, GATEWAY_MAC, port=UPLINK + 1, **gateway)
        )
        if traffic.way == "vxlan":
            self.add(self.vtep())
            self.add(self.next_hop(
                TO_NODE, wire.NH_TUNNEL, REMOTE_VTEP_MAC, vtep=VTEP, underlay=TO_GATEWAY, **gateway
            ))  # fmt: skip
        self.route(side, TO_NODE if traffic.way == "vxlan" else TO_GATEWAY, traffic)

    @staticmethod
    def vtep():
        return wire.Vtep.make(
            b"", id=VTEP, port=UPLINK + 1, network=NETWORK, kind=wire.TUNNEL_VXLAN,
            udp_port=UDP_PORT, mac=wire.mac_bytes(VTEP_MAC), address=wire.Ip.of(UPLINK_IP),
        )  # fmt: skip

    @staticmethod
    def next_hop(number, kind, mac, **values):
        return wire.Nexthop.make(
            b"", id=number, network=NETWORK, kind=kind, mac=wire.mac_bytes(mac), **values
        )

    def route(self, side, nexthop, traffic):
        self.add(*[
            wire.Route.make(network=NETWORK, nexthop=nexthop, prefix=wire.Ip.of(str(prefix)))
            for prefix in traffic.prefixes(side)
        ])
