# SPDX-License-Identifier: Apache-2.0
"""vhost-user ports with dpdk-testpmd's virtio_user as the pod."""
import itertools
import os
import socket
import stat
import struct
import subprocess

import pytest
from lib import wire
from lib.dataplane import DataPlane
from lib.testpmd import Testpmd, VirtioUser
from lib.traffic import ping
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




def assert_answers(kernel_pod, port):
    assert ping(kernel_pod.namespace, port.ip4)[0] == 0


def wait_answers(kernel_pod, port):
    wait_until(lambda: ping(kernel_pod.namespace, port.ip4, 1)[0] == 0, "an answer")


@pytest.mark.parametrize("queues", [1, 4])
@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
@pytest.mark.parametrize(
    "role, rings", [("client", "own"), ("server", "own"), ("client", "librte")]
)
def test_ping(port, pod, kernel_pod, role, packed, rings, queues):
    one = port(queues, args=f"role={role},rings={rings}")
    testpmd = pod(one, packed, queues)
    testpmd.wait_ready().forward()
    one.wait_up()
    wait_until(lambda: one.info().peer_queues == queues, f"{queues} queue pairs")
    assert_answers(kernel_pod, one)
    info = one.info()
    assert info.connects == 1
    features = info.peer_features.decode().split(",")
    assert ("packed" in features) == packed and "mergeable" in features
    stats = one.dp.sock.queue_stats(one.id)
    assert len(stats) == queues
    for way in ("rx", "tx"):
        assert sum(queue[f"{way}_packets"] for queue in stats) >= 5
        assert sum(queue[f"{way}_bytes"] for queue in stats) >= 5 * 98
    testpmd.stop()
    assert one.wait_down().startswith(f"waiting for a peer at {one.path}"[:127])
    assert one.info().peer_features == b""


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
@pytest.mark.parametrize("role", ["client", "server"])
def test_pod_killed(port, pod, kernel_pod, role, packed):
    """Every new pod at the same path is connected without the switch's doing."""
    one = port(args=f"role={role}")
    connects = 0
    for _ in range(3):
        testpmd = pod(one, packed)
        testpmd.wait_ready().forward()
        one.wait_up()
        wait_answers(kernel_pod, one)
        # A dying pod's socket may take one more connection.
        before, connects = connects, one.info().connects
        assert connects > before
        testpmd.kill()
        one.wait_down()


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
@pytest.mark.parametrize("role", ["client", "server"])
def test_queues_of_the_guest_change(port, pod, kernel_pod, role, packed):
    one = port(queues=4, args=f"role={role}")
    testpmd = pod(one, packed, queues=4)
    testpmd.wait_ready().forward()
    one.wait_up()
    for queues in (4, 1, 3, 2, 4):
        testpmd.pause()
        testpmd.command("port stop 0")
        testpmd.command(f"port config all rxq {queues}")
        testpmd.command(f"port config all txq {queues}")
        testpmd.command("port start 0")
        testpmd.forward()
        wait_until(lambda n=queues: one.info().peer_queues == n, f"{queues} queue pairs")
        wait_answers(kernel_pod, one)
    assert one.info().rx_queues == 4


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_frames_of_every_queue(port, pod, packed):
    one = port(queues=4)
    testpmd = pod(one, packed, queues=4)
    testpmd.wait_ready().forward("txonly")
    one.wait_up()

    def all_received():
        return all(queue["rx_packets"] > 0 for queue in one.dp.sock.queue_stats(one.id))

    wait_until(all_received, "frames from four queues")
    testpmd.pause()


def test_idle_pod_wakes_the_worker(port, pod, kernel_pod):
    """A queue that nobody polls is brought back by the pod's kick."""
    one = port()
    testpmd = pod(one)
    testpmd.wait_ready().forward()
    one.wait_up()
    assert_answers(kernel_pod, one)
    before = one.dp.sock.queue_stats(one.id)[0]["kicks_received"]
    lost = kernel_pod.namespace.run("ping", "-c", 3, "-i", "0.3", "-W", "2", one.ip4, check=False)
    assert " 3 received" in lost.stdout
    wait_until(
        lambda: one.dp.sock.queue_stats(one.id)[0]["kicks_received"] > before, "kicks counted"
    )


def refused(dp, scratch, args, queues=1):
    """The sentence that says why such a port is refused."""
    item = VhostPort(dp, 99, scratch / "never", "02:00:00:00:01:99").item(
        args=args.encode(), n_queues=queues
    )
    with pytest.raises(wire.Refused) as error:
        dp.sock.set(item)
    return str(error.value)


