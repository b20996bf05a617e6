# SPDX-License-Identifier: Apache-2.0
"""A node whose eth0 is an uplink, and another node, plain Linux, at the far end of it.

The node is 192.0.2.1 and has pods in 10.1.0.0/16 and fd00:1::/64 (and 10.1.0.1, the host's address
among them). The far node is 192.0.2.2 with 10.2.0.5 and fd00:2::5 as its "pods". Both families
are there throughout.
"""
import contextlib
import socket

from lib.netns import Namespace
from lib.node import Node
from lib.raw import RawSocket
from lib.wait import wait_until

WIRE = {4: ("192.0.2.1", "192.0.2.2"), 6: ("fd00:c::1", "fd00:c::2")}
REMOTE_POD = {4: "10.2.0.5", 6: "fd00:2::5"}
REMOTE_NET = {4: "10.2.0.0/16", 6: "fd00:2::/64"}
POD_NET = {4: "10.1.0.0/16", 6: "fd00:1::/64"}
HOST_BITS = {4: 32, 6: 128}
NET_BITS = {4: 24, 6: 64}
# What a card does before a frame is on the wire, and a veth leaves undone. An AF_PACKET socket is
# told what is missing, XDP is not.
UNFINISHED = ("tx", "tso", "gso", "txvlan")
VXLAN_PORT = 8472


class Session:
    """A TCP connection that must last: BGP, ssh, kubelet."""

    def __init__(self, client, server, address):
        with server.entered():
            listener = socket.create_server((address, 0))
        with client.entered():
            self.client = socket.create_connection(listener.getsockname(), timeout=30)
        self.server = listener.accept()[0]
        self.server.settimeout(30)
        listener.close()

    def exchange(self):
        """A message each way."""
        for source, sink in ((self.client, self.server), (self.server, self.client)):
            source.sendall(b"keepalive")
            got = b""
            while len(got) < 9:
                part = sink.recv(64)
                assert part, "the session ended"
                got += part
            assert got == b"keepalive"

    def close(self):
        self.client.close()
        self.server.close()


class UplinkNode:
    def __init__(self, scratch, hugepages, kind):
        self.kind = kind
        self.node = Node(scratch, hugepages)
        self.far = Namespace("far")
        self.sessions = []
        self.near_mac = self.far_mac = None
        self.connect()

    def connect(self):
        near = self.node.namespace
        for namespace in (near, self.far):
            for scope in ("all", "default"):
                namespace.sysctl(f"net/ipv6/conf/{scope}/accept_dad", 0)
        addresses = [f"address {mac}" if mac else "" for mac in (self.near_mac, self.far_mac)]
        near.ip(
            f"link add eth0 {addresses[0]} type veth"
            f" peer name eth0 {addresses[1]} netns {self.far.name}"
        )
        if self.kind == "af_xdp":
            off = [word for feature in UNFINISHED for word in (feature, "off")]
            self.far.run("ethtool", "-K", "eth0", *off)
        for namespace, index in ((near, 0), (self.far, 1)):
            namespace.ip("link set eth0 up")
            for family in (4, 6):
                nodad = " nodad" if family == 6 else ""
                address = f"{WIRE[family][index]}/{NET_BITS[family]}"
                namespace.ip(f"addr add {address} dev eth0{nodad}")
        self.near_mac, self.far_mac = near.mac("eth0"), self.far.mac("eth0")
        for family in (4, 6):
            self.far.ip(f"addr replace {REMOTE_POD[family]}/{HOST_BITS[family]} dev lo")
            near.ip(f"-{family} route add {REMOTE_NET[family]} via {WIRE[family][1]}")

    def start(self):
        self.node.start()
        return self

    def add_uplink(self, **params):
        port = {"name": "up", "kind": self.kind, "ifname": "eth0", "uplink": True} | params
        result = self.node.call("port.add", **port)
        self.wait_up()
        return result

    def wait_up(self):
        wait_until(
            lambda: self.node.call("port.get", name="up")["state"] == "ready", "uplink is ready"
        )

    def host_gateway(self, family):
        """Routes between the pods of both nodes without a tunnel."""
        self.far.ip(f"-{family} route replace {POD_NET[family]} via {WIRE[family][0]}")
        for prefix in (REMOTE_NET[family], f"{WIRE[family][1]}/{HOST_BITS[family]}"):
            self.node.call("route.add", prefix=prefix, port="up", mac=self.far_mac)

    def session(self):
        self.sessions.append(Session(self.far, self.node.namespace, WIRE[4][0]))
        return self.sessions[-1]

    def frames_taken(self):
        """Frames that the switch has read from the uplink."""
        return self.node.port_stats()["up"]["rx_packets"]

    def kernel_packets(self):
        """IP packets, both families, that the node's own stack has received."""
        text = self.node.namespace.run("nstat", "-asz", "IpInReceives", "Ip6InReceives").stdout
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Ip"))

    @contextlib.contextmanager
    def far_end(self):
        raw = RawSocket(self.far, "eth0")
        try:
            yield raw
        finally:
            raw.close()

    @contextlib.contextmanager
    def kernel_udp(self, port):
        """A receiver in the node's own stack."""
        with self.node.namespace.entered():
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with receiver:
            receiver.bind(("0.0.0.0", port))
            receiver.settimeout(10)
            yield receiver

    def close(self):
        for session in self.sessions:
            session.close()
        try:
            self.node.close()
        finally:
            self.far.close()
