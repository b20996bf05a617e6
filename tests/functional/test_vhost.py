# SPDX-License-Identifier: Apache-2.0
"""vhost-user ports with dpdk-testpmd's virtio_user as the pod."""
import itertools
import os
import socket
import stat

import pytest
from lib import wire
from lib.testpmd import Testpmd, VirtioUser
from lib.traffic import is_silent, ping
from lib.vhost_port import VhostPort, give_addresses
from lib.wait import wait_until

NUMBERS = itertools.count(10)
KERNEL = 1  # the port of the pod with a kernel, which pings the others


@pytest.fixture(scope="module")
def kernel_pod(dp):
    return dp.add_port(KERNEL)


@pytest.fixture
def port(dp, scratch, kernel_pod):
    """port(...): a vhost-user port that goes with the test."""
    made = []

    def make(queues=1, args=""):
        number = next(NUMBERS)
        path = scratch / f"vhost{number}.sock"
        made.append(VhostPort(dp, number, path, f"02:00:00:00:01:{number:02x}", queues, args=args))
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

    def make(port, packed=False, queues=1, **keys):
        server = "role=server" not in port.args
        device = VirtioUser(
            port.path, server=server, queues=queues, packed=packed, mac=port.mac, **keys
        )
        made.append(Testpmd(scratch, device, forward="icmpecho", queues=queues))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


def answers(kernel_pod, port, count=5):
    lost, _ = ping(kernel_pod.namespace, port.ip4, count=count)
    return lost == 0


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_ping(port, pod, kernel_pod, role, packed):
    one = port(args=f"role={role}")
    testpmd = pod(one, packed)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert answers(kernel_pod, one)
    info = one.info()
    assert info.connects == 1 and info.peer_queues == 1
    features = info.peer_features.decode().split(",")
    assert ("packed" in features) == packed and "mergeable" in features
    testpmd.stop()
    assert f"waiting for a peer at {one.path}" in one.wait_down()
    assert one.info().peer_features == b""
