# SPDX-License-Identifier: Apache-2.0
"""The command line against a fake causewayd: what it sends, what it prints, how it exits."""
import json
import subprocess
import tempfile
from pathlib import Path

import pytest
from lib import settings
from lib.fake_causewayd import CONFLICT, INVALID_PARAMS, UNKNOWN_METHOD, FakeCausewayd, Refusal

OK, REFUSED, USAGE = 0, 1, 2


class CommandLine:
    def __init__(self, folder):
        self.socket = folder / "control.sock"
        self.fake = FakeCausewayd(self.socket)

    def run(self, *words, env=None):
        return subprocess.run(
            [settings.CWCTL, "-s", self.socket, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=env,
        )

    def show(self, *words):
        run = self.run(*words)
        assert run.returncode == OK, run
        assert run.stderr == ""
        return run.stdout

    def refuse(self, status, *words):
        run = self.run(*words)
        assert run.returncode == status, run
        assert run.stdout == ""
        return run.stderr


@pytest.fixture(name="cwctl")
def make_cwctl():
    with tempfile.TemporaryDirectory(prefix="cwt-") as folder:
        command_line = CommandLine(Path(folder))
        yield command_line
        command_line.fake.close()


def test_words_become_method_and_parameters(cwctl):
    cwctl.fake.behave("network.add", lambda params: params)
    cwctl.show("network", "add", "blue", "mtu=1400", "subnets=10.2.0.1/16", "learning")
    expected = {"name": "blue", "mtu": 1400, "subnets": ["10.2.0.1/16"], "learning": True}
    assert cwctl.fake.params("network.add") == expected


def test_json_is_the_result_unchanged(cwctl):
    result = {"b": [1, 2.5, None, {"x": "ü"}], "a": 123456789012345}
    cwctl.fake.behave("health.get", lambda _: result)
    assert json.loads(cwctl.show("-j", "health", "get")) == result
    assert list(json.loads(cwctl.show("-j", "health"))) == ["b", "a"]


def test_lists_are_tables(cwctl):
    ports = [
        {"name": "cwhost", "kind": "host", "network": "default", "mtu": 1500, "state": "up"},
        {"name": "sink", "kind": "null", "network": "blue", "mtu": 9000, "state": "down"},
    ]
    cwctl.fake.behave("port.list", lambda _: ports)
    assert cwctl.show("port").splitlines() == [
        "NAME    KIND  NETWORK   MTU  STATE",
        "cwhost  host  default  1500  up",
        "sink    null  blue     9000  down",
    ]


def test_descriptor_goes_along(cwctl):
    words = ["netns=/proc/self/ns/net", "network=default", "ips=10.1.0.5/16", "routes="]
    cwctl.show("endpoint", "add", "c1", "eth0", *words)
    _, params, inodes = cwctl.fake.calls[-1]
    assert params["netns_fd"] == 0
    assert inodes == [Path("/proc/self/ns/net").stat().st_ino]


def test_refusals_name_the_way_out(cwctl):
    data = {"key": "mtu", "value": 5, "hint": "68 to 9600"}
    cwctl.fake.behave("network.set", Refusal(INVALID_PARAMS, "mtu is too small", **data))
    text = cwctl.refuse(REFUSED, "network", "set", "blue", "mtu=5")
    for word in ("network.set", "mtu is too small", "mtu=5", "68 to 9600"):
        assert word in text
    cwctl.fake.behave("network.set", Refusal(CONFLICT, "exists"))
    assert "exists" in cwctl.refuse(REFUSED, "network", "set", "blue")


def test_unknown_object_is_asked_for_and_explained(cwctl):
    cwctl.fake.behave("later.list", lambda _: [{"address": "192.0.2.1", "udp_port": 8472}])
    assert cwctl.show("later", "list") == "address    udp_port\n192.0.2.1  8472\n"
    cwctl.fake.behave("portt.list", Refusal(UNKNOWN_METHOD, "portt.list is unknown"))
    assert "network port endpoint" in cwctl.refuse(REFUSED, "portt", "list")


@pytest.mark.parametrize(
    "words, says",
    [
        (["port", "lst"], "list get add"),
        (["port", "add", "x", "colour=red"], "it takes: name kind"),
        (["network", "add", "mtu=big"], "a number"),
        (["nothing"], "cwctl help"),
        (["help", "nothing"], "cwctl help"),
        (["-x"], "cwctl help"),
        (["doctor", "x=1"], "runtime_dir="),
        (["stats", "watch", "interval=0"], "interval"),
    ],
)
def test_wrong_command_lines(cwctl, words, says):
    assert says in cwctl.refuse(USAGE, *words)
    assert cwctl.fake.calls == []


def test_causewayd_away(cwctl):
    cwctl.fake.close()
    assert "causewayd" in cwctl.refuse(REFUSED, "node", "get")
    cwctl.socket.unlink()
    text = cwctl.refuse(REFUSED, "node", "get")
    assert str(cwctl.socket) in text and "cwctl doctor" in text


def test_ordinary_user_is_told_how_to_get_in(cwctl):
    cwctl.socket.chmod(0o600)
    cwctl.socket.parent.chmod(0o755)
    run = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", settings.CWCTL, "-s", cwctl.socket, "node"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == REFUSED
    assert "group causeway" in run.stderr


def test_help_covers_every_object(cwctl):
    overview = cwctl.show("help")
    assert overview == cwctl.run("--help").stdout == cwctl.run().stdout
    objects = cwctl.show("complete", "").split()
    for name in objects:
        if name == "help":
            continue
        assert name in overview
        text = cwctl.show("help", name)
        assert text.startswith(f"{name}: ")
        assert max(map(len, text.splitlines())) <= 100


def test_completion(cwctl):
    cwctl.fake.behave("network.list", lambda _: [{"name": "blue"}, {"name": "default"}])
    assert cwctl.show("complete", "netw").split() == ["network"]
    assert "watch" in cwctl.show("complete", "port", "").split()
    assert cwctl.show("complete", "port", "add", "net").split() == ["network="]
    answers = cwctl.show("complete", "port", "add", "network=").split()
    assert answers == ["network=blue", "network=default"]
    assert cwctl.show("complete", "network", "del", "b").split() == ["blue"]
    cwctl.fake.close()
    assert cwctl.show("complete", "port", "add", "network=") == ""


def test_stats_watch_shows_rates(cwctl):
    looks = iter(range(10))

    def stats(_):
        n = next(looks)
        port = {"port": "a", "rx_packets": 1_000_000 * n, "drops": {"no_route": 5000 * n}}
        return {"ports": [port], "workers": []}

    cwctl.fake.behave("stats.get", stats)
    text = cwctl.show("stats", "watch", "interval=0.1", "count=2")
    assert text.count("RX packet/s") == 2
    assert " M " in text and "no_route" in text
    lines = cwctl.show("-j", "stats", "watch", "interval=0.1", "count=2").splitlines()
    assert [json.loads(line)["ports"][0]["port"] for line in lines] == ["a", "a"]


def test_doctor_without_causewayd(cwctl):
    cwctl.fake.close()
    run = cwctl.run("-j", "doctor")
    findings = {finding["check"]: finding for finding in json.loads(run.stdout)}
    levels = [finding["level"] for finding in json.loads(run.stdout)]
    assert run.returncode == (REFUSED if "problem" in levels else OK)
    assert {"cores", "quota", "hugepages", "numa", "kernel", "tun", "af_xdp"} <= set(findings)
    for finding in findings.values():
        assert finding["level"] == "ok" or finding["command"]


def test_doctor_on_a_machine_with_nothing(cwctl):
    run = cwctl.run("doctor", "root=/nonexistent")
    assert run.returncode == REFUSED
    assert "problem  cores" in run.stdout
