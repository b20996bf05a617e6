# SPDX-License-Identifier: Apache-2.0
"""include/causeway/wire.h in Python: structures of dp.sock and a client that speaks it."""
import ctypes
import ipaddress
import socket
from ctypes import c_char, c_int16, c_int32, c_uint8, c_uint16, c_uint32, c_uint64

MAGIC = 0x50445743
VERSION = 4
FRAME_MAX = 1 << 20
NAME_LEN = 64
ARGS_LEN = 256

HELLO, BEGIN, COMMIT, SET, DEL, GET_STATS, GET_NODE, GET_FDB, GET_PORT_FDS, TRACE, GET_FLOWS = range(
    1, 12
)
MORE = 0x2000
EVENT = 0x4000
REPLY = 0x8000

PORT_TAP, PORT_AF_PACKET, PORT_AF_XDP, PORT_HOST, PORT_NULL, PORT_RING, PORT_PCAP = range(1, 8)
PORT_VHOST_USER, PORT_MEMIF, PORT_NIC, PORT_VF = 8, 9, 10, 11
HAIRPIN, TRANSPARENT, NO_FLOOD, UPLINK, ROUTED, SHARED_TAG, OFFLOAD = 1, 2, 4, 8, 16, 32, 64
GUARD_MAC, GUARD_IP, GUARD_ARP, GUARD_RA, GUARD_DHCP = 1, 2, 4, 8, 16
GUARD_ALL = 0x1F
NETWORK_LEARNING, NETWORK_RESOLVE = 1, 2
FDB_LEARNED = 1
(NH_PORT, NH_VIA, NH_HOST, NH_BLACKHOLE, NH_UNREACHABLE, NH_PROHIBIT, NH_GROUP, NH_TUNNEL) = range(
    1, 9
)
NH_OF_TUNNELS = 1
TUNNEL_VXLAN, TUNNEL_IPIP, TUNNEL_UDP = 1, 2, 3
VTEP_STRICT, VTEP_CHECKSUM = 1, 2
DOWN, UP, GONE = range(3)


class Frame(ctypes.Structure):
    _fields_ = [
        ("length", c_uint32),
        ("type", c_uint16),
        ("n_fds", c_uint16),
        ("seq", c_uint32),
        ("n_items", c_uint32),
    ]


class Item(ctypes.Structure):
    """Header of every item. Subclasses name their type; tail holds what follows the fixed part."""

    item_type = 0
    tail = b""
    _fields_ = [("type", c_uint16), ("length", c_uint16), ("reserved_", c_uint32)]

    @classmethod
    def make(cls, tail=b"", **values):
        item = cls(**values)
        item.tail = tail
        return item

    def encode(self):
        body = bytes(self) + self.tail
        body += bytes(-len(body) % 8)
        header = bytes(Item(self.type or self.item_type, len(body)))
        return header + body[len(header) :]

    @classmethod
    def decode(cls, data):
        item = cls.from_buffer_copy(data[: ctypes.sizeof(cls)])
        item.tail = data[ctypes.sizeof(cls) :]
        return item


class Ip(ctypes.Structure):
    _fields_ = [
        ("addr", c_uint8 * 16),
        ("family", c_uint8),
        ("prefix", c_uint8),
        ("reserved", c_uint16),
    ]

    @classmethod
    def of(cls, text):
        """'10.0.0.1/16' or an address alone, which is a host's."""
        interface = ipaddress.ip_interface(text)
        packed = interface.packed.ljust(16, b"\0")
        length = interface.network.prefixlen
        return cls((c_uint8 * 16)(*packed), interface.version, length)


def mac_bytes(text):
    return (c_uint8 * 6)(*bytes.fromhex(text.replace(":", "")))


class Hello(Item):
    item_type = 1
    _fields_ = [("magic", c_uint32), ("version", c_uint32), ("build", c_char * NAME_LEN)]


class Epoch(Item):
    item_type = 2
    _fields_ = [("epoch", c_uint64)]


class Status(Item):
    item_type = 3
    _fields_ = [
        ("error", c_int32),
        ("index", c_uint32),
        ("object", c_uint16),
        ("reserved", c_uint16),
        ("reserved2", c_uint32),
        ("reason", c_char * 128),
    ]


class Name(Item):
    item_type = 4
    STAGE, DROP = 1, 2
    _fields_ = [
        ("kind", c_uint16),
        ("index", c_uint16),
        ("name", c_char * NAME_LEN),
        ("help", c_char * 124),
    ]


