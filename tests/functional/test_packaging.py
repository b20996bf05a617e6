# SPDX-License-Identifier: Apache-2.0
"""What the scripts in packaging/ promise."""
import os
import pathlib
import subprocess

import pytest

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


def test_setup_has_nothing_left_to_do():
    run = subprocess.run(
        [PACKAGING / "setup.sh", "build", "run", "test", "vm"], capture_output=True, text=True, check=True
    )
    assert run.stdout == ""


@pytest.fixture
def hugepages(tmp_path):
    """Calls hugepages.sh with a ledger of its own, on behalf of processes that stay alive."""
    if not PAGES.is_dir() or not os.access(PAGES / "nr_hugepages", os.W_OK):
        pytest.skip("no write access to the kernel's hugepage pool")
    env = os.environ | {"CAUSEWAY_HUGEPAGES_LEDGER": str(tmp_path / "ledger")}

    def call(*args):
        return subprocess.run(
            [PACKAGING / "hugepages.sh", *map(str, args)],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture
def owners():
    processes = [subprocess.Popen(["sleep", "infinity"]) for _ in range(2)]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def pages(name):
    return int((PAGES / name).read_text())


def test_hugepages_are_given_back(hugepages, owners):
    before = pages("nr_hugepages")
    first, second = (process.pid for process in owners)
    assert hugepages("reserve", 2 * (pages("free_hugepages") + 4), first).returncode == 0
    assert pages("nr_hugepages") >= before + 4
    middle = pages("nr_hugepages")
    # The free pages are promised to the first: the second brings all of its own.
    assert hugepages("reserve", 8, second).returncode == 0
    assert pages("nr_hugepages") == middle + 4
    assert hugepages("release", first).returncode == 0
    assert hugepages("release", first).returncode == 0
    assert hugepages("release", second).returncode == 0
    assert pages("nr_hugepages") == before


def test_hugepages_of_the_dead_are_given_back(hugepages, owners):
    before = pages("nr_hugepages")
    first, second = owners
    assert hugepages("reserve", 2 * (pages("free_hugepages") + 4), first.pid).returncode == 0
    first.kill()
    first.wait()
    assert hugepages("reserve", 2, second.pid).returncode == 0
    assert hugepages("release", second.pid).returncode == 0
    assert pages("nr_hugepages") == before


def test_hugepages_refuse_what_the_machine_has_not(hugepages, owners):
    before = pages("nr_hugepages")
    run = hugepages("reserve", 1 << 30, owners[0].pid)
    assert run.returncode != 0
    assert "memory is available for" in run.stderr
    assert pages("nr_hugepages") == before
