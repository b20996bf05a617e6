# SPDX-License-Identifier: Apache-2.0
"""A card with VFs, representors and rte_flow rules that work: tests/pmd, in a data plane of its own.

The card's ends are veths: frames that a test sends by a far side arrive at the card as they would
from the wire, or from a VF's driver.
"""
from collections import Counter

from lib import settings, tunnels, wire
from lib.dataplane import DataPlane, PodPort
from lib.netns import Namespace
from lib.raw import RawSocket
from lib.tunnels import PEER_VTEP_MAC, VTEP_MAC, VXLAN4
from lib.wait import wait_until
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.utils import checksum

PMD = settings.BUILD / "tests" / "pmd" / "net_flow.so"
DEVICE = "net_flow0"
POD_PORT, FIRST_VF_PORT = 1, 10
BATCH = 40
ROUTER = "10.1.0.1"
QUESTION = 7  # UDP port
MOVING = (wire.FLOW_FORWARD, wire.FLOW_DECAP, wire.FLOW_ENCAP)


class Card:
    """The device of a data plane that runs in .namespace, and its far sides beside it."""

    def __init__(self, vfs=2, kernel=False, **arguments):
        """kernel: the uplink has a side that is the kernel's, too (a bifurcated driver)."""
        self.vfs = vfs
        self.namespace = self.make_namespace()
        names = ["wire", *map("vf{}".format, range(vfs)), *(["kernel"] if kernel else [])]
        self.far = {name: self.connect(name) for name in names}
        self.arguments = arguments

    def make_namespace(self):
        return Namespace("card", quiet=True)

    def connect(self, name):
        """A veth from the card to a namespace that is quiet; its link is `far`."""
        far = Namespace(name, quiet=True)
        far.ip(f"link add far type veth peer name card-{name} netns {self.namespace.name}")
        for namespace, link in ((far, "far"), (self.namespace, f"card-{name}")):
            namespace.run("ethtool", "-K", link, "tx", "off", "rxvlan", "off", check=False)
            namespace.ip(f"link set {link} mtu 9000 up")
        return far

    def uplink_args(self):
        words = [f"device={DEVICE}", f"vfs={self.vfs}"]
        words += [f"{name}=card-{name}" for name in self.far]
        for key, value in self.arguments.items():
            words += [f"{key}={one}" for one in (value if isinstance(value, list) else [value])]
        return ",".join(words)

    @staticmethod
    def vf_args(number):
        return f"device={DEVICE},representor=vf{number}"

    def close(self):
        for namespace in self.far.values():
            namespace.close()
        self.namespace.close()


class CardPort(PodPort):
    """A port of the data plane on a device of the card; the far side is the pod."""

    def __init__(self, dp, number, far, kind, args, **port):
        self.dp, self.id, self.network, self.kind = dp, number, port.pop("network", 0), kind
        self.mtu = port.pop("mtu", 1500)
        self.mac = f"02:00:00:00:01:{number:02x}"
        self.ip4, self.ip6 = f"10.1.1.{number}", f"fd00:1::1:{number:x}"
        self.ips = [self.ip4, self.ip6]
        self.ifname = "far"
        self.generation = 1
        self.settings = {"args": args.encode()} | port
        self.queues = self.settings.pop("queues", 1)
        self.namespace = far
        self.fds = []
        self.raw = RawSocket(far, "far")

    def close(self):
        self.raw.close()