class Network(Item):
    item_type = 16
    _fields_ = [
        ("id", c_uint32),
        ("vni", c_uint32),
        ("mtu", c_uint16),
        ("flags", c_uint16),
        ("n_addresses", c_uint16),
        ("router_mac", c_uint8 * 6),
        ("learn_age_s", c_uint32),
        ("learn_limit", c_uint32),
        ("name", c_char * NAME_LEN),
    ]


class Port(Item):
    item_type = 17
    _fields_ = [
        ("id", c_uint32),
        ("network", c_uint32),
        ("kind", c_uint8),
        ("n_fds", c_uint8),
        ("mtu", c_uint16),
        ("vlan", c_uint16),
        ("n_trunk", c_uint16),
        ("flags", c_uint32),
        ("guard", c_uint32),
        ("mac", c_uint8 * 6),
        ("n_queues", c_uint16),
        ("name", c_char * NAME_LEN),
        ("ifname", c_char * NAME_LEN),
        ("args", c_char * ARGS_LEN),
        ("generation", c_uint64),
        ("parent", c_uint32),
        ("reserved", c_uint32),
    ]


class Tag(ctypes.Structure):
    _fields_ = [("vlan", c_uint16), ("reserved", c_uint16), ("network", c_uint32)]


class Endpoint(Item):
    item_type = 18
    _fields_ = [
        ("port", c_uint32),
        ("network", c_uint32),
        ("mac", c_uint8 * 6),
        ("n_ips", c_uint16),
    ]


class Fdb(Item):
    item_type = 19
    _fields_ = [
        ("network", c_uint32),
        ("mac", c_uint8 * 6),
        ("flags", c_uint16),
        ("port", c_uint32),
        ("age_s", c_uint32),
        ("nexthop", c_uint32),
    ]


class Neighbor(Item):
    item_type = 20
    _fields_ = [
        ("network", c_uint32),
        ("port", c_uint32),
        ("ip", Ip),
        ("mac", c_uint8 * 6),
        ("reserved", c_uint16),
        ("nexthop", c_uint32),
    ]


class Member(ctypes.Structure):
    _fields_ = [("nexthop", c_uint32), ("weight", c_uint32)]


class Nexthop(Item):
    item_type = 21
    _fields_ = [
        ("id", c_uint32),
        ("network", c_uint32),
        ("kind", c_uint8),
        ("reserved", c_uint8),
        ("mac", c_uint8 * 6),
        ("port", c_uint32),
        ("via", Ip),
        ("vtep", c_uint32),
        ("underlay", c_uint32),
        ("vni", c_uint32),
        ("mtu", c_uint16),
        ("flags", c_uint16),
        ("n_members", c_uint32),
    ]


class Route(Item):
    item_type = 22
    _fields_ = [("network", c_uint32), ("nexthop", c_uint32), ("prefix", Ip), ("reserved", c_uint32)]


class Vtep(Item):
    """tail: the node's own inner addresses, then groups."""

    item_type = 23
    _fields_ = [
        ("id", c_uint32),
        ("port", c_uint32),
        ("network", c_uint32),
        ("kind", c_uint8),
        ("ttl", c_uint8),
        ("flags", c_uint16),
        ("udp_port", c_uint16),
        ("mac", c_uint8 * 6),
        ("address", Ip),
        ("n_own", c_uint16),
        ("n_groups", c_uint16),
    ]


class Flood(Item):
    item_type = 24
    _fields_ = [("network", c_uint32), ("nexthop", c_uint32)]


COUNTERS = (
    "rx_packets rx_bytes tx_packets tx_bytes sent originated replicas segments punted held "
    "device_rx_dropped device_tx_dropped"
).split()


class PortStats(Item):
    item_type = 64
    _fields_ = [("port", c_uint32), ("worker", c_uint16), ("n_drops", c_uint16)] + [
        (name, c_uint64) for name in COUNTERS
    ]


class StageStats(Item):
    item_type = 65
    _fields_ = [
        ("stage", c_uint16),
        ("worker", c_uint16),
        ("reserved", c_uint32),
        ("packets", c_uint64),
        ("bursts", c_uint64),
    ]


class WorkerStats(Item):
    item_type = 66
    _fields_ = [
        ("worker", c_uint16),
        ("core", c_uint16),
        ("reserved", c_uint32),
        ("tsc_hz", c_uint64),
        ("busy_cycles", c_uint64),
        ("idle_cycles", c_uint64),
        ("sleep_cycles", c_uint64),
        ("rounds", c_uint64),
        ("busy_rounds", c_uint64),
        ("sleeps", c_uint64),
        ("packets", c_uint64),
        ("bursts", c_uint64 * 8),
    ]


