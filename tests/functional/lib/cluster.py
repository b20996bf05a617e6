# SPDX-License-Identifier: Apache-2.0
"""Several nodes on one wire, each plain Linux or Causeway, with pods on each.

Node N has the addresses 172.31.0.N and fd00:31::N on the wire; its pods are in 10.244.N.0/24 and
fd00:244:N::/64. What a distributor (flanneld and its like) writes into the kernel of each node
comes from a backend of lib.flannel_rules, the same for both sorts of node. Plain nodes act on it
themselves; of a Causeway node causewayd mirrors it.
"""
import itertools
import subprocess

from lib.netns import Namespace
from lib.node import Node
from lib.traffic import ping
from lib.underlay import IFNAME, Underlay
from lib.wait import wait_until

NETWORK = {4: "10.244.0.0/16", 6: "fd00:244::/32"}
HOST_PREFIX = {4: 32, 6: 128}


class Addresses:
    """Who is who, by the node's number (1 to 99)."""

    def __init__(self, number):
        self.number = number

    def address(self, family):
        """On the wire."""
        return f"172.31.0.{self.number}" if family == 4 else f"fd00:31::{self.number}"

    def address_with_prefix(self, family):
        return self.address(family) + ("/24" if family == 4 else "/64")

    def subnet(self, family):
        return f"10.244.{self.number}.0/24" if family == 4 else f"fd00:244:{self.number}::/64"

    def gateway(self, family):
        """Of its pods: the node itself."""
        return f"10.244.{self.number}.1" if family == 4 else f"fd00:244:{self.number}::1"

    def tunnel_address(self, family):
        """Flannel's address of the node inside the tunnel: the subnet's first."""
        return f"10.244.{self.number}.0" if family == 4 else f"fd00:244:{self.number}::"


class KernelSide(Addresses):
    """The part of a node that its kernel is: the wire's device and what a distributor writes."""

    def __init__(self, number, underlay, namespace):
        super().__init__(number)
        self.underlay, self.namespace, self.ifname = underlay, namespace, IFNAME
        namespace.sysctl("net/ipv4/ip_forward", 1)
        namespace.sysctl("net/ipv6/conf/all/forwarding", 1)
        for scope in ("all", "default"):
            namespace.sysctl(f"net/ipv6/conf/{scope}/accept_dad", 0)
        self.wire_end = underlay.plug(namespace)
        for family in (4, 6):
            prefix = self.address_with_prefix(family)
            self.kernel(f"addr add {prefix} dev {IFNAME}" + (" nodad" if family == 6 else ""))

    def kernel(self, arguments, check=True):
        """ip(8) in the node."""
        run = self.namespace.run("ip", *arguments.split(), check=False)
        assert not check or run.returncode == 0, f"ip {arguments}: {run.stderr}"
        return run.stdout

    def bridge(self, arguments, check=True):
        run = self.namespace.run("bridge", *arguments.split(), check=False)
        assert not check or run.returncode == 0, f"bridge {arguments}: {run.stderr}"
        return run.stdout


class PlainPod:
    """A pod of a plain node: a veth into the node's bridge, as the bridge plugin makes it."""

    def __init__(self, node, name, host):
        self.node, self.name = node, name
        self.namespace = Namespace(name)
        for scope in ("all", "default"):
            self.namespace.sysctl(f"net/ipv6/conf/{scope}/accept_dad", 0)
        far = f"veth{host}"
        mtu = node.pod_mtu
        make = f"link add {far} mtu {mtu} type veth peer name eth0 mtu {mtu}"
        node.kernel(f"{make} netns {self.namespace.name}")
        node.kernel(f"link set {far} master cni0 up")
        self.namespace.ip("link set eth0 up")
        for family, width in ((4, 24), (6, 64)):
            end = str(host) if family == 4 else f"{host:x}"
            address = node.tunnel_address(family)
            address = address[:-1] + end if family == 4 else address + end
            self.namespace.ip(f"addr add {address}/{width} dev eth0" + " nodad" * (family == 6))
            self.namespace.ip(f"-{family} route add default via {node.gateway(family)}")

    def ip(self, family):
        return self.namespace.addresses("eth0", family)[0].split("/")[0]

    def mac(self):
        return self.namespace.mac("eth0")

    def run(self, *args, **options):
        return self.namespace.run(*args, **options)

    def close(self):
        self.namespace.close()


class PlainNode(KernelSide):
    """Linux alone: a bridge with the pods on it, and the kernel's router and tunnels."""

    is_causeway = False

    def __init__(self, number, underlay):
        super().__init__(number, underlay, Namespace(f"plain{number}"))
        self.pods = []
        self.hosts = itertools.count(2)
        self.pod_mtu = underlay.mtu

    def start(self, pod_mtu):
        self.pod_mtu = pod_mtu
        self.kernel("link add cni0 type bridge forward_delay 0")
        self.kernel(f"link set cni0 mtu {pod_mtu} up")
        for family, width in ((4, 24), (6, 64)):
            nodad = " nodad" * (family == 6)
            self.kernel(f"addr add {self.gateway(family)}/{width} dev cni0{nodad}")
        return self

    def pod(self, name):
        pod = PlainPod(self, name, next(self.hosts))
        self.pods.append(pod)
        return pod

    def assert_alive(self):
        pass

    def assert_balanced(self):
        pass

    def close(self):
        for pod in self.pods:
            pod.close()
        self.namespace.close()