@pytest.mark.parametrize(
    "args, key",
    [
        ("", "path"),
        ("role=client", "path"),
        ("path=relative.sock", "path"),
        ("path=/" + "x" * 107, "path"),
        ("path=/tmp/a,role=master", "role"),
        ("path=/tmp/a,packed=yes", "packed"),
        ("path=/tmp/a,iommu=", "iommu"),
        ("path=/tmp/a,mode=9", "mode"),
        ("path=/tmp/a,group=root", "group"),
        ("path=/tmp/a,size=3", "size"),
        ("path=/tmp/a,path=/tmp/b", "path"),
    ],
)
def test_bad_arguments_are_named(dp, scratch, args, key):
    assert key in refused(dp, scratch, args)


def test_longest_path(dp, scratch):
    folder = scratch / "long"
    folder.mkdir()
    path = str(folder) + "/" + "x" * (106 - len(str(folder)))
    assert len(path) == 107
    one = VhostPort(dp, 98, path, "02:00:00:00:01:98", args="role=server").attach()
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    one.detach()
    assert not os.path.exists(path)


def test_mode_owner_and_group_of_a_server(port):
    one = port(args="role=server,mode=0640,owner=12345,group=4")
    status = os.stat(one.path)
    assert stat.S_IMODE(status.st_mode) == 0o640 and (status.st_uid, status.st_gid) == (12345, 4)


def test_what_stands_at_the_path(dp, scratch):
    """A stale socket of ours goes; a live one, a file, another user's socket stay."""
    path = scratch / "taken.sock"
    args = f"path={path},role=server"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    assert "listens" in refused(dp, scratch, args)
    listener.close()
    os.chown(path, 12345, -1)
    assert "12345" in refused(dp, scratch, args)
    os.chown(path, os.geteuid(), -1)
    one = VhostPort(dp, 97, path, "02:00:00:00:01:97", args="role=server").attach()
    assert f"port{one.id}" in refused(dp, scratch, args)
    one.detach()
    assert not path.exists()
    path.write_text("mine")
    assert "no socket" in refused(dp, scratch, args)
    assert path.read_text() == "mine"
    path.unlink()
    path.symlink_to(scratch / "elsewhere")
    assert "no socket" in refused(dp, scratch, args)
    path.unlink()
    assert "such file" in refused(dp, scratch, f"path={scratch}/none/a.sock,role=server")


def test_second_peer_of_a_server_is_turned_away(port, pod, kernel_pod):
    one = port(args="role=server")
    testpmd = pod(one)
    testpmd.wait_ready().forward()
    one.wait_up()
    with socket.socket(socket.AF_UNIX) as second:
        second.settimeout(5)
        second.connect(str(one.path))
        assert second.recv(1) == b""
    assert_answers(kernel_pod, one)
    assert one.info().connects == 1


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_data_plane_killed(scratch, hugepages, pod, packed):
    """Traffic resumes without the pod's doing, many times over.

    (virtio_user does not connect again itself, so there is no such test for role=server.)
    """
    folder = scratch / f"killed-{packed}"
    folder.mkdir()
    data_plane = DataPlane(folder, hugepages)
    try:
        one = VhostPort(data_plane, 2, folder / "pod.sock", "02:00:00:00:01:02")
        data_plane.add_network()
        kernel = data_plane.add_port(KERNEL)
        give_addresses(kernel, one)
        testpmd = pod(one.attach(), packed)
        testpmd.wait_ready().forward()
        wait_answers(kernel, one)
        for _ in range(3):
            flood = kernel.namespace.popen("ping", "-f", one.ip4, stdout=subprocess.DEVNULL)
            wait_until(lambda: data_plane.stats(one)["rx_packets"] > 100, "traffic")
            data_plane.daemon.kill()
            flood.kill()
            data_plane.sock.close()
            data_plane.start()
            data_plane.add_network()
            kernel.attach()
            one.attach().wait_up()
            wait_answers(kernel, one)
            assert_answers(kernel, one)
        testpmd.assert_alive()
    finally:
        data_plane.close()


def test_half_a_message_holds_up_nobody(port, pod, kernel_pod):
    """The peer's connection is closed; others are served meanwhile."""
    stuck, well = port(args="role=server"), port()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(5)
        peer.connect(str(stuck.path))
        wait_until(lambda: stuck.info().connects == 1, "connected")
        peer.send(struct.pack("=III", 2, 1, 8))  # SET_FEATURES without its payload
        pod(well).wait_ready().forward()
        well.wait_up()
        assert_answers(kernel_pod, well)
        assert peer.recv(1) == b""


def test_answers_that_nobody_reads_hold_up_nobody(port, pod, kernel_pod):
    stuck, well = port(args="role=server"), port()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(0.5)
        peer.connect(str(stuck.path))
        request = struct.pack("=III", 1, 1, 0)  # GET_FEATURES
        with pytest.raises(OSError):
            while True:
                peer.send(request)
        pod(well).wait_ready().forward()
        well.wait_up()
        assert_answers(kernel_pod, well)
