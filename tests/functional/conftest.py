# SPDX-License-Identifier: Apache-2.0
"""Fixtures: hugepages for the session, one data plane or one node for each module."""
import os
import pathlib
import shutil
import signal
import tempfile

import pytest
from lib import settings
from lib.cni_runtime import Runtime
from lib.dataplane import DataPlane
from lib.netns import Namespace, remove_leftovers
from lib.node import Node

pytest_plugins = ["lib.in_guest", "lib.sriov_node"]


@pytest.fixture(scope="session", autouse=True)
def clean_up_in_any_case():
    """A time limit's SIGTERM ends the session in order; what a SIGKILL left goes now."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    remove_leftovers()


@pytest.fixture(scope="session")
def hugepages():
    """Two data planes' worth, given back at the end."""
    if os.geteuid() != 0:
        pytest.fail("functional tests make network namespaces: run them as root")
    pages = settings.Hugepages(2)
    if not pages.available:
        print(f"no hugepages, ordinary memory instead: {pages.reason}")
    yield pages.available
    pages.release()


@pytest.fixture(scope="module")
def scratch(request):
    """A short path: names of sockets are limited to 108 bytes."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="cwt-"))
    yield path
    if request.session.testsfailed:
        for log in sorted(path.glob("*.log")):
            print(f"---- {log.name}, last lines\n" + log.read_text(errors="replace")[-4000:])
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def dp(scratch, hugepages):
    """causeway-dp with the network "default" (id 0), ports are the tests' own."""
    data_plane = DataPlane(scratch, hugepages)
    try:
        data_plane.add_network()
        yield data_plane
    finally:
        data_plane.close()


@pytest.fixture(scope="module")
def node(scratch, hugepages):
    """Both processes; pods are the tests' own."""
    one = Node(scratch, hugepages)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture(scope="module")
def pod_netns():
    namespace = Namespace("contract")
    yield namespace
    namespace.close()


@pytest.fixture
def cni(pod_netns):
    """The CNI plugin between fakes."""
    with tempfile.TemporaryDirectory(prefix="cwt-") as scratch:
        runtime = Runtime(pathlib.Path(scratch), pod_netns)
        yield runtime
        runtime.close()
