# SPDX-License-Identifier: Apache-2.0
"""What the generator sends between a pod (side 0) and another node (side 1, an uplink).

The pod's frames go to the router, one route a flow. The node's come as they would in a network of nodes: from the gateway's MAC
(host-gw), or inside VXLAN with the source port of each flow.
"""
import dataclasses
import ipaddress
import random
import struct

from frames import FCS, SIZES, Traffic, checksum, mac_bytes

UPLINK_MAC, GATEWAY_MAC = "02:00:00:00:0a:01", "02:00:00:00:0a:02"
VTEP_MAC, REMOTE_VTEP_MAC = "02:00:00:00:0b:01", "02:00:00:00:0b:02"
UPLINK_IP, GATEWAY_IP = "192.168.99.1", "192.168.99.2"
UDP_PORT, VNI = 8472, 1
OVERHEAD = 50
POD, UPLINK = 0, 1


@dataclasses.dataclass(frozen=True)
class TunnelTraffic(Traffic):
    """way: "vxlan" or "host-gw". At 1518 the frame between the nodes has that size, else the pod's."""

    layer: int = 3
    way: str = "vxlan"

    @property
    def name(self):
        return f"{super().name} {self.way}"

    def inner_length(self, size):
        fits = size + OVERHEAD <= 1518 or self.way == "host-gw"
        return size - FCS - (0 if fits else OVERHEAD)

    def frames(self, side):
        chooser = random.Random(2000 + side)
        count = 2064 if self.flows == 1 else 16368
        streams = self.streams(side)
        size = SIZES[self.size][0]
        return [self.frame(side, chooser.choice(streams), self.inner_length(size)) for _ in range(count)]

    def frame(self, side, stream, length):
        frame = super().frame(side, stream, length)
        if side == POD:
            return frame
        if self.way == "host-gw":
            return mac_bytes(UPLINK_MAC) + mac_bytes(GATEWAY_MAC) + frame[12:]
        inner = mac_bytes(VTEP_MAC) + mac_bytes(REMOTE_VTEP_MAC) + frame[12:]
        return encapsulated(inner, 49152 | (stream[2] & 0x3FFF))


def encapsulated(inner, source_port):
    """As another node sends it: RFC 7348, no UDP checksum."""
    udp_len = 8 + 8 + len(inner)
    ends = [int(ipaddress.ip_address(ip)) for ip in (GATEWAY_IP, UPLINK_IP)]
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + udp_len, 0, 0, 64, 17, 0, *ends)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", source_port, UDP_PORT, udp_len, 0)
    vxlan = struct.pack("!II", 1 << 27, VNI << 8)
    ether = mac_bytes(UPLINK_MAC) + mac_bytes(GATEWAY_MAC) + b"\x08\x00"
    return ether + ip + udp + vxlan + inner
