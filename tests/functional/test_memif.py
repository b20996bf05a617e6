# SPDX-License-Identifier: Apache-2.0
"""memif ports with dpdk-testpmd's net_memif as the pod, in a process of its own."""
import itertools
import os
import socket

import pytest
from lib import wire
from lib.dataplane import DataPlane
from lib.memif_port import MemifPort
from lib.netns import Namespace
from lib.testpmd import Memif, Testpmd
from lib.traffic import iperf
from lib.vhost_port import give_addresses
from lib.wait import wait_until

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


def answers(kernel_pod, port, count=5, options=()):
    """So many answers within 10 s: testpmd throws away what comes while it starts to forward."""
    run = kernel_pod.namespace.run(
        "ping", "-c", count, "-w", 10, "-i", "0.02", *options, port.ip4, check=False
    )
    return run.returncode == 0


ROLES = pytest.mark.parametrize("role", ["master", "slave"])


@ROLES
@pytest.mark.parametrize("keys", [{}, {"bsize": 1024, "rsize": 8}, {"zero-copy": "yes"}], ids=str)
def test_ping(port, pod, kernel_pod, role, keys):
    one = port(role)
    testpmd = pod(one, **keys)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert answers(kernel_pod, one)
    info = one.info()
    assert info.connects == 1 and info.peer_queues == 1
    features = info.peer_features.decode()
    assert "ring=256" in features or "ring=1024" in features
    assert features.endswith("/net_memif0") and "peer=DPDK" in features
    testpmd.stop()
    assert one.wait_down()
    assert one.info().peer_features == b""


@pytest.fixture
def space():
    namespace = Namespace("memif")
    yield namespace
    namespace.close()


def test_abstract_master(port, pod, space, kernel_pod):
    """causewayd binds the name in the pod's namespace, and hands the socket over."""
    with space.entered():
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind("\0cw-memif")
    listener.listen(8)
    one = port("master", path="@cw-memif", fds=[listener.detach()])
    with space.entered():
        testpmd = pod(one)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert answers(kernel_pod, one)


def test_abstract_slave(port, pod, space, kernel_pod):
    """The name is looked up in the pod's namespace; in our own there is none."""
    stranger = port("slave", path="@cw-memif")
    one = port("slave", path="@cw-memif", fds=[os.open(space.path, os.O_RDONLY)])
    with space.entered():
        testpmd = pod(one)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert answers(kernel_pod, one)
    assert "refused" in stranger.wait_down()


@ROLES
def test_queues(port, pod, kernel_pod, role):
    one = port(role, queues=4)
    testpmd = pod(one, queues=4)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert one.info().peer_queues == 4
    assert answers(kernel_pod, one, count=20)


@ROLES
def test_peer_with_fewer_queues(port, pod, kernel_pod, role):
    one = port(role, queues=4)
    testpmd = pod(one)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert one.info().peer_queues == 1
    assert answers(kernel_pod, one)


def test_two_interfaces_on_one_socket(port, pod, kernel_pod):
    first = port("master", args="id=1,secret=first")
    second = port("master", path=first.path, args="id=2")
    with pytest.raises(wire.Refused, match="id 2 is taken"):
        port("master", path=first.path, args="id=2")
    for one, number, keys in ((second, 2, {}), (first, 1, {"secret": "first"})):
        pod(one, id=number, **keys).wait_ready().forward()
        one.wait_up()
        assert answers(kernel_pod, one)


def test_wrong_secret(port, pod):
    one = port("master", args="secret=ours")
    pod(one, secret="theirs").wait_ready()
    wait_until(lambda: one.info().reason == b"wrong secret", "the reason")
    assert one.info().state == wire.DOWN


@pytest.mark.parametrize(
    "args, said",
    [
        ("", "role must be"),
        ("role=master", "needs path="),
        ("role=slave", "needs path="),
        ("role=slave,path=/x,ring=5", "ring must be a power of 2"),
        ("role=master,path=/proc/none/x", "cannot listen on /proc/none/x"),
    ],
)
def test_refused(dp, args, said):
    port = wire.Port.make(id=99, kind=wire.PORT_MEMIF, name=b"bad", args=args.encode(), mtu=1500)
    with pytest.raises(wire.Refused, match=said):
        dp.sock.set(port)


def test_socket_file(port, scratch):
    """A stale socket is replaced, one that somebody listens on is not; ours goes with the port."""
    path = scratch / "stale.sock"
    owner = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    owner.bind(str(path))
    owner.listen()
    with pytest.raises(wire.Refused, match="Address already in use"):
        port("master", path=path)
    owner.close()
    one = port("master", path=path)
    one.detach()
    assert not path.exists()