class CardDataPlane(DataPlane):
    """causeway-dp with the card: .uplink, .vfs and one ordinary pod on a tap, .pod."""

    def __init__(self, scratch, hugepages, offload=True, **arguments):
        assert PMD.exists(), f"{PMD} is not built: packaging/dpdk-headers.sh, then meson setup"
        self.card = Card(**arguments)
        try:
            super().__init__(scratch, hugepages, "--driver", PMD, namespace=self.card.namespace)
        except BaseException:
            self.card.close()
            raise
        self.flags = wire.OFFLOAD if offload else 0

    def add_card(self, **uplink):
        """The uplink in an underlay network, with a VXLAN tunnel; VFs and a tap as pods.

        uplink: further settings of its port.
        """
        self.add_network()
        self.pod = self.add_port(POD_PORT)
        self.add_network(
            tunnels.UNDERLAY, "underlay", (), router_mac=wire.mac_bytes("02:00:00:00:00:09")
        )
        self.uplink = self.take_port(
            CardPort(
                self, tunnels.UPLINK, self.card.far["wire"], wire.PORT_NIC,
                self.card.uplink_args(), network=tunnels.UNDERLAY, flags=wire.UPLINK | self.flags,
                **uplink,
            ),
            endpoint=False,
        )
        self.sock.set(tunnels.underlay_hop())
        tunnels.add_tunnels(self, [VXLAN4])
        self.vfs = [
            self.take_port(
                CardPort(
                    self, FIRST_VF_PORT + i, self.card.far[f"vf{i}"], wire.PORT_VF,
                    self.card.vf_args(i), flags=self.flags, guard=wire.GUARD_ALL,
                )
            )
            for i in range(self.card.vfs)
        ]
        return self

    def exchange(self, source, frames):
        """Sends frames by one port's far side. Returns {port: Counter(bytes)} of what came out.

        Behind each batch goes a question that only the switch itself can answer: by then everything
        before it is through the switch, and what the card carries by itself has gone before.
        """
        out = {number: Counter() for number in self.ports}
        for port in self.ports.values():
            port.raw.drain()
        for start in range(0, len(frames), BATCH):
            source.send(*frames[start : start + BATCH])
            self.collect(out, *self.ask(source))
        return out

    def ask(self, source):
        """Returns who hears the answer, and how it is known."""
        if source is self.uplink:
            # No card reaches a tap.
            source.send(self.from_peer(udp(self.pod, QUESTION)))
            return self.pod, lambda frame: UDP in frame and frame[UDP].dport == QUESTION
        source.send(
            Ether(src=source.mac, dst="ff:ff:ff:ff:ff:ff")
            / ARP(hwsrc=source.mac, psrc=source.ip4, pdst=ROUTER)
        )
        return source, lambda frame: ARP in frame and frame[ARP].psrc == ROUTER

    def from_peer(self, packet):
        """An IP packet that the other node's router sends into the tunnel."""
        frame = Ether(src=PEER_VTEP_MAC, dst=VTEP_MAC) / packet
        return VXLAN4.wrap(frame, self.uplink.mac)

    def collect(self, out, hears, is_answer):
        before = []
        hears.raw.receive(lambda frame: is_answer(frame) or before.append(frame), timeout=20)
        self.assert_balanced()
        for number, port in self.ports.items():
            for frame in [*(before if port is hears else ()), *port.raw.drain()]:
                if not is_request(frame):
                    out[number][normal(bytes(frame))] += 1

    def wait_offloaded(self, count):
        """Until so many connections are carried by the card, and no rule waits for its turn."""

        def settled():
            flows = self.sock.flows()
            moving = [f for f in flows if f.kind in MOVING and f.state == wire.FLOW_OFFLOADED]
            return len(moving) >= count and all(f.state != wire.FLOW_WANTED for f in flows)

        wait_until(settled, f"{count} connections in the card", timeout=30)

    def carried(self):
        """Packets that the card has counted by its rules."""
        return sum(flow.packets for flow in self.sock.flows())

    def close(self):
        try:
            super().close()
        finally:
            self.card.close()


def udp(target, dport, src=None):
    return IP(src=src or VXLAN4.pod(), dst=target.ip4) / UDP(sport=QUESTION, dport=dport)


def is_request(frame):
    """The question's own broadcast, which bridged pods hear too."""
    return ARP in frame and frame[ARP].op == 1 and frame[ARP].pdst == ROUTER


def normal(data):
    """A frame without what an encapsulation is free to choose: outer IPv4 identification (and so
    the checksum), UDP source port."""
    if data[12:14] != b"\x08\x00" or data[23] != 17 or data[36:38] != b"\x21\x18":
        return data
    assert checksum(data[14:34]) == 0, Ether(data)
    return data[:18] + bytes(2) + data[20:24] + bytes(2) + data[26:34] + bytes(2) + data[36:]
