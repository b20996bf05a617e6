# SPDX-License-Identifier: Apache-2.0
"""The CNI plugin as a runtime sees it: environment, stdin, exit status, stdout, side effects.

Needs neither causewayd nor a data plane: both ends of the plugin are fakes, host-local is real.
"""
import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from lib import settings
from lib.fake_causewayd import CONFLICT, DENIED, INVALID_PARAMS, REFUSED, UNAVAILABLE
from lib.fake_causewayd import FakeCausewayd, Refusal
from lib.fake_ipam import RESULT, FakeIpam
from lib.netns import Namespace

VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
PLUGIN = settings.CNI_DIR / "causeway-cni"


class Runtime:
    """Runs the plugin the way libcni does."""

    def __init__(self, scratch, netns):
        self.scratch, self.netns = scratch, netns
        self.socket = scratch / "control.sock"
        self.ipam = FakeIpam(scratch / "ipam")
        self.fake = FakeCausewayd(self.socket)
        self.config = {
            "cniVersion": "1.0.0",
            "name": "net1",
            "type": "causeway",
            "socket": str(self.socket),
            "stateDir": str(scratch / "state"),
            "ipam": {"type": "fake-ipam"},
        }
        self.env = {
            "CNI_CONTAINERID": "c1",
            "CNI_NETNS": str(netns.path),
            "CNI_IFNAME": "eth0",
            "CNI_PATH": f"/nowhere::{self.ipam.bin}:/usr/lib/cni",
            "PATH": os.environ["PATH"],
        }

    def close(self):
        self.fake.close()

    def run(self, command, text=None, env=None, **changes):
        """env: changes, None removes a variable. changes: of the configuration, None removes."""
        environment = self.env | ({"CNI_COMMAND": command} if command else {}) | (env or {})
        config = {k: v for k, v in (self.config | changes).items() if v is not None}
        return subprocess.run(
            [PLUGIN],
            env={key: value for key, value in environment.items() if value is not None},
            input=json.dumps(config) if text is None else text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def call(self, command, **options):
        """The JSON on stdout of a call that succeeds."""
        run = self.run(command, **options)
        assert run.returncode == 0, run
        return json.loads(run.stdout) if run.stdout else None

    def fail(self, command, code, *words, **options):
        """The error of a call that fails with this code and says all of words."""
        run = self.run(command, **options)
        assert run.returncode != 0, run
        error = json.loads(run.stdout)
        assert error["code"] == code, error
        for word in words:
            assert word in error["msg"] + error.get("details", ""), (word, error)
        return error

    def tombstones(self):
        folder = self.scratch / "state" / "tombstones"
        if not folder.exists():
            return []
        files = sorted(folder.iterdir())
        assert all(file.suffix == ".json" and not file.name.startswith(".") for file in files)
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def assert_nothing_left(self):
        assert self.fake.endpoints == {}
        assert self.ipam.leases() == []
        assert self.tombstones() == []


@pytest.fixture(name="pod_netns", scope="module")
def make_pod_netns():
    namespace = Namespace("contract")
    yield namespace
    namespace.close()


@pytest.fixture(name="cni")
def make_cni(pod_netns):
    with tempfile.TemporaryDirectory(prefix="cwt-") as scratch:
        runtime = Runtime(Path(scratch), pod_netns)
        yield runtime
        runtime.close()


# ------------------------------------------------------------------------------- environment


@pytest.mark.parametrize(
    "command, missing",
    [
        ("ADD", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]),
        ("CHECK", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]),
        ("DEL", ["CNI_CONTAINERID", "CNI_IFNAME"]),
        ("GC", ["CNI_PATH"]),
    ],
)
def test_missing_variables_are_all_named(cni, command, missing):
    cni.fail(command, 4, *missing, env=dict.fromkeys(missing))
    for variable in missing:
        error = cni.fail(command, 4, variable, env={variable: None})
        assert not any(other in error["msg"] for other in missing if other != variable)


