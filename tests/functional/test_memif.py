# SPDX-License-Identifier: Apache-2.0
"""memif ports with dpdk-testpmd's net_memif as the pod, in a process of its own."""
import itertools
import os
import socket

import pytest
from lib.memif_port import MemifPort
from lib.testpmd import Memif, Testpmd
from lib.traffic import ping
from lib.vhost_port import give_addresses

NUMBERS = itertools.count(10)
KERNEL = 1  # the port of the pod with a kernel, which pings the others
PEER_ROLES = {"master": "client", "slave": "server"}


@pytest.fixture(scope="module")
def kernel_pod(dp):
    return dp.add_port(KERNEL)


@pytest.fixture
def port(dp, scratch, kernel_pod):
    """port(...): a memif port that goes with the test."""
    made = []

    def make(role, path=None, **settings):
        number = next(NUMBERS)
        path = path or scratch / f"memif{number}.sock"
        mac = f"02:00:00:00:01:{number:02x}"
        made.append(MemifPort(dp, number, path, mac, role, **settings))
        give_addresses(kernel_pod, made[-1])
        return made[-1].attach()

    yield make
    dp.daemon.assert_alive()
    for one in made:
        one.detach()


@pytest.fixture
def pod(scratch):
    """pod(port, ...): testpmd that answers pings behind the port."""
    made = []

    def make(port, queues=1, options=(), **keys):
        eal = ["--single-file-segments"] if "zero-copy" in keys else []
        path = str(port.path)
        keys = {"id": 0, "mac": port.mac, "socket-abstract": "no"} | keys
        if path.startswith("@"):
            path, keys["socket-abstract"] = path[1:], "yes"
        device = Memif(path, role=PEER_ROLES[port.role], **keys)
        made.append(
            Testpmd(
                scratch, device, forward="icmpecho", queues=queues, options=options, eal=eal
            )
        )
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


def answers(kernel_pod, port, count=5):
    return ping(kernel_pod.namespace, port.ip4, count=count)[0] == 0


@pytest.mark.parametrize("role", ["master", "slave"])
@pytest.mark.parametrize("keys", [{}, {"bsize": 1024, "rsize": 8}, {"zero-copy": "yes"}], ids=str)
def test_ping(port, pod, kernel_pod, role, keys):
    one = port(role)
    testpmd = pod(one, **keys)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert answers(kernel_pod, one)
    info = one.info()
    assert info.connects == 1 and info.peer_queues == 1
    print(info.peer_features)
