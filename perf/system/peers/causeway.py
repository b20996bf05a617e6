# SPDX-License-Identifier: Apache-2.0
"""causeway-dp, configured over dp.sock as causewayd would: guard on, tables filled, nothing learned."""
import os

from lib import wire
from lib.dataplane import DataPlane
from lib.wait import wait_until

from frames import ROUTER_MAC
from peers import Sample

NETWORK, BATCH = 0, 5000

SUBNETS = ("10.1.0.1/16",)


class CausewayPeer:
    """One data plane, started once; ports and tables are there while a block runs."""

    def __init__(self, scratch, load_cpu, worker_cpu, burst=64, options=()):
        self.name = f"Causeway, bursts of {burst}"
        scratch.mkdir(parents=True)
        self.dp = DataPlane(
            scratch, True, "--cores", str(worker_cpu), "--burst", str(burst), *options
        )
        os.sched_setaffinity(self.pid, {load_cpu})  # the main thread only
        self.dp.add_network(NETWORK, subnets=SUBNETS, router_mac=wire.mac_bytes(ROUTER_MAC))
        self.objects, self.base, self.generation = [], None, 0

    @property
    def pid(self):
        return self.dp.daemon.pid

    def attach(self, ends, traffic):
        self.generation += 1
        for side in (0, 1):
            self.add(*self.side(side, ends, traffic))
        for side in (0, 1):
            self.fill(side, traffic)
        wait_until(lambda: self.up(1) and self.up(2), "both ports up", timeout=15)

    def side(self, side, ends, traffic):
        return self.port(side, ends, traffic), self.endpoint(side, traffic)

    def port(self, side, ends, traffic):
        if ends.kind == "memif":
            kind, args = wire.PORT_MEMIF, f"role=slave,id=0,path={ends.paths[side]},ring=1024"
        else:
            kind, args = wire.PORT_VHOST_USER, f"path={ends.paths[side]}"
        return wire.Port.make(
            b"", id=side + 1, network=NETWORK, kind=kind, mtu=1500, n_queues=1,
            guard=wire.GUARD_ALL, mac=wire.mac_bytes(traffic.pod_mac(side)),
            name=f"bench{side}".encode(), args=args.encode(), generation=self.generation,
        )  # fmt: skip

    @staticmethod
    def endpoint(side, traffic):
        return wire.Endpoint.make(
            bytes(wire.Ip.of(traffic.pod_ip(side))), port=side + 1, network=NETWORK,
            mac=wire.mac_bytes(traffic.pod_mac(side)), n_ips=1,
        )  # fmt: skip

    def fill(self, side, traffic):
        """Addresses or routes behind this side."""
        self.add(*[
            wire.Fdb.make(network=NETWORK, mac=wire.mac_bytes(mac), port=side + 1)
            for mac in traffic.macs(side)[1:]
        ])
        if traffic.layer != 3:
            return
        self.add(wire.Nexthop.make(
            b"", id=side + 1, network=NETWORK, kind=wire.NH_PORT, port=side + 1,
            mac=wire.mac_bytes(traffic.pod_mac(side)),
        ))
        self.add(*[
            wire.Route.make(network=NETWORK, nexthop=side + 1, prefix=wire.Ip.of(str(prefix)))
            for prefix in traffic.prefixes(side)
        ])

    def add(self, *items):
        for at in range(0, len(items), BATCH):
            self.dp.sock.set(*items[at : at + BATCH])
        self.objects += items

    def up(self, number):
        return self.dp.port_infos()[number].state == wire.UP

    def counters(self):
        """(packets, busy cycles, bursts, transmitted)"""
        packets = cycles = bursts = transmitted = 0
        for item in self.dp.sock.request(wire.GET_STATS)[0]:
            if isinstance(item, wire.WorkerStats):
                packets += item.packets
                cycles += item.busy_cycles
                bursts += sum(item.bursts)
            elif isinstance(item, wire.PortStats) and item.port in (1, 2):
                transmitted += item.tx_packets
        return packets, cycles, bursts, transmitted

    def mark(self):
        self.base = self.counters()

    def sample(self):
        packets, cycles, bursts, transmitted = (
            b - a for a, b in zip(self.base, self.counters())
        )
        drops = {
            name: count
            for port, stats in self.dp.sock.port_stats().items()
            if port in (1, 2)
            for name, count in stats["drops"].items()
        }
        return Sample(packets, transmitted, cycles, packets / max(bursts, 1), {"drops": drops})

    def detach(self):
        objects, self.objects = self.objects[::-1], []
        for at in range(0, len(objects), BATCH):
            self.dp.sock.delete(*objects[at : at + BATCH])

    def close(self):
        self.dp.close()
