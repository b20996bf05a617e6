# SPDX-License-Identifier: Apache-2.0
"""cwctl against the real daemons: what it says agrees with the machine."""
import re

import pytest
from lib.traffic import ping


@pytest.fixture(scope="module")
def pods(node):
    return [node.pod(name) for name in ("red", "green")]


def test_node(node, pods):
    info = node.cwctl("node", "get")
    text = node.cwctl.run("node", "get").stdout
    assert str(node.dp.pid) in text and str(node.control.pid) in text
    assert "BUSY %" in text and "hugepages" in text
    assert {port["port"] for port in info["ports"]} >= {pod.endpoint()["port"] for pod in pods}


def test_endpoints_and_ports(node, pods):
    listed = {(e["container"], e["ifname"]): e for e in node.cwctl("endpoint", "list")}
    for pod in pods:
        endpoint = listed[pod.container, "eth0"]
        assert endpoint["mac"] == pod.mac()
        assert [ip["address"] for ip in endpoint["ips"]] == pod.namespace.addresses("eth0")
        assert endpoint["kind"] == "tap" and "tap" in endpoint["why"]
    text = node.cwctl.run("endpoint", "list").stdout
    assert all(pod.container in text and pod.ip(4) in text for pod in pods)


def test_statistics_count_what_pings_send(node, pods):
    red, green = pods
    port = red.endpoint()["port"]
    assert ping(red.namespace, green.ip(4))[0] == 0  # neighbours are known now
    before = node.port_stats()[port]
    assert ping(red.namespace, green.ip(4), count=20)[0] == 0
    after = node.port_stats()[port]
    assert after["rx_packets"] - before["rx_packets"] >= 20
    assert after["tx_packets"] - before["tx_packets"] >= 20
    node.assert_balanced()


def test_drops_by_name(node, pods):
    red, green = pods
    red.namespace.ip("addr add 10.1.77.7/16 dev eth0")
    red.run("ping", "-c", 1, "-W", 1, "-I", "10.1.77.7", green.ip(4), check=False)
    red.namespace.ip("addr del 10.1.77.7/16 dev eth0")
    drops = node.port_stats()[red.endpoint()["port"]]["drops"]
    assert drops.get("spoof_ip", 0) + drops.get("spoof_arp", 0) > 0
    assert re.search(r"spoof_(ip|arp)", node.cwctl.run("stats", "get").stdout)


def test_trace_tells_the_way_of_a_packet(node, pods):
    red, green = pods
    tracer = node.namespace.popen(
        *node.cwctl.command("trace", "count=1", "ip_proto=1", f"src={red.ip(4)}"),
        stdout=-1,
        text=True,
    )
    # Pings until the trace has seen one: when it begins to watch is not known from outside.
    while tracer.poll() is None:
        assert ping(red.namespace, green.ip(4), count=1)[0] == 0
    said = tracer.communicate()[0]
    assert "parse > classify > guard" in said
    assert f"{red.ip(4)} > {green.ip(4)}" in said
    assert green.endpoint()["port"] in said


def test_doctor(node, pods):
    run = node.cwctl.run("doctor", check=False)
    for line in ("cores", "hugepages", "quota", "numa", "tun", "dp.sock", "control.sock"):
        assert re.search(rf"^(ok|warning|problem) +{re.escape(line)} ", run.stdout, re.MULTILINE)
    summary = re.search(r"(\d+) ok, (\d+) warnings?, (\d+) problems?", run.stdout)
    assert run.returncode == (1 if int(summary[3]) else 0)
    for mend in re.findall(r"^(?:warning|problem) .*\n(.*)", run.stdout, re.MULTILINE):
        assert "->" in mend


def test_doctor_without_a_data_plane(node, pods):
    node.dp.kill()
    try:
        run = node.cwctl.run("doctor", check=False)
        assert run.returncode == 1
        assert re.search(r"^problem .*the data plane is away", run.stdout, re.MULTILINE)
    finally:
        node.start_dp()
        node.wait_connected()
