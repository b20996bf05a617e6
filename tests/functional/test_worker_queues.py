# SPDX-License-Identifier: Apache-2.0
"""Ports of several queues at two workers: each worker sends by a queue of its own, or shares one."""
import itertools

import pytest
from lib.dataplane import DataPlane
from lib.memif_port import MemifPort
from lib.testpmd import Memif, Testpmd, VirtioUser
from lib.traffic import ping
from lib.vhost_port import VhostPort, give_addresses
from lib.wait import wait_until

NUMBERS = itertools.count(10)
KERNELS = (1, 2)  # pods that ping the others, a worker each
QUEUES = 4


@pytest.fixture(scope="module")
def dp(scratch, hugepages):
    data_plane = DataPlane(scratch, hugepages, "--cores", "0,1")
    try:
        data_plane.add_network()
        yield data_plane
    finally:
        data_plane.close()


@pytest.fixture(scope="module")
def kernel_pods(dp):
    pods = [dp.add_port(number) for number in KERNELS]
    for pod in pods:
        give_addresses(pod)
    return pods


def vhost(dp, scratch, number, queues, args, **keys):
    path = scratch / f"p{number}.sock"
    port = VhostPort(dp, number, path, f"02:00:00:00:01:{number:02x}", QUEUES, args=args)
    server = "role=server" not in args
    return port, VirtioUser(path, server=server, queues=queues, mac=port.mac, **keys)


def memif(dp, scratch, number, queues, role):
    path = scratch / f"p{number}.sock"
    port = MemifPort(dp, number, path, f"02:00:00:00:01:{number:02x}", role, queues=QUEUES)
    peer = {"master": "client", "slave": "server"}[role]
    return port, Memif(str(path), role=peer, id=0, mac=port.mac)


KINDS = {
    "split": lambda *args: vhost(*args, "role=client"),
    "packed": lambda *args: vhost(*args, "role=server", packed=True),
    "librte": lambda *args: vhost(*args, "rings=librte"),
    "memif master": lambda *args: memif(*args, "master"),
    "memif slave": lambda *args: memif(*args, "slave"),
}


@pytest.fixture
def connected(dp, scratch, kernel_pods):
    """connected(kind, queues of the peer): the switch's port; behind it testpmd answers pings."""
    made = []

    def make(kind, queues):
        port, device = KINDS[kind](dp, scratch, next(NUMBERS), queues)
        for pod in kernel_pods:
            give_addresses(pod, port)
        port.attach()
        testpmd = Testpmd(scratch, device, forward="icmpecho", queues=queues)
        made.append((port, testpmd))
        testpmd.start().wait_ready().forward()
        port.wait_up()
        wait_until(lambda: port.info().peer_queues == queues, f"{queues} queue pairs")
        return port

    yield make
    dp.daemon.assert_alive()
    for port, testpmd in made:
        testpmd.stop()
        port.detach()


def wait_answers(pod, port):
    wait_until(lambda: ping(pod.namespace, port.ip4, 1)[0] == 0, "an answer")


@pytest.mark.parametrize("queues", [QUEUES, 1], ids=["own queues", "one queue"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_workers_send(kernel_pods, connected, kind, queues):
    port = connected(kind, queues)
    for pod in kernel_pods:
        wait_answers(pod, port)
    before = port.dp.sock.queue_stats(port.id)
    for pod in kernel_pods:
        assert ping(pod.namespace, port.ip4)[0] == 0
    after = port.dp.sock.queue_stats(port.id)
    used = {
        way: [n for n, (one, two) in enumerate(zip(before, after)) if two[way] > one[way]]
        for way in ("tx_packets", "rx_packets")
    }
    # testpmd answers by the queue that it got a frame from.
    wanted = [0, 1] if queues > 1 else [0]
    assert used == {"tx_packets": wanted, "rx_packets": wanted}
