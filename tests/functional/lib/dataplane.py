# SPDX-License-Identifier: Apache-2.0
"""causeway-dp alone: the tests take causewayd's place on dp.sock."""
import itertools
import os

from lib import settings, wire
from lib.books import assert_balanced, sent_to_others
from lib.daemon import Daemon
from lib.devices import open_tap, open_veth
from lib.netns import Namespace
from lib.raw import RawSocket
from lib.wait import wait_until

ROUTER_MAC = "02:00:00:00:00:01"
BATCH = 200
SUBNETS = ("10.1.0.1/16", "fd00:1::1/64")


def dp_command(runtime_dir, hugepages, *options):
    """Ordinary memory when the machine gave no hugepages, and the last CPU for the worker."""
    command = [settings.DP, "--runtime-dir", runtime_dir]
    if not hugepages:
        command += ["--huge", "false"]
    if "--cores" not in options:
        command += ["--cores", str(max(os.sched_getaffinity(0)))]
    return [*command, *options]


class PodPort:
    """The switch's end of a device, and the frames that cross the pod's end of it."""

    def __init__(self, dp, number, network=0, queues=1, kind=wire.PORT_TAP, mtu=1500, **port):
        self.dp, self.id, self.network, self.kind, self.mtu = dp, number, network, kind, mtu
        self.mac = f"02:00:00:00:01:{number:02x}"
        self.ip4, self.ip6 = f"10.1.1.{number}", f"fd00:1::1:{number:x}"
        self.ips = [self.ip4, self.ip6]
        self.ifname = f"pod{number}"
        self.generation = 1
        self.settings = port
        self.queues = queues
        self.namespace = Namespace(self.ifname, quiet=True)
        make = open_veth if kind == wire.PORT_AF_PACKET else open_tap
        self.fds = make(self.namespace, self.ifname, queues, self.mac, mtu)
        self.raw = RawSocket(self.namespace, self.ifname)

    def item(self, n_fds, **changes):
        values = {
            "id": self.id,
            "network": self.network,
            "kind": self.kind,
            "n_fds": n_fds,
            "mtu": self.mtu,
            "mac": wire.mac_bytes(self.mac),
            "n_queues": self.queues,
            "name": f"port{self.id}".encode(),
            "ifname": self.ifname.encode(),
            "generation": self.generation,
        }
        values |= self.settings | changes
        trunk = values.pop("trunk", ())
        tail = b"".join(bytes(wire.Tag(vlan, 0, network)) for vlan, network in trunk)
        return wire.Port.make(tail, n_trunk=len(trunk), **values)

    def endpoint(self):
        tail = b"".join(bytes(wire.Ip.of(ip)) for ip in self.ips)
        return wire.Endpoint.make(
            tail,
            port=self.id,
            network=self.network,
            mac=wire.mac_bytes(self.mac),
            n_ips=len(self.ips),
        )

    def attach(self, endpoint=True):
        self.dp.sock.set(self.item(len(self.fds)), fds=self.fds)
        if endpoint:
            self.dp.sock.set(self.endpoint())
        self.dp.wait_port_up(self.id)
        return self

    def change(self, **changes):
        """The same device with other settings."""
        self.settings |= changes
        self.dp.sock.set(self.item(0))

    def detach(self):
        self.dp.sock.delete(
            wire.Endpoint.make(port=self.id), wire.Port.make(id=self.id)
        )

    def send(self, *packets):
        for packet in packets:
            self.raw.send(packet)

    def device_counters(self):
        """(frames into the switch, frames out of it) as the pod's kernel counts them."""
        (link,) = self.namespace.ip_json(f"-s link show dev {self.ifname}")
        return link["stats64"]["tx"]["packets"], link["stats64"]["rx"]["packets"]

    def close(self):
        self.raw.close()
        for fd in self.fds:
            os.close(fd)
        self.namespace.close()


