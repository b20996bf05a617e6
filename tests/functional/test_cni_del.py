# SPDX-License-Identifier: Apache-2.0
"""causeway-cni between fakes: DEL, CHECK, GC, STATUS."""
import json
import os

import pytest
from lib.cni_runtime import VERSIONS
from lib.fake_causewayd import DENIED, UNAVAILABLE, Refusal


# -------------------------------------------------------------------------------------------- DEL


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


# --------------------------------------------------------------------------- CHECK, GC and STATUS


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
    assert cni.fake.methods() == ["endpoint.list"]
    cni.ipam.fail("GC", 4, "unknown CNI_COMMAND: GC")
    cni.call("GC", cniVersion="1.1.0")
    cni.ipam.fail("GC", 5, "disk broken")
    cni.fail("GC", 5, "disk broken", cniVersion="1.1.0")


def attach(cni, *pairs, **changes):
    for container, ifname in pairs:
        cni.call("ADD", env={"CNI_CONTAINERID": container, "CNI_IFNAME": ifname}, **changes)


NAMED = [{"containerID": "a", "ifname": "eth0"}, {"containerID": "b", "ifname": "net1"}]


@pytest.mark.parametrize(
    "attachments, left",
    [
        ({"cni.dev/valid-attachments": NAMED}, {("a", "eth0"), ("b", "net1")}),
        ({"cni.dev/attachments": NAMED}, {("a", "eth0"), ("b", "net1")}),
        (
            {"cni.dev/valid-attachments": NAMED[:1], "cni.dev/attachments": NAMED},
            {("a", "eth0")},
        ),
        ({"cni.dev/valid-attachments": []}, set()),
        ({}, {("a", "eth0"), ("a", "net1"), ("b", "net1")}),  # no information
    ],
)
def test_gc_deletes_what_is_stale_in_its_network(cni, attachments, left):
    attach(cni, ("a", "eth0"), ("a", "net1"), ("b", "net1"))
    attach(cni, ("b", "eth0"), name="another")
    cni.call("GC", cniVersion="1.1.0", **attachments)
    assert set(cni.fake.endpoints) == left | {("b", "eth0")}
    assert cni.ipam.commands()[-1] == "GC"


@pytest.mark.parametrize("value", [{}, "a", ["a"], [{"containerID": "a"}], [{"ifname": "b"}]])
def test_gc_with_malformed_attachments(cni, value):
    attach(cni, ("a", "eth0"))
    config = {"cni.dev/valid-attachments": value}
    cni.fail("GC", 7, "cni.dev/valid-attachments", cniVersion="1.1.0", **config)
    assert set(cni.fake.endpoints) == {("a", "eth0")}
    assert cni.ipam.commands()[-1] == "GC"  # which judges for itself


def test_gc_goes_on_past_failures(cni):
    attach(cni, ("a", "eth0"), ("b", "eth0"), ("c", "eth0"))
    delete = cni.fake.perform

    def refuse_b(params):
        if params["container"] == "b":
            raise Refusal(DENIED, "b stays")
        return delete("endpoint.del", params)

    cni.fake.behave("endpoint.del", refuse_b)
    cni.ipam.fail("GC", 5, "disk broken")
    config = {"cni.dev/valid-attachments": []}
    cni.fail("GC", 104, "b stays; ", "disk broken", cniVersion="1.1.0", **config)
    assert set(cni.fake.endpoints) == {("b", "eth0")}
    cni.fake.close()
    cni.fail("GC", 11, str(cni.socket), cniVersion="1.1.0", **config)


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
