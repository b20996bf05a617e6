# SPDX-License-Identifier: Apache-2.0
"""causeway-dp alone: the tests take causewayd's place on dp.sock."""
import os

from lib import settings, wire
from lib.books import assert_balanced
from lib.daemon import Daemon
from lib.netns import Namespace
from lib.raw import RawSocket
from lib.tap import open_tap
from lib.wait import wait_until

ROUTER_MAC = "02:00:00:00:00:01"
SUBNETS = ("10.1.0.1/16", "fd00:1::1/64")


def dp_command(runtime_dir, hugepages, *options):
    """Ordinary memory when the machine gave no hugepages, and the last CPU for the worker."""
    command = [settings.DP, "--runtime-dir", runtime_dir]
    if not hugepages:
        command += ["--huge", "false"]
    if "--cores" not in options:
        command += ["--cores", str(max(os.sched_getaffinity(0)))]
    return [*command, *options]


class TapPort:
    """A tap in a namespace of its own, and the frames that cross it."""

    def __init__(self, dp, number, network=0, queues=1, **port):
        self.dp, self.id, self.network = dp, number, network
        self.mac = f"02:00:00:00:01:{number:02x}"
        self.ip4, self.ip6 = f"10.1.0.{number}", f"fd00:1::{number:x}"
        self.ips = [self.ip4, self.ip6]
        self.ifname = f"tap{number}"
        self.generation = 1
        self.settings = port
        self.queues = queues
        self.namespace = Namespace(self.ifname, quiet=True)
        self.mtu = port.pop("mtu", 1500)
        self.fds = open_tap(self.namespace, self.ifname, queues, self.mac, self.mtu)
        self.raw = RawSocket(self.namespace, self.ifname)

    def item(self, n_fds, **changes):
        settings_ = self.settings | changes
        trunk = settings_.pop("trunk", ())
        tail = b"".join(bytes(wire.Tag(vlan, 0, network)) for vlan, network in trunk)
        values = {
            "id": self.id,
            "network": self.network,
            "kind": wire.PORT_TAP,
            "n_fds": n_fds,
            "mtu": self.mtu,
            "n_trunk": len(trunk),
            "mac": wire.mac_bytes(self.mac),
            "n_queues": self.queues,
            "name": f"port{self.id}".encode(),
            "ifname": self.ifname.encode(),
            "generation": self.generation,
        }
        return wire.Port.make(tail, **(values | settings_))

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

    def close(self):
        self.raw.close()
        for fd in self.fds:
            os.close(fd)
        self.namespace.close()


class DataPlane:
    def __init__(self, scratch, hugepages, *options):
        self.runtime_dir = scratch / "run"
        self.runtime_dir.mkdir(parents=True, exist_ok=True)
        self.command = dp_command(self.runtime_dir, hugepages, *options)
        self.log_path = scratch / "causeway-dp.log"
        self.ports = {}
        self.marks = 0
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
        port = TapPort(self, number, **settings_)
        self.ports[number] = port
        return port.attach(endpoint)

    def del_port(self, number):
        port = self.ports.pop(number)
        port.detach()
        port.close()

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
        before = self.stats(source)["rx_packets"]
        source.send(*packets)
        wait_until(
            lambda: self.stats(source)["rx_packets"] >= before + len(packets), "packets received"
        )
        self.assert_balanced()
        out = {number: port.raw.drain() for number, port in self.ports.items()}
        return {number: got for number, got in out.items() if got}

    def assert_balanced(self):
        self.daemon.assert_alive()
        assert_balanced(self.sock.port_stats)
