# SPDX-License-Identifier: Apache-2.0
"""causeway-dp: what it refuses to start with, and how it says so."""
import os
import re
import shutil
import subprocess

import pytest
from lib import settings, wire
from lib.daemon import Daemon, accepts
from lib.dataplane import dp_command

MAC = wire.mac_bytes("02:00:00:00:00:01")


def refused(command):
    """Runs a data plane that must not start; returns what it said."""
    run = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1, run.stderr
    return run.stderr


@pytest.mark.parametrize("cores", ["1023", "960-1023"])
def test_cores_that_are_not_there(scratch, hugepages, cores):
    said = refused(dp_command(scratch, hugepages, "--cores", cores))
    assert "outside the cpuset" in said
    assert re.search(r"cores=\S*1023 allowed=\d", said)


@pytest.mark.parametrize("cores", ["one", "3-1", "-", "1,,2", "99999999999"])
def test_cores_that_are_no_list(scratch, hugepages, cores):
    said = refused(dp_command(scratch, hugepages, "--cores", cores))
    assert "key=cores" in said and f"value={cores}" in said


def test_cores_outside_the_cpuset(scratch, hugepages):
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("one CPU only: nothing to leave out")
    command = dp_command(scratch, hugepages, "--cores", allowed[-1])
    said = refused(["taskset", "-c", allowed[0], *command])
    assert f"cores={allowed[-1]} allowed={allowed[0]}" in said


def test_not_root(scratch, hugepages, tmp_path):
    # A copy: the build directory may be closed to others.
    folder = scratch / "unprivileged"
    folder.mkdir()
    program = shutil.copy(settings.DP, folder)
    os.chmod(scratch, 0o755)
    command = dp_command(folder, hugepages)
    said = refused(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program, *command[1:]]
    )
    assert "must run as root" in said


def test_too_few_hugepages_names_figures_and_command(scratch):
    said = refused(dp_command(scratch, True, "--mbufs", "4194304"))
    needed, free = map(int, re.search(r"needed=(\d+) free=(\d+) page=2MiB", said).groups())
    assert needed > free
    assert re.search(r'command="sysctl -w vm.nr_hugepages=\d+"', said)


@pytest.mark.parametrize(
    "option",
    [("--mbufs", "many"), ("--idle", "lazy"), ("--mbufs", "0"), ("--log-level", "loud")],
)
def test_option_out_of_range(scratch, hugepages, option):
    said = refused(dp_command(scratch, hugepages, *option))
    assert f"key={option[0][2:]}" in said and f"value={option[1]}" in said


def test_unknown_key_in_file(scratch, hugepages):
    path = scratch / "dp.json"
    path.write_text('{"coers": "1"}')
    said = refused(dp_command(scratch, hugepages, "--config", path))
    assert "key=coers" in said and str(path) in said


def test_driver_that_is_not_there(scratch, hugepages):
    said = refused(dp_command(scratch, hugepages, "--driver", scratch / "absent.so"))
    assert "key=driver" in said and f"value={scratch}/absent.so" in said


def test_driver_that_everybody_may_change(scratch, hugepages):
    driver = scratch / "mine.so"
    driver.write_bytes(b"")
    driver.chmod(0o666)
    said = refused(dp_command(scratch, hugepages, "--driver", driver))
    assert "everybody may change" in said and f"value={driver}" in said
    driver.chmod(0o644)
    said = refused(dp_command(scratch, hugepages, "--driver", driver))
    assert "cannot load a DPDK driver" in said



def test_dry_run_and_check_config_start_nothing(scratch, hugepages):
    for option in ("--check-config", "--dry-run"):
        subprocess.run(
            list(map(str, dp_command(scratch, hugepages, option))), check=True, timeout=60
        )
    assert not (scratch / "dp.sock").exists()


def test_second_instance_on_one_directory(dp, hugepages):
    said = refused(dp_command(dp.runtime_dir, hugepages))
    assert str(dp.runtime_dir) in said
    dp.daemon.assert_alive()
    assert dp.port_infos() == {}  # still served


def test_two_instances_side_by_side(dp, scratch, hugepages):
    """Each with its directory; nothing of one shows in the other."""
    folder = scratch / "other"
    folder.mkdir()
    other = Daemon(dp_command(folder, hugepages), scratch / "other.log", folder / "dp.sock")
    try:
        connection = wire.DpSock(other.wait_ready().ready_socket)
        connection.set(wire.Network.make(id=7, vni=8, mtu=1500, name=b"other", router_mac=MAC))
        nodes = [
            next(i for i in sock.request(wire.GET_NODE)[0] if isinstance(i, wire.Node))
            for sock in (dp.sock, connection)
        ]
        assert [node.pid for node in nodes] == [dp.daemon.pid, other.pid]
        assert [node.networks for node in nodes] == [1, 1]
        connection.close()
    finally:
        other.stop()
    dp.daemon.assert_alive()


def test_killed_and_started_again(scratch, hugepages):
    folder = scratch / "killed"
    folder.mkdir()
    path = folder / "dp.sock"
    for last in (False, True):
        daemon = Daemon(dp_command(folder, hugepages), scratch / "killed.log", path).wait_ready()
        wire.DpSock(path).close()
        if last:
            daemon.stop()
        else:
            daemon.kill()
    assert not accepts(path)
