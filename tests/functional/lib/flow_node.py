# SPDX-License-Identifier: Apache-2.0
"""A node with a card that carries flows (tests/pmd), set up by cwctl as docs/nics.md says it."""
from lib.flow_pmd import DEVICE, PMD, Card
from lib.node import Node
from lib.raw import RawSocket
from lib.wait import wait_until
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

ROUTER_MAC = "02:00:00:00:05:01"
UPLINK_MAC, PEER_MAC = "02:00:00:00:09:01", "02:00:00:00:09:02"
VTEP_MAC, PEER_VTEP_MAC = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
NODE, PEER = "192.0.2.1", "192.0.2.2"
VNI, VXLAN_PORT = 7, 8472
FRAMES = 30


class Guest:
    """Whoever is behind a VF: frames enter and leave the card where the VF's driver has them."""

    def __init__(self, number, far):
        self.vf, self.port = f"vf{number}", f"guest{number}"
        self.mac, self.ip = f"02:00:00:00:05:1{number}", f"10.5.0.1{number}"
        self.raw = RawSocket(far, "far")

    def send(self, frame, count=1):
        for _ in range(count):
            self.raw.send(frame)

    def frame(self, to, src=None, mac=None, sport=1000, proto=UDP):
        """To another guest, or to an address: by the router unless a MAC says otherwise."""
        packet = IP(src=self.ip, dst=getattr(to, "ip", to)) / proto(sport=sport, dport=9)
        mac = mac or getattr(to, "mac", ROUTER_MAC)
        return bytes(Ether(src=src or self.mac, dst=mac) / packet / (b"x" * 64))


def hears(raw, count, sport=1000, proto=UDP):
    """Waits for so many packets of this source port; the last of them."""

    def is_one(frame):
        inner = frame[VXLAN].payload if VXLAN in frame else frame
        return proto in inner and inner[proto].sport == sport

    return [raw.receive(is_one, timeout=20) for _ in range(count)][-1]


class FlowNode(Node):
    """.guests are on the VFs, .wire is the far side of the uplink."""

    def __init__(self, scratch, hugepages, vfs=3, **arguments):
        assert PMD.exists(), f"{PMD} is not built: packaging/dpdk-headers.sh, then meson setup"
        self.card = Card(vfs, **arguments)
        try:
            super().__init__(scratch, hugepages, ["--driver", PMD], self.card.namespace)
            self.wire = RawSocket(self.card.far["wire"], "far")
            self.guests = [Guest(i, self.card.far[f"vf{i}"]) for i in range(vfs)]
        except BaseException:
            self.card.close()
            raise

    def add_card(self):
        """Names of the guests' ports sort before the uplink's, on whose device they are."""
        self.cwctl("network", "add", "underlay")
        subnet = {"subnets": "10.5.0.1/24", "router_mac": ROUTER_MAC}
        self.cwctl("network", "add", "guests", vni=VNI, **subnet)
        device, _, devargs = self.card.uplink_args().removeprefix("device=").partition(",")
        self.cwctl(
            "port", "add", "up0", kind="nic", device=device, devargs=devargs, mac=UPLINK_MAC,
            network="underlay", uplink="true", offload="true",
        )  # fmt: skip
        for guest in self.guests:
            self.cwctl(
                "port", "add", guest.port, kind="vf", device=DEVICE, representor=guest.vf,
                mac=guest.mac, guard="mac", network="guests", offload="true",
            )  # fmt: skip
            self.cwctl("fdb", "add", "guests", guest.mac, port=guest.port)
            self.cwctl("neighbor", "add", "guests", guest.ip, mac=guest.mac, port=guest.port)
        return self

    def add_tunnel(self):
        """VXLAN to another node, with 10.244.2.0/24 behind it."""
        remote = {"vtep": "vx", "remote": PEER, "underlay": 50}
        self.cwctl(
            "vtep", "add", "vx", kind="vxlan", address=NODE, udp_port=VXLAN_PORT, uplink="up0",
            mac=VTEP_MAC,
        )  # fmt: skip
        self.cwctl("nexthop", "add", 50, kind="port", port="up0", mac=PEER_MAC)
        self.cwctl("route", "add", "guests", "10.244.2.0/24", mac=PEER_VTEP_MAC, **remote)

    def from_peer(self, guest, sport):
        """A packet for a guest, as the other node's router sends it."""
        packet = IP(src="10.244.2.9", dst=guest.ip) / UDP(sport=sport, dport=9) / (b"y" * 64)
        inner = Ether(src=PEER_VTEP_MAC, dst=VTEP_MAC) / packet
        outer = Ether(src=PEER_MAC, dst=UPLINK_MAC) / IP(src=PEER, dst=NODE)
        return bytes(
            outer / UDP(sport=50000, dport=VXLAN_PORT, chksum=0) / VXLAN(flags=8, vni=VNI) / inner
        )

    def flows(self, words, **params):
        """Rules whose match has these words."""
        return [f for f in self.cwctl("flow", "list", **params) if words in f["match"]]

    def wait_flow(self, words, state="offloaded", **params):
        """The rule, as soon as there is one in this state."""
        (flow,) = wait_until(
            lambda: self.flows(words, state=state, **params), f"{words}: {state}", timeout=30
        )
        return flow

    def received(self, port):
        """Packets that workers had from a port."""
        return self.port_stats()[port]["rx_packets"]

    def close(self):
        try:
            super().close()
        finally:
            self.card.close()