@ROLES
def test_large_frames(dp, pod, scratch, role):
    """Frames of 9,000 bytes go in chains of 2 KiB buffers, both ways."""
    number = next(NUMBERS)
    dp.add_network(number, f"jumbo{number}", mtu=9000)
    kernel = dp.add_port(number, network=number, mtu=9000)
    one = MemifPort(
        dp, number + 100, scratch / f"memif{number}.sock", f"02:00:00:00:01:{number + 100:02x}",
        role, network=number, mtu=9000,
    ).attach()  # fmt: skip
    give_addresses(kernel, one)
    testpmd = pod(one, options=["--mbuf-size=2176"])
    testpmd.wait_ready().forward()
    one.wait_up()
    for size in (8972, 56, 2000, 4096, 56, 8972):
        assert answers(kernel, one, options=["-s", size, "-M", "do"])
    one.detach()
    next(NUMBERS)


@ROLES
def test_peer_killed(port, pod, kernel_pod, role):
    one = port(role)
    testpmd = pod(one)
    for connects in (1, 2, 3):
        testpmd.wait_ready().forward()
        one.wait_up()
        assert answers(kernel_pod, one)
        assert one.info().connects == connects
        testpmd.kill()
        assert one.wait_down()
        if role == "slave":
            one.path.unlink()  # net_memif does not start beside its old socket
        if connects < 3:
            testpmd.start()


def test_idle_port_sleeps(dp, port, pod, kernel_pod):
    """Frames come by interrupts when nobody polls; nobody kicks while the worker polls."""
    one = port("master")
    testpmd = pod(one)
    testpmd.wait_ready().forward()
    one.wait_up()
    for _ in range(3):
        assert answers(kernel_pod, one, count=1)
    (queue,) = dp.sock.queue_stats(one.id)
    assert queue["rx_packets"] >= 3 and queue["tx_packets"] >= 3
    assert 1 <= queue["kicks_received"] <= queue["rx_packets"]
    assert queue["kicks_sent"] == 0  # net_memif polls


class Neighbour:
    """A second data plane, and the memif that joins it to the first."""

    def __init__(self, dp, scratch, hugepages, role, kernel_pod, queues):
        self.number = next(NUMBERS)
        path = scratch / f"link{self.number}.sock"
        self.other = DataPlane(scratch / f"other{self.number}", hugepages)
        self.role = role
        self.near = MemifPort(
            dp, self.number, path, f"02:00:00:00:01:{self.number:02x}",
            {"master": "slave", "slave": "master"}[role], queues=queues,
        ).attach()  # fmt: skip
        self.far = MemifPort(self.other, KERNEL, path, kernel_pod.mac, role, queues=queues)
        self.set_up()
        self.pod = self.other.add_port(self.number)
        give_addresses(kernel_pod, self.pod)
        give_addresses(self.pod, kernel_pod)

    def set_up(self):
        self.other.add_network()
        self.far.attach()

    def restart(self):
        """kill -9, and all that causewayd would tell the next one."""
        self.other.daemon.kill()
        self.other.sock.close()
        self.near.wait_down()
        self.other.start()
        self.set_up()
        self.pod.attach()

    def close(self):
        self.near.detach()
        self.other.close()


@pytest.fixture(params=["master", "slave"])
def neighbour(request, dp, scratch, hugepages, kernel_pod):
    """The other data plane's role."""
    path = scratch / f"other-{request.param}"
    path.mkdir()
    one = Neighbour(dp, path, hugepages, request.param, kernel_pod, queues=2)
    yield one
    one.close()


def test_two_data_planes(dp, neighbour, kernel_pod):
    """memif between two switches: pings, TCP both ways, and again after kill -9 of one."""
    for connects in (1, 2):
        neighbour.near.wait_up()
        neighbour.far.wait_up()
        assert neighbour.near.info().connects == connects
        assert neighbour.near.info().peer_queues == 2
        assert answers(kernel_pod, neighbour.pod)
        if connects == 1:
            for server, client in (
                (kernel_pod, neighbour.pod),
                (neighbour.pod, kernel_pod),
            ):
                end = iperf(server.namespace, client.namespace, server.ip4, seconds=1)
                assert end["sum_received"]["bytes"] > 1_000_000
            neighbour.restart()
    dp.daemon.assert_alive()
