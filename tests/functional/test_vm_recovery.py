# SPDX-License-Identifier: Apache-2.0
"""Whoever of the three restarts (data plane, guest, QEMU): the others go on, traffic comes back."""
import pytest
from lib.guest_pod import IFNAME, GuestPod, end, is_down, start_again
from lib.traffic import ping
from lib.transfer import transfer
from lib.vhost_port import give_addresses
from lib.wait import wait_until

pytestmark = pytest.mark.slow
KERNEL, CLIENT, SERVER = 1, 21, 22
MEGABYTES = 1_000_000


@pytest.fixture(scope="module")
def kernel(dp):
    port = dp.add_port(KERNEL)
    give_addresses(port)
    return port


@pytest.fixture(scope="module")
def guests(dp, scratch, kernel):
    """By the role of the switch."""
    made = {
        "client": GuestPod(dp, scratch, CLIENT, role="client", queues=2),
        "server": GuestPod(dp, scratch, SERVER, role="server", queues=2),
    }
    try:
        for pod in made.values():
            pod.start()
        for pod in made.values():
            pod.wait_up()
        yield made
    finally:
        for pod in made.values():
            pod.close()


def assert_connected(kernel, pods):
    for pod in pods:
        wait_until(
            lambda p=pod: ping(kernel.namespace, p.ip4, 1)[0] == 0, f"{pod.ip4} answers", timeout=60
        )
        wait_until(lambda p=pod: ping(p, kernel.ip6, 1)[0] == 0, f"IPv6 of {pod.ip4}", timeout=60)
        assert ping(kernel.namespace, pod.ip4)[0] == 0
        assert ping(pod, kernel.ip6)[0] == 0


def driver_messages(pod):
    return [line for line in pod.run("dmesg").stdout.splitlines() if "virtio_net" in line]


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_data_plane_restarts_under_a_running_guest(dp, kernel, guests, how):
    """A connection of TCP that is under way ends well; the guest's driver does nothing about it."""
    pods = guests.values()
    assert_connected(kernel, pods)
    messages = {pod: driver_messages(pod) for pod in pods}
    for pod in pods:
        with transfer(pod, kernel.namespace, kernel.ip4, 20 * MEGABYTES) as sender:
            received = dp.stats(pod.port)["rx_bytes"]
            wait_until(
                lambda p=pod, n=received: dp.stats(p.port)["rx_bytes"] > n + MEGABYTES,
                "transfer under way", timeout=60,
            )  # fmt: skip
            end(dp, gracefully=how == "stopped")
            assert sender.is_running()
            start_again(dp, pods, [kernel])
    for pod in pods:
        pod.guest.wait_carrier(IFNAME)
        assert pod.guest.boots == 1
        assert driver_messages(pod) == messages[pod]
    assert_connected(kernel, pods)
    dp.assert_balanced()


@pytest.mark.parametrize("role", ["client", "server"])
def test_port_goes_and_comes(dp, kernel, guests, role):
    """The guest sees its link go down and up."""
    pod = guests[role]
    pod.port.detach()
    pod.guest.wait_carrier(IFNAME, False)
    pod.port.attach()
    pod.port.wait_up()
    pod.guest.wait_carrier(IFNAME)
    assert_connected(kernel, [pod])


@pytest.mark.parametrize("role", ["client", "server"])
def test_driver_unbound_and_bound(kernel, guests, role):
    pod = guests[role]
    device = pod.run("readlink", "-f", f"/sys/class/net/{IFNAME}/device").stdout.strip()
    name = device.rsplit("/", 1)[1]
    for _ in range(2):
        pod.run(f"echo {name} >/sys/bus/virtio/drivers/virtio_net/unbind")
        pod.run(f"echo {name} >/sys/bus/virtio/drivers/virtio_net/bind")
        pod.configure()
        assert_connected(kernel, [pod])


def test_guests_reset(kernel, guests):
    """As by the reset button: rings vanish under the switch."""
    for pod in guests.values():
        pod.guest.monitor("system_reset")
    for pod in guests.values():
        pod.wait_up(boots=2)
    assert_connected(kernel, guests.values())


def test_qemu_killed(kernel, guests):
    """One after the other: who is still there does not notice."""
    first, second = guests.values()
    first.guest.kill()
    wait_until(lambda: is_down(first), "the port is down")
    assert_connected(kernel, [second])
    first.guest.start()
    second.guest.kill()
    wait_until(lambda: is_down(second), "the port is down")
    second.guest.start()
    for pod in (first, second):
        pod.wait_up()
    assert_connected(kernel, [first, second])