class Node(Item):
    item_type = 67
    _fields_ = (
        [("version", c_char * NAME_LEN), ("dpdk", c_char * NAME_LEN)]
        + [(n, c_uint64) for n in ("uptime_ms", "epoch", "heap_bytes", "heap_used_bytes")]
        + [(n, c_uint32) for n in ("mbufs", "mbufs_free", "jumbos", "jumbos_free")]
        + [("route_bytes", c_uint64)]
        + [
            (n, c_uint32)
            for n in (
                "networks ports endpoints fdb_entries neighbors nexthops routes4 routes6 pid "
                "reserved"
            ).split()
        ]
    )


class WorkerInfo(Item):
    item_type = 68
    _fields_ = [
        ("worker", c_uint16),
        ("core", c_uint16),
        ("numa", c_int16),
        ("isolated", c_uint16),
        ("idle", c_char * 16),
    ]


class PortInfo(Item):
    item_type = 69
    _fields_ = [
        ("id", c_uint32),
        ("kind", c_uint8),
        ("state", c_uint8),
        ("numa", c_int16),
        ("rx_queues", c_uint16),
        ("tx_queues", c_uint16),
        ("capabilities", c_uint32),
        ("rx_workers", c_uint64),
        ("reason", c_char * 128),
        ("capability_names", c_char * 128),
        ("peer_mtu", c_uint16),
        ("peer_queues", c_uint16),
        ("connects", c_uint32),
        ("peer_features", c_char * 128),
        ("mac", c_uint8 * 6),
        ("info_reserved", c_uint16),
    ]


class Trace(Item):
    item_type = 70
    _fields_ = [
        ("count", c_uint32),
        ("port", c_uint32),
        ("network_plus_1", c_uint32),
        ("ether_type", c_uint16),
        ("ip_proto", c_uint8),
        ("reserved", c_uint8),
        ("src", Ip),
        ("dst", Ip),
        ("l4_src", c_uint16),
        ("l4_dst", c_uint16),
        ("reserved2", c_uint32),
    ]


QUEUE_COUNTERS = (
    "rx_packets rx_bytes tx_packets tx_bytes tx_full kicks_sent kicks_received"
).split()


class QueueStats(Item):
    item_type = 71
    _fields_ = [("port", c_uint32), ("queue", c_uint16), ("reserved", c_uint16)] + [
        (name, c_uint64) for name in QUEUE_COUNTERS
    ]


FLOW_WANTED, FLOW_OFFLOADED, FLOW_REFUSED, FLOW_FAILED = range(4)
FLOW_RSS, FLOW_STEER, FLOW_FORWARD, FLOW_DECAP, FLOW_ENCAP = 1, 2, 3, 4, 5


class Flow(Item):
    item_type = 72
    _fields_ = [
        ("id", c_uint32),
        ("port", c_uint32),
        ("out_port", c_uint32),
        ("kind", c_uint16),
        ("state", c_uint8),
        ("transfer", c_uint8),
        ("packets", c_uint64),
        ("bytes", c_uint64),
        ("match", c_char * 192),
        ("actions", c_char * 192),
        ("reason", c_char * 128),
    ]


class PortEvent(Item):
    item_type = 96
    _fields_ = [
        ("port", c_uint32),
        ("state", c_uint8),
        ("reserved", c_uint8 * 3),
        ("reason", c_char * 128),
    ]


class NeighborWanted(Item):
    item_type = 97
    _fields_ = [("network", c_uint32), ("reserved", c_uint32), ("ip", Ip), ("nexthop", c_uint32)]


class RemoteWanted(Item):
    item_type = 100
    _fields_ = [("network", c_uint32), ("vtep", c_uint32), ("ip", Ip), ("reserved", c_uint32)]


class TableFull(Item):
    item_type = 98
    _fields_ = [("object", c_uint16), ("reserved", c_uint16), ("network", c_uint32)]


class TraceRecord(Item):
    item_type = 99
    _fields_ = [
        ("tsc_ns", c_uint64),
        ("in_port", c_uint32),
        ("out_port", c_uint32),
        ("network", c_uint32),
        ("worker", c_uint16),
        ("n_steps", c_uint16),
        ("drop", c_int16),
        ("frame_length", c_uint16),
        ("n_bytes", c_uint16),
        ("reserved", c_uint16),
        ("steps", c_uint8 * 24),
        ("bytes", c_uint8 * 96),
    ]


ITEMS = {cls.item_type: cls for cls in Item.__subclasses__()}


class Refused(Exception):
    """The data plane refused an item: errno and its reason."""

    def __init__(self, status):
        super().__init__(f"{status.error}: {status.reason.decode()}")
        self.errno = -status.error
        self.reason = status.reason.decode()