def test_unknown_command(cni):
    cni.fail("REMOVE", 4, "REMOVE")


def test_no_command_at_all_explains_itself(cni):
    run = cni.run(None)
    assert run.returncode == 0
    assert run.stdout == ""
    assert "1.1.0" in run.stderr


@pytest.mark.parametrize("container", ["-a", ".a", "a/b", "a b", "ä", "a;b"])
def test_bad_container_id(cni, container):
    cni.fail("ADD", 4, "CNI_CONTAINERID", container, env={"CNI_CONTAINERID": container})


@pytest.mark.parametrize("container", ["a", "0", "a-b_c.d", "x" * 200])
def test_container_ids_of_any_length(cni, container):
    cni.call("ADD", env={"CNI_CONTAINERID": container})
    assert cni.fake.params("endpoint.add")["container"] == container
    cni.call("DEL", env={"CNI_CONTAINERID": container})
    cni.assert_nothing_left()


@pytest.mark.parametrize("ifname", [".", "..", "a/b", "a:b", "a b", "a\tb", "sixteen-bytes-xx"])
def test_bad_interface_name(cni, ifname):
    cni.fail("ADD", 4, "CNI_IFNAME", env={"CNI_IFNAME": ifname})


@pytest.mark.parametrize("name", [None, "", "-a", "a b", "a/b", 7])
def test_bad_network_name(cni, name):
    cni.fail("ADD", 7, "name", name=name)


def test_cni_path_is_needed_for_ipam_only(cni):
    cni.fail("ADD", 4, "CNI_PATH", env={"CNI_PATH": None})
    cni.call("ADD", env={"CNI_PATH": None}, ipam=None)


def test_version_ignores_dummy_variables(cni):
    dummy = dict.fromkeys(["CNI_NETNS", "CNI_IFNAME", "CNI_PATH"], "dummy")
    answer = cni.call("VERSION", env=dummy | {"CNI_CONTAINERID": None})
    assert answer["supportedVersions"] == VERSIONS


@pytest.mark.parametrize("command", ["GC", "STATUS"])
def test_gc_and_status_take_empty_variables(cni, command):
    empty = dict.fromkeys(["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"], "")
    run = cni.run(command, env=empty, cniVersion="1.1.0")
    assert run.returncode == 0, run
    assert run.stdout == ""


# ------------------------------------------------------------------------------ input, versions


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"name": "x"} trailing', "{}\0{}", "\xff"])
@pytest.mark.parametrize("command", ["ADD", "DEL"])
def test_invalid_json(cni, command, text):
    cni.fail(command, 6, text=text)


def test_deeply_nested_json_is_refused(cni):
    cni.fail("ADD", 6, text="[" * 200000)


def test_unknown_keys_are_ignored_and_case_does_not_matter(cni):
    config = json.dumps({key.upper(): value for key, value in cni.config.items()})
    config = config[:-1] + ', "Mtu": 1400, "bandWidth": {"x": []}, "plugins": 3}'
    cni.call("ADD", text=config)
    assert cni.fake.params("endpoint.add")["mtu"] == 1400


def test_of_two_spellings_the_last_wins(cni):
    cni.call("ADD", text=json.dumps(cni.config | {"MTU": 1300, "mtu": 1400}))
    assert cni.fake.params("endpoint.add")["mtu"] == 1400


def test_version_with_empty_input(cni):
    answer = cni.call("VERSION", text="")
    assert answer == {"cniVersion": "1.1.0", "supportedVersions": VERSIONS}


def test_version_echoes_the_input(cni):
    assert cni.call("VERSION", text='{"cniVersion": "0.4.0"}')["cniVersion"] == "0.4.0"


@pytest.mark.parametrize("version", [None, "", "0.1.0", "0.2.0", "2.0.0", "x"])
def test_unsupported_version(cni, version):
    cni.fail("ADD", 1, version or "0.1.0", cniVersion=version)