class DataPlane:
    def __init__(self, scratch, hugepages, *options, namespace=None):
        """namespace: where it runs, the tests' own by default."""
        self.runtime_dir = scratch / "run"
        self.runtime_dir.mkdir(parents=True, exist_ok=True)
        self.command = dp_command(self.runtime_dir, hugepages, *options)
        if namespace is not None:
            self.command = namespace.command(*self.command)
        self.log_path = scratch / "causeway-dp.log"
        self.ports = {}
        self.gone = 0  # see lib.books
        self.start()

    def start(self):
        path = self.runtime_dir / "dp.sock"
        self.daemon = Daemon(self.command, self.log_path, path)
        try:
            self.daemon.wait_ready()
            self.sock = wire.DpSock(path)
        except BaseException:
            self.daemon.process.kill()
            raise

    def close(self):
        self.sock.close()
        try:
            self.daemon.stop()
        finally:
            for port in self.ports.values():
                port.close()
            self.ports = {}

    def reconnect(self):
        """Another connection wrote meanwhile: there is one control plane at a time."""
        self.sock.close()
        self.sock = self.connect()

    def connect(self, **options):
        return wire.DpSock(self.runtime_dir / "dp.sock", **options)

    def add_network(self, number=0, name="default", subnets=SUBNETS, **values):
        tail = b"".join(bytes(wire.Ip.of(subnet)) for subnet in subnets)
        settings_ = {
            "id": number,
            "vni": number + 1,
            "mtu": 1500,
            "n_addresses": len(subnets),
            "router_mac": wire.mac_bytes(ROUTER_MAC),
            "name": name.encode(),
        }
        self.sock.set(wire.Network.make(tail, **(settings_ | values)))

    def add_port(self, number, endpoint=True, **settings_):
        return self.take_port(PodPort(self, number, **settings_), endpoint)

    def take_port(self, port, endpoint=True):
        """A port whose device somebody else has made."""
        self.ports[port.id] = port
        return port.attach(endpoint)

    def del_port(self, number):
        port = self.ports.pop(number)
        self.forget(port)
        port.detach()
        port.close()

    def forget(self, port):
        """Before a port is deleted with its counters: keeps what the sum of all books needs."""
        self.assert_balanced()
        self.gone += sent_to_others(self.stats(port))

    def port_infos(self):
        items = self.sock.request(wire.GET_NODE)[0]
        return {item.id: item for item in items if isinstance(item, wire.PortInfo)}

    def wait_port_up(self, number):
        def state():
            info = self.port_infos().get(number)
            return info is not None and info.state == wire.UP

        wait_until(state, f"port {number} up")

    def stats(self, port):
        return self.sock.port_stats()[port.id]

    def drops(self, port):
        return self.stats(port)["drops"]

    def expect_drop(self, port, reason, packet, count=1):
        """Sends a packet by this port; it must be dropped under this name and no other."""
        before = self.drops(port)
        port.send(*[packet] * count)

        def grown():
            now = self.drops(port)
            return {k: v - before.get(k, 0) for k, v in now.items() if v != before.get(k, 0)}

        wait_until(lambda: sum(grown().values()) >= count, f"{count} drops, wanted {reason}")
        assert grown() == {reason: count}

    def run(self, source, *packets):
        """Sends packets by source and waits until the books say that each has found its end.

        Returns what came out: {port number: [packets]}. A tap hands over what is written to it at
        once, so that nothing can come later.
        """
        for port in self.ports.values():
            port.raw.drain()
        self.pour(source, packets)
        self.assert_balanced()
        out = {number: port.raw.drain() for number, port in self.ports.items()}
        return {number: got for number, got in out.items() if got}

    def pour(self, source, packets):
        """Sends in batches below the length of a device's queue; each is received in full."""
        packets = iter(packets)
        received = self.stats(source)["rx_packets"]
        while batch := list(itertools.islice(packets, BATCH)):
            source.send(*batch)
            received += len(batch)
            wait_until(
                lambda n=received: self.stats(source)["rx_packets"] >= n, f"{received} received"
            )

    def assert_balanced(self):
        self.daemon.assert_alive()
        assert_balanced(self.sock.port_stats, self.gone)
