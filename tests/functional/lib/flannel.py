# SPDX-License-Identifier: Apache-2.0
"""Real flanneld and etcd: every process in its namespace, nothing outside the scratch directory."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import subprocess

from lib import settings
from lib.daemon import Daemon
from lib.wait import wait_until

PREFIX = "/coreos.com/network"
CLIENT_PORT = 2379


def build_directory():
    """Where packaging/flannel.sh has put flanneld, or None."""
    script = settings.TOP / "packaging" / "flannel.sh"
    path = pathlib.Path(subprocess.run([script, "--path"], capture_output=True, text=True,
                                       check=True).stdout.strip())
    return path if path.exists() else None


class Etcd:
    """One member, in a namespace that the nodes reach; asked through its JSON gateway."""

    def __init__(self, scratch, namespace, address):
        self.namespace, self.address = namespace, address
        self.url = f"http://{address}:{CLIENT_PORT}"
        self.directory = scratch / "etcd"
        self.log = scratch / "etcd.log"
        self.daemon = None

    def start(self):
        peer = "http://127.0.0.1:2380"
        options = {
            "name": "one", "data-dir": self.directory, "listen-client-urls": self.url,
            "advertise-client-urls": self.url, "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer, "initial-cluster": f"one={peer}",
        }
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        command = self.namespace.command("etcd", *words)
        self.daemon = Daemon(command, self.log)
        wait_until(self.answers, "etcd answers", timeout=60)
        return self

    def answers(self):
        self.daemon.assert_alive()
        try:
            return self.call("kv/range", key=PREFIX) is not None
        except (OSError, http.client.HTTPException):
            return False

    def call(self, method, **params):
        """One call of the gateway; keys and values are text here."""
        coded = {key: base64.b64encode(value.encode()).decode()
                 for key, value in params.items()}
        with self.namespace.entered():
            peer = http.client.HTTPConnection(self.address, CLIENT_PORT, timeout=10)
            peer.connect()
        with contextlib.closing(peer):
            peer.request("POST", f"/v3/{method}", json.dumps(coded))
            answer = peer.getresponse()
            text = answer.read()
            assert answer.status == 200, f"{method}: {answer.status} {text}"
            return json.loads(text)

    def put(self, key, value):
        self.call("kv/put", key=f"{PREFIX}/{key}", value=json.dumps(value))

    def delete(self, key):
        self.call("kv/deleterange", key=f"{PREFIX}/{key}")

    def keys(self):
        """Keys below the prefix."""
        found = self.call("kv/range", key=f"{PREFIX}/", range_end=f"{PREFIX}0").get("kvs", [])
        names = [base64.b64decode(kv["key"]).decode() for kv in found]
        return [name.removeprefix(f"{PREFIX}/") for name in names]

    def stop(self):
        if self.daemon:
            self.daemon.kill()  # keeps nothing that anybody needs


class Flanneld:
    """The daemon of one node. Its lease is reserved, so that a node has the subnet of its number."""

    def __init__(self, scratch, namespace, etcd, ifname):
        self.scratch, self.namespace, self.etcd, self.ifname = scratch, namespace, etcd, ifname
        scratch.mkdir(parents=True, exist_ok=True)
        self.subnet_file = scratch / "subnet.env"
        self.daemon = None

    def start(self):
        command = [
            build_directory() / "flanneld", f"--etcd-endpoints={self.etcd.url}",
            f"--etcd-prefix={PREFIX}", f"--iface={self.ifname}", "--ip-masq=false",
            f"--subnet-file={self.subnet_file}", "--iptables-resync=3600",
        ]
        self.daemon = Daemon(self.namespace.command(*command), self.scratch / "flanneld.log")
        return self

    def wait_subnet(self):
        """Until it has a lease and has written it down."""
        wait_until(self.has_subnet, "subnet.env written", timeout=60)
        return self

    def has_subnet(self):
        self.daemon.assert_alive()
        return self.subnet_file.exists()

    def subnet(self):
        """subnet.env as a dictionary."""
        lines = self.subnet_file.read_text().split()
        return dict(line.split("=", 1) for line in lines)

    def stop(self):
        """As a node that is switched off: its lease stays."""
        if self.daemon and self.daemon.process.poll() is None:
            self.daemon.kill()


def reserve(etcd, number, addresses, backend, subnets):
    """The lease of a node before its flanneld has asked for one (Flannel's "reservation").
    addresses, subnets: by family."""
    key = subnets[4].replace("/", "-")
    value = {"PublicIP": addresses[4], "PublicIPv6": addresses.get(6), "BackendType": backend}
    if 6 in subnets:
        key += "&" + subnets[6].replace("/", "-")
    etcd.put(f"subnets/{key}", value)
    return key


def missing():
    """What the tests with real daemons lack, as text; empty: nothing."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    lacks = [] if build_directory() else ["flanneld (packaging/flannel.sh)"]
    for program in ("etcd", "iptables"):
        if not any(pathlib.Path(folder, program).exists() for folder in path.split(":")):
            lacks.append(program)
    return ", ".join(lacks)
