# SPDX-License-Identifier: Apache-2.0
"""causeway-cni between fakes: IPAM plugins; host-local is the real one."""
import json

import pytest
from lib.cni_runtime import VERSIONS
from lib.fake_causewayd import REFUSED, Refusal
from lib.fake_ipam import RESULT


def test_ipam_gets_our_environment_and_input(cni):
    text = json.dumps(cni.config, indent=7)
    cni.call("ADD", text=text, env={"CNI_ARGS": "IgnoreUnknown=1"})
    [(command, env, stdin)] = cni.ipam.calls()
    assert (command, stdin) == ("ADD", text)
    assert env == {key: value for key, value in cni.env.items() if key.startswith("CNI_")} | {
        "CNI_COMMAND": "ADD",
        "CNI_ARGS": "IgnoreUnknown=1",
    }


def test_large_input_reaches_ipam_whole(cni):
    text = json.dumps(cni.config | {"filler": "x" * 1_000_000})
    cni.call("ADD", text=text)
    assert cni.ipam.calls()[0][2] == text


def test_ipam_error_is_ours(cni):
    cni.ipam.fail("ADD", 11, "no addresses left")
    cni.fail("ADD", 11, "no addresses left", "fake-ipam")
    assert cni.ipam.commands() == ["ADD", "DEL"]
    assert cni.fake.methods() == ["endpoint.get"]


@pytest.mark.parametrize(
    "stdout, status",
    [
        ("", 0),
        ("{", 0),
        ("[]", 0),
        ("{}", 0),
        ('{"ips": []}', 0),
        ('{"ips": [{"address": "10.1.0.5"}]}', 0),
        ('{"ips": [{"address": "10.1.0.5/33"}]}', 0),
        ('{"ips": [{"address": "10.1.0.5/16", "gateway": "fd00::1"}]}', 0),
        ('{"ips": [{"address": "10.1.0.5/16", "interface": 3}]}', 0),
        ('{"ips": [{"address": "10.1.0.5/16"}], "routes": [{"dst": "x"}]}', 0),
        ('{"ips": [{"address": "10.1.0.5/16"}], "routes": [7]}', 0),
        ("crashed", 2),
        ('{"code": 0, "msg": "confused"}', 1),
        ("x" * 5_000_000, 0),
    ],
)
def test_ipam_that_breaks_its_contract(cni, stdout, status):
    cni.ipam.answer("ADD", stdout, status)
    cni.fail("ADD", 105, "fake-ipam" if "ips" not in stdout or stdout == '{"ips": []}' else "")
    assert cni.ipam.commands() == ["ADD", "DEL"]
    cni.assert_nothing_left()


def test_ipam_of_old_versions(cni):
    old = {
        "cniVersion": "0.2.0",
        "ip4": {
            "ip": "10.1.0.5/16",
            "gateway": "10.1.0.1",
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}],
        },
        "ip6": {"ip": "fd00:1::5/64"},
        "dns": {"nameservers": ["10.1.0.10"]},
    }
    cni.ipam.answer("ADD", json.dumps(old))
    result = cni.call("ADD")
    assert result["ips"] == [
        {"address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 0},
        {"address": "fd00:1::5/64", "interface": 0},
    ]
    assert result["routes"] == [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}]


def test_absent_ipam_plugin(cni):
    cni.fail("ADD", 105, "absent-ipam", "CNI_PATH", ipam={"type": "absent-ipam"})


def test_route_that_causewayd_cannot_set(cni):
    route = {"dst": "0.0.0.0/0", "table": 100}
    cni.ipam.answer("ADD", json.dumps(RESULT | {"routes": [route]}))
    cni.fail("ADD", 2, "table", "0.0.0.0/0", cniVersion="1.1.0")
    cni.assert_nothing_left()


@pytest.mark.parametrize("version", VERSIONS[:4])
def test_host_local(cni, version):
    ipam = {
        "type": "host-local",
        "dataDir": str(cni.scratch / "host-local"),
        "ranges": [[{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    }
    result = cni.call("ADD", cniVersion=version, ipam=ipam)
    assert [ip["address"] for ip in result["ips"]] == ["10.7.0.2/24", "fd00:7::2/64"]
    assert cni.fake.params("endpoint.add")["routes"] == [
        {"dst": "0.0.0.0/0", "gw": "10.7.0.1"},
        {"dst": "::/0", "gw": "fd00:7::1"},
    ]
    cni.fake.behave("endpoint.add", Refusal(REFUSED, "no"))
    cni.fail("ADD", 103, env={"CNI_CONTAINERID": "c2"}, cniVersion=version, ipam=ipam)
    leases = {path.name for path in (cni.scratch / "host-local" / "net1").glob("[1f]*")}
    assert leases == {"10.7.0.2", "fd00:7::2"}
    cni.call("DEL", cniVersion=version, ipam=ipam)
    assert not list((cni.scratch / "host-local" / "net1").glob("[1f]*"))


def test_delegate_input_of_flannels_meta_plugin(cni):
    """What flannel's plugin makes of "delegate": {"type": "causeway", ...}."""
    run = cni.run(
        "ADD",
        text=json.dumps(
            {
                "cniVersion": "0.3.1",
                "hairpinMode": True,
                "ipMasq": False,
                "ipam": {
                    "dataDir": str(cni.scratch / "host-local"),
                    "ranges": [[{"subnet": "10.244.3.0/24"}], [{"subnet": "2001:db8:3::/64"}]],
                    "routes": [{"dst": "10.244.0.0/16"}, {"dst": "2001:db8::/32"}],
                    "type": "host-local",
                },
                "isDefaultGateway": True,
                "isGateway": True,
                "mtu": 1450,
                "name": "cbr0",
                "type": "causeway",
                "socket": str(cni.socket),
            }
        ),
    )
    assert run.returncode == 0, run
    params = cni.fake.params("endpoint.add")
    assert params["mtu"] == 1450
    assert params["hairpin"] is True
    assert params["ips"] == [
        {"address": "10.244.3.2/24", "gateway": "10.244.3.1"},
        {"address": "2001:db8:3::2/64", "gateway": "2001:db8:3::1"},
    ]
    assert params["routes"] == [
        {"dst": "10.244.0.0/16", "gw": "10.244.3.1"},
        {"dst": "2001:db8::/32", "gw": "2001:db8:3::1"},
        {"dst": "0.0.0.0/0", "gw": "10.244.3.1"},
        {"dst": "::/0", "gw": "2001:db8:3::1"},
    ]
    assert {"dst": "0.0.0.0/0", "gw": "10.244.3.1"} in json.loads(run.stdout)["routes"]
