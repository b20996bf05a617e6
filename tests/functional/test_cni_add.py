# SPDX-License-Identifier: Apache-2.0
"""causeway-cni between fakes: ADD, and what a failing one leaves."""
import json
import os
import subprocess

import pytest
from lib.cni_runtime import PLUGIN
from lib.fake_causewayd import CONFLICT, DENIED, INVALID_PARAMS, REFUSED, UNAVAILABLE, Refusal
from lib.fake_ipam import RESULT


# -------------------------------------------------------------------------------------------- ADD


def test_add_result(cni):
    run = cni.run("ADD", cniVersion="1.1.0")
    assert run.returncode == 0
    assert json.loads(run.stdout) == {
        "cniVersion": "1.1.0",
        "interfaces": [
            {
                "name": "eth0",
                "mac": "02:00:00:00:01:05",
                "mtu": 1500,
                "sandbox": cni.env["CNI_NETNS"],
            }
        ],
        "ips": [
            {"address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 0},
            {"address": "fd00:1::5/64", "gateway": "fd00:1::1", "interface": 0},
        ],
        "routes": RESULT["routes"],
        "dns": RESULT["dns"],
    }
    assert run.stderr == "ipam speaks on stderr\n"


def test_add_hands_the_namespace_over_as_a_descriptor(cni):
    cni.call("ADD")
    method, params, inodes = cni.fake.calls[-1]
    assert method == "endpoint.add"
    assert inodes == [cni.netns.path.stat().st_ino]
    assert params == {
        "container": "c1",
        "ifname": "eth0",
        "netns": cni.env["CNI_NETNS"],
        "netns_fd": 0,
        "network": "default",
        "cni_network": "net1",
        "interface": "kernel",
        "ips": RESULT["ips"],
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}, {"dst": "::/0", "gw": "fd00:1::1"}],
    }


def test_add_passes_every_key_on(cni):
    cni.call(
        "ADD",
        env={"CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;K8S_POD_UID=u;X=y"},
        network="blue",
        kind="af_packet",
        interface="kernel",
        mtu=9000,
        mac="02-AA-00-00-00-01",
        vlan=7,
        trunk=[{"vlan": 8, "network": "red"}, {"id": 9}, {"minID": 10, "maxID": 11}],
        guard=["mac", "ip"],
        hairpin=True,
    )
    params = cni.fake.params("endpoint.add")
    expected = {
        "network": "blue",
        "kind": "af_packet",
        "mtu": 9000,
        "mac": "02:aa:00:00:00:01",
        "vlan": 7,
        "trunk": [
            {"vlan": 8, "network": "red"},
            {"vlan": 9, "network": "blue.9"},
            {"vlan": 10, "network": "blue.10"},
            {"vlan": 11, "network": "blue.11"},
        ],
        "guard": ["mac", "ip"],
        "hairpin": True,
        "pod": {"namespace": "ns", "name": "p", "uid": "u"},
    }
    assert {key: params[key] for key in expected} == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"mtu": "1500"},
        {"mtu": 67},
        {"mtu": 9601},
        {"mtu": 1500.5},
        {"mac": "01:00:00:00:00:01"},
        {"mac": "00:00:00:00:00:00"},
        {"mac": "02:00:00:00:01"},
        {"vlan": 4095},
        {"vlan": -1},
        {"vlan": True},
        {"trunk": {}},
        {"trunk": [{}]},
        {"trunk": [{"id": 0}]},
        {"trunk": [{"minID": 5, "maxID": 4}]},
        {"trunk": [{"minID": 1, "maxID": 65}]},
        {"network": "a b"},
        {"network": 5},
        {"guard": "on"},
        {"guard": ["mac", "everything"]},
        {"hairpin": "yes"},
        {"kind": "nic"},
        {"interface": "cable"},
        {"interface": 3},
        {"ipam": "host-local"},
        {"ipam": {"type": "../host-local"}},
        {"ipam": {"type": 5}},
        {"socket": "relative"},
        {"socket": "/" + "x" * 107},
        {"runtimeDir": "/" + "x" * 100},
        {"stateDir": 5},
        {"dns": []},
        {"isDefaultGateway": 1},
    ],
)
def test_invalid_values_of_known_keys(cni, changes):
    (key, value), *_ = changes.items()
    if key == "runtimeDir":
        changes = changes | {"socket": None}
    error = cni.fail("ADD", 7, key, **changes)
    innermost = value
    while isinstance(innermost, (list, dict)) and innermost:
        innermost = list(innermost.values() if isinstance(innermost, dict) else innermost)[-1]
    if not isinstance(innermost, (list, dict)) and "more than" not in error["msg"]:
        assert json.dumps(innermost)[:60] in error["msg"]
    assert cni.fake.calls == []
    assert cni.ipam.calls() == []


