# SPDX-License-Identifier: Apache-2.0
"""causeway-cni between fakes: environment, stdin, versions."""
import json

import pytest
from lib.cni_runtime import VERSIONS
from lib.fake_ipam import RESULT


# ------------------------------------------------------------------------------------ environment


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


# -------------------------------------------------------------------------------- input, versions


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
