# SPDX-License-Identifier: Apache-2.0
"""causewayd: configuration, what it refuses to start with, and whom it serves."""
import json
import os
import shutil
import subprocess
import sys

import pytest
from lib import rpc, settings
from lib.daemon import Daemon
from lib.netns import Namespace

ASK = """
import json, os, socket, sys
path, groups, gid = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
os.setgroups(groups); os.setresgid(gid, gid, gid); os.setresuid(65534, 65534, 65534)
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
    try:
        peer.connect(path)
        peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"health.get"}\\n')
    except PermissionError:
        sys.exit("no way in")
    except BrokenPipeError:
        pass
    sys.stdout.write(peer.makefile().readline())
"""


@pytest.fixture
def directories(scratch, request):
    folder = scratch / request.node.name[:20].replace("[", "-").replace("]", "")
    for name in ("run", "state"):
        (folder / name).mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def namespace():
    one = Namespace("start")
    yield one
    one.close()


def command(directories, *options):
    return [
        settings.CAUSEWAYD, "--runtime-dir", directories / "run",
        "--state-dir", directories / "state", *options,
    ]


def run(words, **options):
    return subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=60, check=False, **options
    )


def refused(words):
    result = run(words)
    assert result.returncode == 1, result.stderr
    return result.stderr


def start(namespace, directories, *options):
    return Daemon(
        namespace.command(*command(directories, *options)),
        directories / "causewayd.log",
        directories / "run" / "control.sock",
    ).wait_ready()


def test_flags_win_over_the_file(directories):
    config = directories / "config.json"
    config.write_text(json.dumps({"group": "wheel", "log_level": "debug"}))
    result = run(command(directories, "--config", config, "--group", "staff", "--check-config"))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) | {"group": "staff", "log_level": "debug"} == json.loads(
        result.stdout
    )
    assert not list((directories / "state").iterdir())


@pytest.mark.parametrize(
    "text, said",
    [
        ("{", "no JSON"),
        ('{"bogus":1}', "bogus"),
        ('{"group":7}', "group"),
        ('{"log_level":"loud"}', "log_level"),
        ('{"runtime_dir":"' + "x" * 200 + '"}', "runtime_dir"),
        ("[]", "an object"),
    ],
)
def test_bad_configuration_is_named(directories, text, said):
    config = directories / "config.json"
    config.write_text(text)
    assert said in refused(command(directories, "--config", config, "--check-config"))


def test_configuration_that_is_not_there(directories):
    assert "No such file" in refused(command(directories, "--config", directories / "absent"))


@pytest.mark.parametrize("words", [["--bogus"], ["extra"], ["--log-level", "loud"], ["--group", ""]])
def test_bad_flags(directories, words):
    refused(command(directories, *words))


def test_not_root(directories, scratch):
    program = shutil.copy(settings.CAUSEWAYD, directories)
    os.chmod(scratch, 0o755)
    words = command(directories)
    said = refused(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program]
                   + words[1:])
    assert "must be root" in said


def test_damaged_database_is_left_as_it_is(directories):
    database = directories / "state" / "state.db"
    database.write_bytes(b"not a database" * 100)
    for words in (command(directories), command(directories, "--dry-run")):
        said = refused(words)
        assert "damaged" in said and str(database) in said
        assert database.read_bytes() == b"not a database" * 100


def test_dry_run_counts_and_changes_nothing(namespace, directories):
    daemon = start(namespace, directories)
    with rpc.JsonRpc(directories / "run" / "control.sock") as client:
        client.call("network.add", name="n")
        client.call("network.set", name="default", host=False)
    daemon.stop()
    before = (directories / "state" / "state.db").read_bytes()
    result = run(namespace.command(*command(directories, "--dry-run")))
    assert result.returncode == 0 and "object=network n=2" in result.stderr
    assert (directories / "state" / "state.db").read_bytes() == before


def test_two_instances_on_one_state_directory(namespace, directories):
    daemon = start(namespace, directories)
    other = directories / "other"
    words = namespace.command(
        settings.CAUSEWAYD, "--runtime-dir", other, "--state-dir", directories / "state"
    )
    said = refused(words)
    assert f"pid={daemon.pid}" in said and str(directories / "state") in said
    with rpc.JsonRpc(directories / "run" / "control.sock") as client:
        assert client.call("health.get")
        client.call("network.set", name="default", host=False)
    daemon.stop()


def ask(path, groups, gid):
    return run([sys.executable, "-c", ASK, path, json.dumps(groups), gid])


def test_only_root_and_the_group_are_served(namespace, directories, scratch):
    os.chmod(scratch, 0o755)
    daemon = start(namespace, directories, "--group", "daemon")
    gid, path = 1, directories / "run" / "control.sock"
    assert os.stat(path).st_gid == gid and os.stat(path).st_mode & 0o777 == 0o660
    assert "no way in" in ask(path, [], 65534).stderr
    assert '"result"' in ask(path, [], gid).stdout
    assert '"result"' in ask(path, [65534, gid], 65534).stdout
    os.chmod(path, 0o666)  # somebody's mistake
    answer = json.loads(ask(path, [], 65534).stdout)
    assert answer["error"]["code"] == rpc.DENIED and "daemon" in answer["error"]["message"]
    with rpc.JsonRpc(path) as client:
        client.call("network.set", name="default", host=False)
    daemon.stop()


def test_leaves_sockets_and_locks_of_a_dead_one(namespace, directories):
    start(namespace, directories).kill()
    daemon = start(namespace, directories)
    with rpc.JsonRpc(directories / "run" / "control.sock") as client:
        client.call("network.set", name="default", host=False)
    daemon.stop()
    assert not (directories / "run" / "control.sock").exists()
