# SPDX-License-Identifier: Apache-2.0
"""A node whose addresses flanneld hands out: pods wait for subnet.env, and follow what it says."""
import pytest
from lib.cni import CniError
from lib.node import Node
from lib.wait import wait_until

SUBNET_ENV = """FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.{subnet}.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=false
"""


@pytest.fixture(scope="module")
def subnet_env(scratch):
    return scratch / "flannel" / "subnet.env"


@pytest.fixture(scope="module")
def node(scratch, hugepages, subnet_env):
    one = Node(scratch, hugepages)
    one.control_options = ["--subnet-env", subnet_env]
    use_subnet(one, 1)
    try:
        yield one.start()
    finally:
        one.close()


def use_subnet(node, subnet):
    """The addresses that Flannel's meta plugin would ask for."""
    node.cni.config["ipam"]["ranges"] = [[{"subnet": f"10.244.{subnet}.0/24"}]]
    node.cni.config["ipam"]["routes"] = [{"dst": "10.244.0.0/16"}]


def write(path, subnet):
    """As flanneld: beside, then renamed."""
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(".subnet.env")
    temporary.write_text(SUBNET_ENV.format(subnet=subnet))
    temporary.rename(path)


def state(node):
    return node.call("health.get")["flannel"]["state"]


def status(node):
    """Without IPAM: Debian's host-local is older than the verb."""
    return node.cni.run("STATUS", "", "", cniVersion="1.1.0", ipam={})


def routers(node):
    return node.call("network.get", name="default").get("subnets", [])


def test_cni_asks_to_try_again(node):
    health = node.call("health.get")
    assert health["status"] == "degraded" and health["flannel"]["state"] == "waiting"
    pod = node.bare_pod("early")
    with pytest.raises(CniError) as refused:
        pod.add()
    assert refused.value.code == 11, refused.value
    assert "subnet.env" in refused.value.error["details"], refused.value
    assert node.call("endpoint.list") in ([], {"endpoints": []})
    assert not any((node.scratch / "ipam").rglob("10.244.*")), "an address leaked"


def test_status_says_so(node):
    run = status(node)
    assert run.returncode != 0 and '"code":\t50' in run.stdout, run
    assert "subnet.env" in run.stdout, run


def test_pods_come_with_the_file(node, subnet_env):
    write(subnet_env, 1)
    wait_until(lambda: state(node) == "ready", "subnet.env was read")
    assert status(node).returncode == 0
    red, green = node.pod("red"), node.pod("green")
    assert red.namespace.link("eth0")["mtu"] == 1450
    assert red.result["ips"][0]["gateway"] == "10.244.1.1"
    red.run("ping", "-c", 1, "-W", 5, green.ip(4))
    red.run("ping", "-c", 1, "-W", 5, "10.244.1.1")


def test_the_lease_changes(node, subnet_env):
    """The old part goes with its last pod: another node may be given it."""
    write(subnet_env, 7)
    wait_until(lambda: "10.244.7.1/24" in routers(node), "the router has its new address")
    assert "10.244.1.1/24" in routers(node)
    use_subnet(node, 7)
    blue = node.pod("blue")
    red = next(pod for pod in node.pods if pod.name == "red")
    red.run("ping", "-c", 1, "-W", 5, blue.ip(4))
    for pod in node.pods:
        if pod.name in ("red", "green"):
            pod.delete()
    assert routers(node) == ["10.244.7.1/24"]
    blue.run("ping", "-c", 1, "-W", 5, "10.244.7.1")


def test_restart(node):
    node.control.stop()
    node.start_control()
    node.wait_connected()
    assert state(node) == "ready" and routers(node) == ["10.244.7.1/24"]
    node.assert_balanced()
