# SPDX-License-Identifier: Apache-2.0
"""What the generator sends: frames between two pods, written as pcap files, the same for every switch.

Sizes are those of RFC 2544, which counts the 4 bytes of FCS that no virtual device carries: 64 is 60
bytes in memory, 1518 is a full MTU of 1500.
"""
import dataclasses
import ipaddress
import random
import struct

FCS = 4
SIZES = {
    "64": [64],
    "256": [256],
    "1518": [1518],
    "imix": [64] * 28 + [570] * 16 + [1518] * 4,
}
# Frames a second at which costs are measured, both directions together: what a generator core can give.
RATES = {"64": 6_000_000, "256": 4_000_000, "1518": 800_000, "imix": 1_600_000}
ROUTER_MAC = "02:00:00:00:00:01"
FLOWS_PER_MAC = 10
PCAP_FRAMES = 16384  # the generator keeps one buffer each
PCAP_ONE_FLOW = 2064  # more than the ring holds, and a multiple of the longest mix


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


@dataclasses.dataclass(frozen=True)
class Traffic:
    """layer: 2 (to a MAC of the other side) or 3 (to the router, one route a flow)."""

    size: str = "64"
    flows: int = 1
    layer: int = 2
    spread: bool = False  # 1 flow in as many buffers as many flows have

    @property
    def name(self):
        return f"{self.size} B L{self.layer} {self.flows} flow{'s' if self.flows > 1 else ''}"

    @property
    def rate(self):
        return RATES[self.size]

    @staticmethod
    def pod_mac(side):
        return f"02:00:00:00:01:{side + 2:02x}"

    @staticmethod
    def pod_ip(side):
        return f"10.1.1.{side + 2}"

    def macs(self, side):
        """Addresses behind a side: what a switch's table needs beyond the pods' own."""
        count = max(1, self.flows // FLOWS_PER_MAC) if self.layer == 2 else 1
        others = [f"02:00:00:{side + 1:02x}:{i >> 8:02x}:{i & 255:02x}" for i in range(count - 1)]
        return [self.pod_mac(side)] + others

    def prefixes(self, side):
        """Routes towards a side, one a flow: /24s spread over 64 of 256 /16s."""
        chooser = random.Random(side)
        base = (20 + 64 * side) << 24
        numbers = chooser.sample(range(1 << 16), self.flows)
        return [ipaddress.ip_network((base | number << 8, 24)) for number in numbers]

    def streams(self, side):
        """(destination MAC, destination address, source port, destination port) of each flow."""
        chooser = random.Random(1000 + side)
        other = 1 - side
        if self.layer == 3:
            ends = [(ROUTER_MAC, int(net.network_address) + 9) for net in self.prefixes(other)]
        else:
            macs = self.macs(other)
            base = int(ipaddress.ip_address("10.1.1.2")) + other
            ends = [(macs[i % len(macs)], base + 256 * (i % len(macs))) for i in range(self.flows)]
        return [
            (mac, address, chooser.randrange(1024, 65536), chooser.randrange(1024, 65536))
            for mac, address in ends
        ]

    def frames(self, side):
        """A seeded sequence: flows uniformly random, sizes shuffled."""
        chooser = random.Random(2000 + side)
        many = self.spread or self.flows > 1
        count = PCAP_FRAMES // 48 * 48 if many else PCAP_ONE_FLOW
        sizes = SIZES[self.size] * (count // len(SIZES[self.size]))
        chooser.shuffle(sizes)
        streams = self.streams(side)
        return [self.frame(side, chooser.choice(streams), size - FCS) for size in sizes]

    def frame(self, side, stream, length):
        mac, address, sport, dport = stream
        source = int(ipaddress.ip_address(self.pod_ip(side)))
        payload = length - 14 - 20
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + payload, 0, 0, 64, 17, 0, source, address)
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        udp = struct.pack("!HHHH", sport, dport, payload, 0)
        ether = mac_bytes(mac) + mac_bytes(self.pod_mac(side)) + b"\x08\x00"
        return (ether + ip + udp).ljust(length, b"\0")


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    return path