@pytest.mark.parametrize(
    "command, version", [("CHECK", "0.3.1"), ("GC", "1.0.0"), ("STATUS", "1.0.0")]
)
def test_verbs_younger_than_the_configuration(cni, command, version):
    cni.fail(command, 1, version, cniVersion=version)


@pytest.mark.parametrize("version", VERSIONS)
def test_result_in_the_configurations_version(cni, version):
    newest = RESULT | {"routes": [{"dst": "0.0.0.0/0", "mtu": 1400, "priority": 7}]}
    cni.ipam.answer("ADD", json.dumps(newest))
    result = cni.call("ADD", cniVersion=version)
    assert result["cniVersion"] == version
    families = [ip.get("version") for ip in result["ips"]]
    assert families == (["4", "6"] if version < "1" else [None, None])
    assert ("mtu" in result["interfaces"][0]) == (version == "1.1.0")
    route = {"dst": "0.0.0.0/0"}
    if version == "1.1.0":
        route |= {"mtu": 1400, "priority": 7}
    assert result["routes"] == [route]


# --------------------------------------------------------------------------------------- ADD


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


@pytest.mark.parametrize("interface", ["vhost-user", "memif", "vf"])
def test_interfaces_of_later_versions(cni, interface):
    cni.fail("ADD", 7, interface, "not yet available in this version", interface=interface)


@pytest.mark.parametrize(
    "changes", [{"deviceID": "0000:01:02.3"}, {"host": {"engine": "vpp", "iftype": "memif"}}]
)
def test_configurations_that_imply_another_interface(cni, changes):
    cni.fail("ADD", 7, "not yet available in this version", "implied", **changes)


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


# ----------------------------------------------------------------- what fails leaves nothing


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
    assert cni.fake.methods() == ["endpoint.get", "endpoint.add", "endpoint.del"]
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


# -------------------------------------------------------------------------------------- IPAM


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


# --------------------------------------------------------------------------------------- DEL


def test_del_prints_nothing_and_may_be_repeated(cni):
    cni.call("ADD")
    for _ in range(3):
        run = cni.run("DEL")
        assert (run.returncode, run.stdout) == (0, "")
    assert cni.ipam.commands() == ["ADD", "DEL", "DEL", "DEL"]
    cni.assert_nothing_left()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"env": {"CNI_NETNS": None}},
        {"env": {"CNI_NETNS": ""}},
        {"env": {"CNI_NETNS": "/run/netns/absent"}},
        {"mtu": "edited by hand", "vlan": 5000, "interface": "vf"},
    ],
)
def test_del_whatever_is_gone(cni, options):
    cni.call("DEL", **options)
    assert cni.fake.params("endpoint.del") == {"container": "c1", "ifname": "eth0"}
    assert cni.ipam.commands() == ["DEL"]


def test_del_with_a_stripped_configuration(cni):
    cni.call("ADD", network="blue", mtu=1400)
    keys = ("cniVersion", "name", "type", "socket", "ipam")
    cni.call("DEL", text=json.dumps({key: cni.config[key] for key in keys}))
    cni.assert_nothing_left()


def test_del_releases_only_the_callers_own(cni):
    cni.call("ADD")
    cni.call("DEL", env={"CNI_CONTAINERID": "c0"})
    cni.call("DEL", env={"CNI_IFNAME": "net1"})
    assert list(cni.fake.endpoints) == [("c1", "eth0")]


