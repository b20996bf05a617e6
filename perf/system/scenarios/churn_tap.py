# SPDX-License-Identifier: Apache-2.0
"""A paced, numbered flow between two taps while 200 tap ports come and go in 10 s.

At half of the rate that one sender reaches without loss here. What the kernel's own queues lose (the
tap's transmit queue, the receiver's socket) is read and reported apart. Bar: nothing lost by the
switch, nothing reordered.
"""
import json
import os
import subprocess
import time

from lib.dataplane import DataPlane
from lib.netns import Namespace
from lib.devices import open_tap
from lib import wire
from measure import LOAD_CPU, WORKER_CPU

CHURN_FIRST, CHURN_PORTS, SECONDS = 100, 200, 10
CAPACITY_SECONDS = 2


def start_flow(bench, dp, rate, seconds, wait_stdin=False):
    sender, receiver = dp.ports[2], dp.ports[3]
    return subprocess.Popen(
        [
            "taskset", "-c", str(LOAD_CPU), bench.build / "perf/system/seqflow",
            "--from", f"{sender.namespace.name}:{sender.ifname}",
            "--to", f"{receiver.namespace.name}:{receiver.ifname}",
            "--dst", receiver.mac, "--rate", str(rate), "--seconds", str(seconds),
            *(["--wait-stdin"] if wait_stdin else []),
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )


def churn_port(number, namespace):
    ifname = f"c{number}"
    mac = f"02:00:00:00:02:{number & 0xFF:02x}"
    fds = open_tap(namespace, ifname, 1, mac, 1500)
    port = wire.Port.make(
        b"", id=number, kind=wire.PORT_TAP, n_fds=1, mtu=1500, mac=wire.mac_bytes(mac),
        n_queues=1, name=ifname.encode(), ifname=ifname.encode(), generation=1,
    )
    endpoint = wire.Endpoint.make(
        bytes(wire.Ip.of(f"10.1.2.{number & 0xFF}")), port=number, mac=wire.mac_bytes(mac), n_ips=1
    )
    return port, endpoint, fds


def churn(dp, namespace):
    """Four ports at a time: the fifth takes the first one's place, and so on."""
    start, open_ports, attached = time.monotonic(), [], 0
    for i in range(CHURN_PORTS + 4):
        while time.monotonic() < start + SECONDS * i / (CHURN_PORTS + 4):
            time.sleep(0.001)
        if i < CHURN_PORTS:
            port, endpoint, fds = churn_port(CHURN_FIRST + i, namespace)
            dp.sock.set(port, fds=fds)
            dp.sock.set(endpoint)
            open_ports.append((port.id, fds))
            attached += 1
        if i >= 4:
            number, fds = open_ports.pop(0)
            dp.sock.delete(wire.Port.make(id=number))
            for fd in fds:
                os.close(fd)
    return attached


def kernel_drops(port):
    """What the tap's own queue lost before the switch could read it."""
    link = next(iter(port.namespace.ip_json(f"-s link show dev {port.ifname}")))
    return link["stats64"]["tx"]["dropped"]


def run(bench):
    dp = DataPlane(bench.scratch, True, "--cores", str(WORKER_CPU))
    namespace = Namespace("churn", quiet=True)
    try:
        dp.add_network()
        dp.add_port(2)
        dp.add_port(3)
        offered = json.loads(start_flow(bench, dp, 5e6, CAPACITY_SECONDS).communicate()[0])
        capacity = offered["received"] / offered["seconds"]
        before = kernel_drops(dp.ports[2])
        flow = start_flow(bench, dp, capacity / 2, 10 * SECONDS, wait_stdin=True)
        attached = churn(dp, namespace)
        result = json.loads(flow.communicate("", timeout=60)[0])
        in_tap = kernel_drops(dp.ports[2]) - before
        in_socket = result["receive_socket_drops"]
        lost = result["lost"] - in_tap - in_socket
        bench.add(
            f"{result['pps'] / 1e3:.0f} kpps (half of {capacity / 1e3:.0f}), {attached} ports",
            f"{lost} lost, {result['reordered']} reordered of {result['sent']}; "
            f"kernel queues lost {in_tap} + {in_socket}",
            "0 lost, 0 reordered",
            lost == 0 and result["reordered"] == 0 and attached == CHURN_PORTS,
            capacity_pps=capacity,
            kernel_tap_drops=in_tap,
            **result,
        )
    finally:
        dp.close()
        namespace.close()
