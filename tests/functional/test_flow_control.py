# SPDX-License-Identifier: Apache-2.0
"""Offload from the control plane's side: the key of ports, the node's switch, the list."""
import pytest
from lib.rpc import INVALID_PARAMS, NOT_FOUND, RpcError


def port(node, name):
    return node.cwctl("port", "get", name)


@pytest.fixture(name="sink")
def make_sink(node):
    node.cwctl("port", "add", "sink", kind="ring", args="net_ring0", offload="on")
    yield "sink"
    node.cwctl("port", "del", "sink")


def test_a_port_has_offload_when_asked(node, sink):
    assert port(node, sink)["offload"] is True
    node.cwctl("port", "set", sink, offload="off")
    assert port(node, sink)["offload"] is False
    node.cwctl("port", "add", "plain", kind="ring", args="net_ring1")
    assert port(node, "plain")["offload"] is False
    node.cwctl("port", "del", "plain")


def test_the_switch_is_durable(node, sink):
    assert node.cwctl("flow", "get") == {"offload": True, "ports": 1}
    assert node.cwctl("flow", "set", offload="off") == {"offload": False, "ports": 1}
    assert port(node, sink)["offload"] is True  # what the port wants stays
    node.control.kill()
    node.start_control()
    node.wait_connected()
    assert node.cwctl("flow", "get")["offload"] is False
    assert node.cwctl("flow", "set", offload="on")["offload"] is True


def test_lists_and_refusals(node, sink):
    assert node.cwctl("flow", "list") == []
    assert node.cwctl("flow", "list", port=sink, state="refused") == []
    for params, code in (({"port": "nobody"}, NOT_FOUND), ({"state": "gone"}, INVALID_PARAMS)):
        with pytest.raises(RpcError) as refusal:
            node.call("flow.list", **params)
        assert refusal.value.code == code
    done = node.cwctl.run("flow", "set", "offload=perhaps", check=False)
    assert done.returncode != 0 and "offload" in done.stderr