class DpSock:
    """One connection to dp.sock. Events that arrive in between are kept in .events."""

    def __init__(self, path, hello=True, timeout=10.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.seq = 0
        self.events = []
        self.names = {Name.STAGE: {}, Name.DROP: {}}
        if hello:
            self.request(HELLO, [Hello.make(magic=MAGIC, version=VERSION, build=b"tests")])
            while not self.names[Name.DROP]:
                self.take_event(*self.read_frame())

    def close(self):
        self.socket.close()

    def send_raw(self, data, fds=()):
        sent = socket.send_fds(self.socket, [data], list(fds)) if fds else 0
        if sent < len(data):
            self.socket.sendall(data[sent:])

    def read_bytes(self, n, ancillary=None):
        data = b""
        while len(data) < n:
            if ancillary is not None and not data:
                part, fds, _, _ = socket.recv_fds(self.socket, n, 64)
                ancillary.extend(fds)
            else:
                part = self.socket.recv(n - len(data))
            if not part:
                raise ConnectionError("closed by the data plane")
            data += part
        return data

    def read_frame(self):
        """Returns (Frame, items, descriptors)."""
        fds = []
        frame = Frame.from_buffer_copy(self.read_bytes(ctypes.sizeof(Frame), fds))
        rest = self.read_bytes(frame.length - ctypes.sizeof(Frame))
        items = []
        while rest:
            header = Item.from_buffer_copy(rest[:8])
            items.append(ITEMS[header.type].decode(rest[: header.length]))
            rest = rest[header.length :]
        return frame, items, fds

    def take_event(self, frame, items, _fds):
        assert frame.type == EVENT, f"frame type {frame.type:#x} out of turn"
        for item in items:
            if isinstance(item, Name):
                self.names[item.kind][item.index] = item.name.decode()
            else:
                self.events.append(item)

    def encode(self, frame_type, items, n_fds=0):
        body = b"".join(item.encode() for item in items)
        self.seq += 1
        return bytes(Frame(16 + len(body), frame_type, n_fds, self.seq, len(items))) + body

    def request(self, frame_type, items=(), fds=()):
        """Sends one frame and returns the reply's (items, descriptors)."""
        self.send_raw(self.encode(frame_type, list(items), len(fds)), fds)
        items, received = [], []
        while True:
            frame, part, part_fds = self.read_frame()
            if frame.type == EVENT:
                self.take_event(frame, part, part_fds)
                continue
            assert frame.type & ~MORE == frame_type | REPLY and frame.seq == self.seq
            items += part
            received += part_fds
            if not frame.type & MORE:
                return items, received

    def set(self, *items, fds=()):
        """Adds or replaces objects; raises Refused at the first that was refused."""
        self.check(self.request(SET, items, fds)[0], len(items))

    def delete(self, *items):
        self.check(self.request(DEL, items)[0], len(items))

    @staticmethod
    def check(statuses, n):
        assert len(statuses) == n
        for status in statuses:
            if status.error:
                raise Refused(status)

    def wait_event(self, kind, match=lambda event: True):
        """Takes the first event of this class that matches out of the queue, waiting for it."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and match(event):
                    self.events.remove(event)
                    return event
            self.take_event(*self.read_frame())

    def port_stats(self):
        """{port: {counter: value, ..., 'drops': {name: value}}}, summed over workers."""
        ports = {}
        for item in self.request(GET_STATS)[0]:
            if not isinstance(item, PortStats):
                continue
            port = ports.setdefault(item.port, dict.fromkeys(COUNTERS, 0) | {"drops": {}})
            for name in COUNTERS:
                port[name] += getattr(item, name)
            drops = (c_uint64 * item.n_drops).from_buffer_copy(item.tail)
            for index, value in enumerate(drops):
                if value:
                    name = self.names[Name.DROP][index]
                    port["drops"][name] = port["drops"].get(name, 0) + value
        return ports

    def queue_stats(self, port):
        """[{counter: value}], by queue of one port whose driver counts by queue."""
        items = [
            item
            for item in self.request(GET_STATS)[0]
            if isinstance(item, QueueStats) and item.port == port
        ]
        items.sort(key=lambda item: item.queue)
        return [{name: getattr(item, name) for name in QUEUE_COUNTERS} for item in items]

    def flows(self):
        """What devices are asked to do by themselves."""
        return self.request(GET_FLOWS)[0]

    def port_info(self, port):
        """The PortInfo of one port, or None."""
        for item in self.request(GET_NODE)[0]:
            if isinstance(item, PortInfo) and item.id == port:
                return item
        return None