@pytest.mark.parametrize("precedence", range(4))
def test_precedence_of_the_mac(cni, precedence):
    macs = [f"02:00:00:00:00:0{n}" for n in range(1, 5)]
    levels = [
        {"runtimeConfig": {"mac": macs[0]}},
        {"args": {"cni": {"mac": macs[1]}}},
        {},
        {"mac": macs[3]},
    ]
    changes = {}
    for level in levels[precedence:]:
        changes |= level
    env = {"CNI_ARGS": f"IgnoreUnknown=1;MAC={macs[2]}"} if precedence <= 2 else {}
    cni.call("ADD", env=env, **changes)
    assert cni.fake.params("endpoint.add")["mac"] == macs[precedence]


def test_addresses_without_ipam(cni):
    result = cni.call(
        "ADD",
        env={"CNI_ARGS": "IP=10.1.0.9"},
        ipam=None,
        runtimeConfig={"ips": ["10.1.0.7/16", "fd00:1::7"]},
    )
    assert [ip["address"] for ip in result["ips"]] == ["10.1.0.7/16", "fd00:1::7/128"]
    cni.fail("ADD", 7, "runtimeConfig.ips", ipam=None, runtimeConfig={"ips": ["x"]})
    cni.fail("ADD", 4, "CNI_ARGS", "10.1.0.900", ipam=None, env={"CNI_ARGS": "IP=10.1.0.900"})


def test_malformed_cni_args(cni):
    cni.fail("ADD", 4, "CNI_ARGS", "nonsense", env={"CNI_ARGS": "K8S_POD_NAME=a;nonsense"})
    cni.call("DEL", env={"CNI_ARGS": "nonsense"})


def test_dns_of_the_runtime_precedes_that_of_ipam(cni):
    assert cni.call("ADD", dns={"domain": "a"})["dns"] == {"domain": "a"}
    cni.call("DEL")
    changes = {"dns": {"domain": "a"}, "runtimeConfig": {"dns": {"nameservers": ["9.9.9.9"]}}}
    assert cni.call("ADD", **changes)["dns"] == {"nameservers": ["9.9.9.9"]}


def test_own_namespace_is_refused_unless_meant(cni):
    own = {"CNI_NETNS": "/proc/self/ns/net"}
    cni.fail("ADD", 8, "CNI_NETNS_OVERRIDE", env=own)
    for value in ("1", "true", "TRUE"):
        cni.call("ADD", env=own | {"CNI_NETNS_OVERRIDE": value})
        cni.call("DEL", env=own)


def test_what_is_no_network_namespace(cni):
    cni.fail("ADD", 4, "CNI_NETNS", env={"CNI_NETNS": "/run/netns/absent"})
    cni.fail("ADD", 8, "CNI_NETNS", env={"CNI_NETNS": "/dev/null"})
    cni.fail("ADD", 8, "CNI_NETNS", env={"CNI_NETNS": "/proc/self/ns/uts"})
    cni.assert_nothing_left()


def test_second_add_leaves_the_first_alone(cni):
    cni.call("ADD")
    before = cni.ipam.commands()
    cni.fail("ADD", 101, "c1", "eth0")
    assert cni.ipam.commands() == before
    assert list(cni.fake.endpoints) == [("c1", "eth0")]
    assert cni.ipam.leases() == ["c1-eth0"]


def test_add_replaces_an_attachment_whose_namespace_is_gone(cni):
    cni.call("ADD")
    cni.fake.endpoints["c1", "eth0"]["state"] = "gone"
    cni.call("ADD")
    assert cni.fake.methods()[2:] == ["endpoint.get", "endpoint.del", "endpoint.add"]
    assert cni.ipam.commands() == ["ADD", "DEL", "ADD"]


