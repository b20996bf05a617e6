# SPDX-License-Identifier: Apache-2.0
"""Packed rings of a guest whose switch dies: QEMU does not know where they were left."""
import pytest
from lib.guest_pod import GuestPod, features, restart
from lib.traffic import ping
from lib.vhost_port import give_addresses
from lib.wait import wait_until

pytestmark = pytest.mark.slow
KERNEL, ROUNDS = 1, 3


@pytest.fixture(scope="module")
def kernel(dp):
    port = dp.add_port(KERNEL)
    give_addresses(port)
    return port


@pytest.fixture(scope="module", params=["on", "off"], ids=["indirect", "chains"])
def pod(request, dp, scratch, kernel):
    options = {"packed": "on", "indirect_desc": request.param}
    number = {"on": 41, "off": 42}[request.param]
    made = GuestPod(dp, scratch, number, role="client", options=options)
    try:
        yield made.start().wait_up()
    finally:
        made.port.detach()
        made.close()


def wait_connected(kernel, pod):
    wait_until(lambda: ping(kernel.namespace, pod.ip4, 1)[0] == 0, "an answer", timeout=60)
    assert ping(pod, kernel.ip6)[0] == 0


@pytest.mark.parametrize("how", ["idle", "in traffic", "stopped"])
def test_goes_on_where_it_was_left(dp, kernel, pod, how):
    wait_connected(kernel, pod)
    assert "packed" in features(pod)
    messages = pod.run("dmesg | grep -c virtio_net", check=False).stdout
    for _ in range(ROUNDS):
        flood = pod.popen("ping", "-f", "-s", "3000", kernel.ip4) if how != "idle" else None
        sent = dp.stats(pod.port)["rx_packets"]
        if flood:
            wait_until(lambda n=sent: dp.stats(pod.port)["rx_packets"] > n + 300, "traffic", 60)
        restart(dp, [pod], [kernel], gracefully=how == "stopped")
        pod.port.wait_up()
        if flood:
            flood.stop()
        wait_connected(kernel, pod)
    assert pod.guest.boots == 1
    assert pod.run("dmesg | grep -c virtio_net", check=False).stdout == messages
