# SPDX-License-Identifier: Apache-2.0
"""A vhost-user port of the data plane, and a kernel pod that talks to whoever sits behind it."""
from lib import wire
from lib.wait import wait_until


class VhostPort:
    """The switch's end; the pod behind it is the test's own (lib.testpmd, a guest)."""

    def __init__(self, dp, number, path, mac, queues=1, network=0, args="", **settings):
        self.dp, self.id, self.path, self.mac = dp, number, path, mac
        self.network, self.queues = network, queues
        self.args = f"path={path}" + (f",{args}" if args else "")
        self.settings = settings
        self.ip4, self.ip6 = f"10.1.1.{number}", f"fd00:1::1:{number:x}"

    def item(self, **changes):
        values = {
            "id": self.id,
            "network": self.network,
            "kind": wire.PORT_VHOST_USER,
            "mtu": 1500,
            "mac": wire.mac_bytes(self.mac),
            "n_queues": self.queues,
            "name": f"port{self.id}".encode(),
            "args": self.args.encode(),
            "generation": 1,
        }
        values |= self.settings | changes
        trunk = values.pop("trunk", ())
        tail = b"".join(bytes(wire.Tag(vlan, 0, network)) for vlan, network in trunk)
        return wire.Port.make(tail, n_trunk=len(trunk), **values)

    def endpoint(self):
        ips = [self.ip4, self.ip6]
        return wire.Endpoint.make(
            b"".join(bytes(wire.Ip.of(ip)) for ip in ips),
            port=self.id,
            network=self.network,
            mac=wire.mac_bytes(self.mac),
            n_ips=len(ips),
        )

    def attach(self):
        self.dp.sock.set(self.item())
        self.dp.sock.set(self.endpoint())
        return self

    def detach(self):
        self.dp.sock.delete(wire.Endpoint.make(port=self.id), wire.Port.make(id=self.id))

    def info(self):
        return self.dp.port_infos()[self.id]

    def wait_up(self):
        self.dp.wait_port_up(self.id)
        return self

    def wait_down(self):
        wait_until(lambda: self.info().state == wire.DOWN, f"port {self.id} down")
        return self.info().reason.decode()


def give_addresses(port, *others):
    """port: a PodPort, whose kernel then knows its own and the others' addresses."""
    space, ifname = port.namespace, port.ifname
    space.sysctl(f"net/ipv6/conf/{ifname}/disable_ipv6", 0)
    space.ip(f"addr replace {port.ip4}/16 dev {ifname}")
    space.ip(f"addr replace {port.ip6}/64 dev {ifname} nodad")
    for other in others:
        space.ip(f"neigh replace {other.ip4} lladdr {other.mac} dev {ifname}")
        space.ip(f"neigh replace {other.ip6} lladdr {other.mac} dev {ifname}")
