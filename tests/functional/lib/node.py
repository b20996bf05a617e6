# SPDX-License-Identifier: Apache-2.0
"""A node: causeway-dp and causewayd in a namespace of their own, pods beside it."""
import json
import subprocess

from lib import settings
from lib.books import assert_balanced
from lib.cni import Cni, Pod
from lib.daemon import Daemon
from lib.dataplane import dp_command
from lib.netns import Namespace
from lib.rpc import UNAVAILABLE, JsonRpc, RpcError
from lib.wait import wait_until


class Cwctl:
    """The command line: cwctl(object, verb, key=value) gives the JSON result."""

    def __init__(self, namespace, control_socket):
        self.socket = control_socket
        self.prefix = namespace.command(*self.command())

    def command(self, *args):
        """The words, for a namespace to run."""
        return [settings.CWCTL, "-s", self.socket, *args]

    def run(self, *args, check=True, timeout=60):
        return subprocess.run(
            [*self.prefix, *map(str, args)],
            check=check,
            timeout=timeout,
            capture_output=True,
            text=True,
        )

    def __call__(self, *words, **params):
        pairs = [f"{key}={value}" for key, value in params.items()]
        return json.loads(self.run("-j", *words, *pairs).stdout)


class Node:
    def __init__(self, scratch, hugepages, dp_options=(), namespace=None):
        """namespace: of the node, a new one by default."""
        self.scratch = scratch
        self.runtime_dir, self.state_dir = scratch / "run", scratch / "state"
        self.control_socket = self.runtime_dir / "control.sock"
        self.dp_socket = self.runtime_dir / "dp.sock"
        self.runtime_dir.mkdir(parents=True, exist_ok=True)
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.namespace = namespace or Namespace("node")
        self.namespace.sysctl("net/ipv4/ip_forward", 1)
        self.namespace.sysctl("net/ipv6/conf/all/forwarding", 1)
        self.hugepages, self.dp_options = hugepages, dp_options
        self.causewayd, self.control_options = [settings.CAUSEWAYD], []
        self.dp = self.control = None
        self.pods = []
        self.cni = Cni(self)
        self.cwctl = Cwctl(self.namespace, self.control_socket)

    def start(self):
        self.start_dp()
        self.start_control()
        self.wait_connected()
        return self

    def start_dp(self):
        command = dp_command(self.runtime_dir, self.hugepages, *self.dp_options)
        self.dp = Daemon(
            self.namespace.command(*command), self.scratch / "causeway-dp.log", self.dp_socket
        ).wait_ready()

    def start_control(self):
        command = [*self.causewayd, "--runtime-dir", self.runtime_dir]
        command += ["--state-dir", self.state_dir, *self.control_options]
        self.control = Daemon(
            self.namespace.command(*command), self.scratch / "causewayd.log", self.control_socket
        ).wait_ready()

    def wait_connected(self):
        """Until causewayd has replayed everything into the data plane."""
        wait_until(self.is_connected, "causewayd connected to the data plane", timeout=30)

    def is_connected(self):
        """node.get asks the data plane itself."""
        try:
            return self.call("node.get")
        except RpcError as error:
            if error.code != UNAVAILABLE:
                raise
            return None

    def rpc(self):
        return JsonRpc(self.control_socket)

    def call(self, method, fds=(), **params):
        with self.rpc() as rpc:
            return rpc.call(method, fds, **params)

    def port_stats(self):
        """{port name: counters}, as lib.books reads them."""
        return {port["port"]: port for port in self.call("stats.get")["ports"]}

    def assert_balanced(self):
        """Port by port; the sum holds only where no port was deleted since the start."""
        self.assert_alive()
        assert_balanced(self.port_stats, gone=None)

    def pod(self, name, **config):
        """A new pod with eth0 attached."""
        pod = Pod(self, name)
        self.pods.append(pod)
        pod.add(**config)
        return pod

    def bare_pod(self, name):
        pod = Pod(self, name)
        self.pods.append(pod)
        return pod

    def assert_alive(self):
        self.dp.assert_alive()
        self.control.assert_alive()

    def close(self):
        errors = []
        steps = [pod.close for pod in self.pods]
        steps += [daemon.stop for daemon in (self.control, self.dp) if daemon]
        for step in [*steps, self.namespace.close]:
            try:
                step()
            except Exception as error:  # noqa: everything is tried, the first error is reported
                errors.append(error)
        if errors:
            raise errors[0]