@pytest.mark.parametrize("how", ["crashed", "absent", "close", Refusal(UNAVAILABLE, "away")])
def test_del_without_causewayd_leaves_a_tombstone(cni, how):
    cni.call("ADD")
    if how in ("crashed", "absent"):
        cni.fake.close()
    if how == "absent":
        os.unlink(cni.socket)
    cni.fake.behave("endpoint.del", how)
    cni.call("DEL")
    cni.call("DEL")
    [tombstone] = cni.tombstones()
    assert tombstone.pop("time") > 0
    assert tombstone == {"version": 1, "container": "c1", "ifname": "eth0"}
    assert cni.ipam.leases() == []
    folder = cni.scratch / "state" / "tombstones"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_add_takes_the_tombstone_back(cni):
    cni.fake.behave("endpoint.del", "close")
    cni.call("DEL")
    cni.call("DEL", env={"CNI_IFNAME": "net1"})
    cni.call("ADD")
    assert [tombstone["ifname"] for tombstone in cni.tombstones()] == ["net1"]


def test_del_that_cannot_leave_a_tombstone_fails_but_releases_addresses(cni):
    cni.call("ADD")
    cni.fake.close()
    (cni.scratch / "state").touch()
    cni.fail("DEL", 5, str(cni.scratch / "state"))
    assert cni.ipam.leases() == []


def test_del_reports_what_ipam_says(cni):
    cni.call("ADD")
    cni.ipam.fail("DEL", 5, "store broken: lease file Not Found")
    error = cni.fail("DEL", 5, "store broken")
    assert "not found" not in json.dumps(error).lower()
    assert cni.fake.endpoints == {}


def test_refused_del_still_runs_ipam(cni):
    cni.call("ADD")
    cni.fake.behave("endpoint.del", Refusal(DENIED, "not for you"))
    cni.fail("DEL", 104, "not for you")
    assert cni.ipam.leases() == []


# ---------------------------------------------------------------------- CHECK, GC and STATUS


def test_check(cni):
    result = cni.call("ADD")
    run = cni.run("CHECK", prevResult=result)
    assert (run.returncode, run.stdout) == (0, "")
    assert cni.ipam.commands() == ["ADD", "CHECK"]
    cni.fail("CHECK", 7, "prevResult")
    cni.ipam.fail("CHECK", 5, "lease is gone")
    cni.fail("CHECK", 5, "lease is gone", prevResult=result)


def test_check_of_what_is_not_attached(cni):
    cni.fail("CHECK", 7, "no such endpoint", prevResult={"cniVersion": "1.0.0"})


def test_gc_is_delegated(cni):
    attachments = {"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]}
    run = cni.run("GC", cniVersion="1.1.0", **attachments)
    assert (run.returncode, run.stdout) == (0, "")
    assert cni.ipam.commands() == ["GC"]
    cni.ipam.fail("GC", 4, "unknown CNI_COMMAND: GC")
    cni.call("GC", cniVersion="1.1.0")
    cni.ipam.fail("GC", 5, "disk broken")
    cni.fail("GC", 5, "disk broken", cniVersion="1.1.0")


def test_status(cni):
    cni.call("STATUS", cniVersion="1.1.0")
    assert cni.fake.methods() == ["health.get"]
    cni.call("STATUS", cniVersion="1.1.0", ipam=None, env={"CNI_PATH": None})
    cni.fail("STATUS", 4, "CNI_PATH", cniVersion="1.1.0", env={"CNI_PATH": None})
    cni.ipam.fail("STATUS", 50, "no addresses left")
    cni.fail("STATUS", 50, "no addresses left", cniVersion="1.1.0")
    cni.ipam.fail("STATUS", 4, "unknown CNI_COMMAND: STATUS")
    cni.call("STATUS", cniVersion="1.1.0")
    cni.fake.behave("health.get", lambda _: {"dataplane": {"state": "away"}})
    cni.fail("STATUS", 50, "the data plane is away", cniVersion="1.1.0")
    cni.fake.close()
    cni.fail("STATUS", 50, str(cni.socket), cniVersion="1.1.0")


def test_errors_carry_the_configurations_version(cni):
    cni.fake.close()
    for version in VERSIONS:
        assert cni.fail("ADD", 11, cniVersion=version)["cniVersion"] == version