class CausewayNode(KernelSide):
    """causeway-dp and causewayd (attribute node), with the wire's device as an uplink."""

    is_causeway = True

    def __init__(self, number, underlay, scratch, hugepages, uplink="af_packet"):
        self.node = Node(scratch / f"n{number}", hugepages)
        self.uplink = uplink
        super().__init__(number, underlay, self.node.namespace)
        subnets = [[{"subnet": self.subnet(family)}] for family in (4, 6)]
        self.node.cni.config["ipam"]["ranges"] = subnets

    def start(self, pod_mtu):
        self.node.start()
        self.node.cwctl("network", "set", name="default", mtu=pod_mtu)
        if self.uplink:
            self.add_uplink()
        return self

    def add_uplink(self, name="uplink", ifname=IFNAME):
        self.node.cwctl("port", "add", name=name, kind=self.uplink, ifname=ifname, uplink="true")
        self.wait_port(name)

    def wait_port(self, name):
        def up():
            return self.node.call("port.get", name=name).get("state") == "ready"

        wait_until(up, f"port {name} of node {self.number} ready")

    def pod(self, name):
        return self.node.pod(name)

    @property
    def pods(self):
        return self.node.pods

    def assert_alive(self):
        self.node.assert_alive()

    def assert_balanced(self):
        self.node.assert_balanced()

    def close(self):
        self.node.close()


class Cluster:
    """Nodes 1 to n by kind: "c" is Causeway, "p" plain. start() sets up the backend everywhere."""

    def __init__(self, scratch, hugepages, kinds, backend, mtu=1500, finished=True, **causeway):
        self.backend = backend
        self.underlay = Underlay(mtu, finished)
        self.nodes = []
        try:
            for number, kind in enumerate(kinds, 1):
                self.nodes.append(self.make(kind, number, scratch, hugepages, causeway))
        except BaseException:
            self.close()
            raise

    def make(self, kind, number, scratch, hugepages, causeway):
        if kind == "p":
            return PlainNode(number, self.underlay)
        # Hugepages are there for two data planes.
        hugepages = hugepages and sum(node.is_causeway for node in self.nodes) < 2
        return CausewayNode(number, self.underlay, scratch, hugepages, **causeway)

    def start(self, pod_mtu=None):
        """pod_mtu: default: what the backend leaves of the wire's."""
        for node in self.nodes:
            node.start(pod_mtu or self.backend.mtu(node))
            self.backend.start(node)
        for node, remote in itertools.permutations(self.nodes, 2):
            self.backend.add_remote(node, remote)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def namespaces(self):
        """Of the nodes and their pods."""
        pods = [pod for node in self.nodes for pod in node.pods]
        return [one.namespace for one in (*self.nodes, *pods)]

    def checksum_errors(self):
        """{namespace: {counter: errors}}, those that are not 0."""
        found = {one.name: checksum_errors(one) for one in self.namespaces()}
        return {name: errors for name, errors in found.items() if errors}

    def add_pods(self):
        """One a node; returns when each reaches each other: what is written into a kernel reaches its
        mirror a little later."""
        pods = [node.pod(f"pod{node.number}") for node in self.nodes]
        for source, target in itertools.permutations(pods, 2):
            for family in self.backend.families:
                wait_until(
                    lambda s=source, a=target.ip(family): ping(s.namespace, a, count=1)[0] == 0,
                    f"{source.name} reaches {target.name} by IPv{family}",
                    timeout=30,
                )
        return pods

    def assert_balanced(self):
        for node in self.nodes:
            node.assert_balanced()

    def close(self):
        errors = []
        for one in (*self.nodes, self.underlay):
            try:
                one.close()
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                errors.append(error)
        if errors:
            raise errors[0]


def checksum_errors(namespace):
    """Checksum errors that a kernel counted in this namespace: {counter: errors}."""
    counters = {}
    lines = namespace.run("cat", "/proc/net/snmp", "/proc/net/snmp6").stdout.splitlines()
    names = {}
    for line in lines:
        head, *rest = line.split()
        if not head.endswith(":"):
            counters[head] = int(rest[0])
        elif rest[0].lstrip("-").isdigit():
            counters |= {head + n: int(v) for n, v in zip(names[head], rest, strict=True)}
        else:
            names[head] = rest
    wrong = ("InCsumErrors", "Ip:InHdrErrors")
    return {name: value for name, value in counters.items() if name.endswith(wrong) and value}