def test_previous_result_is_passed_through(cni):
    previous = {
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "br0"}, {"name": "net7", "sandbox": "/x"}],
        "ips": [{"address": "192.0.2.7/24", "interface": 1}],
        "routes": [{"dst": "192.0.2.0/24"}],
        "dns": {"nameservers": ["192.0.2.1"]},
    }
    result = cni.call("ADD", prevResult=previous)
    assert [interface["name"] for interface in result["interfaces"]] == ["br0", "net7", "eth0"]
    assert [ip["interface"] for ip in result["ips"]] == [1, 2, 2]
    assert result["routes"] == previous["routes"] + RESULT["routes"]
    assert result["dns"] == RESULT["dns"]


def test_host_side_interface_is_listed_unless_it_has_the_same_name(cni):
    def add(host):
        def answer(params):
            return cni.fake.perform("endpoint.add", params) | {"host_ifname": host}

        cni.fake.behave("endpoint.add", answer)
        interfaces = cni.call("ADD")["interfaces"]
        cni.call("DEL")
        return interfaces

    assert add("cw1")[1:] == [{"name": "cw1"}]
    assert len(add("eth0")) == 1


def test_parallel_adds(cni):
    runs = []
    for number in range(16):
        env = cni.env | {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": f"p{number}"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        runs.append(subprocess.Popen([PLUGIN], env=env, text=True, **pipes))
    for run in runs:
        output, _ = run.communicate(json.dumps(cni.config), timeout=60)
        assert run.returncode == 0, output
    assert len(cni.fake.endpoints) == 16


# ---------------------------------------------------------------------- what fails leaves nothing


@pytest.mark.parametrize(
    "what, code",
    [
        (Refusal(REFUSED, "interface eth0 exists"), 103),
        (Refusal(CONFLICT, "another endpoint"), 101),
        (Refusal(UNAVAILABLE, "the data plane is away"), 11),
        (Refusal(DENIED, "peer is neither root nor in the group"), 104),
        (Refusal(INVALID_PARAMS, "no such network", key="network", value="x", hint="add it"), 7),
        ("close", 11),
        ("this is no JSON", 100),
        ('{"jsonrpc": "2.0", "id": null, "error": 5}', 100),
    ],
)
def test_failing_endpoint_add(cni, what, code):
    cni.fake.behave("endpoint.add", what)
    error = cni.fail("ADD", code)
    if isinstance(what, Refusal):
        assert what.error["message"] in error["msg"]
        for value in what.error.get("data", {}).values():
            assert value in error["details"]
        assert "endpoint.del" not in cni.fake.methods()
    else:
        assert cni.fake.methods()[-1] == "endpoint.del"
    assert cni.ipam.commands() == ["ADD", "DEL"]
    cni.assert_nothing_left()
    cni.call("DEL")


def test_crash_of_causewayd_during_add(cni):
    """It was done, but the answer got lost: the endpoint must go when causewayd is back."""

    def crash(params):
        cni.fake.perform("endpoint.add", params)
        os.unlink(cni.socket)
        raise ConnectionResetError

    cni.fake.behave("endpoint.add", crash)
    cni.fail("ADD", 11, "endpoint.add")
    assert cni.ipam.leases() == []
    assert [tombstone["container"] for tombstone in cni.tombstones()] == ["c1"]


def test_output_that_cannot_be_written_rolls_back(cni):
    with open("/dev/full", "w", encoding="utf-8") as full:
        run = subprocess.run(
            [PLUGIN],
            env=cni.env | {"CNI_COMMAND": "ADD"},
            input=json.dumps(cni.config),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert run.returncode != 0
    assert cni.fake.methods() == ["endpoint.get", "endpoint.add", "endpoint.get", "endpoint.del"]
    cni.assert_nothing_left()


def test_closed_standard_descriptors(cni):
    """What the plugin opens must not become its stdout."""
    run = subprocess.run(
        ["/bin/sh", "-c", f"exec {PLUGIN} >&- 2>&-"],
        env=cni.env | {"CNI_COMMAND": "ADD"},
        input=json.dumps(cni.config),
        text=True,
        check=False,
    )
    assert run.returncode == 0
    assert cni.fake.methods() == ["endpoint.get", "endpoint.add"]


def test_causewayd_away_at_add(cni):
    cni.fake.close()
    cni.fail("ADD", 11, str(cni.socket))
    os.unlink(cni.socket)
    cni.fail("ADD", 11, str(cni.socket))
    assert cni.ipam.calls() == []
    cni.assert_nothing_left()
