# SPDX-License-Identifier: Apache-2.0
"""BIRD and FRR as a node's routing daemon: BGP (RFC 4271) between the nodes of a cluster, one
autonomous system a node, IPv4 and IPv6 over sessions of their own."""
import pathlib
import shutil
import tempfile

from lib.daemon import Daemon
from lib.wait import wait_until

FRR = pathlib.Path("/usr/lib/frr")
FAMILIES = (4, 6)


def missing():
    """What is not installed, as text; empty: nothing."""
    path = "/usr/sbin:/usr/bin:/sbin"
    programs = ("bird", "birdc", "vtysh", FRR / "zebra", FRR / "bgpd")
    return " ".join(str(one) for one in programs if shutil.which(str(one), path=path) is None)


def family_of(prefix):
    return 6 if ":" in prefix else 4


class Router:
    """One node's daemons. announced: the prefixes that its peers are told."""

    def __init__(self, scratch, node, peers):
        self.scratch, self.node, self.peers = scratch, node, peers
        self.namespace, self.number = node.namespace, node.number
        self.announced = [node.subnet(family) for family in FAMILIES]
        self.daemons = []
        scratch.mkdir(parents=True, exist_ok=True)

    def run(self, name, *command):
        self.daemons.append(Daemon(self.namespace.command(*command), self.scratch / f"{name}.log"))

    def announce(self, *prefixes):
        self.change([*self.announced, *(one for one in prefixes if one not in self.announced)])

    def withdraw(self, *prefixes):
        self.change([one for one in self.announced if one not in prefixes])

    def wait_established(self):
        wait_until(self.is_established, f"{self} of node {self.number}: sessions", timeout=90)

    def is_established(self):
        for daemon in self.daemons:
            daemon.assert_alive()
        return self.established() == len(self.peers) * len(FAMILIES)

    def stop(self):
        """As if they had crashed: peers see their sessions end."""
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        self.daemons = []


class Bird(Router):
    """Everything in one process and one file, which it is told to read again."""

    def __str__(self):
        return "BIRD"

    def start(self):
        self.write()
        folder = self.scratch
        self.run("bird", "bird", "-f", "-c", folder / "bird.conf", "-s", folder / "ctl",
                 "-P", folder / "pid")
        return self

    def write(self):
        lines = ["log stderr all;", f"router id {self.node.address(4)};",
                 "protocol device { scan time 60; }"]
        for family in FAMILIES:
            lines += self.family(family)
        (self.scratch / "bird.conf").write_text("\n".join(lines) + "\n")

    def family(self, family):
        routes = " ".join(f"route {prefix} blackhole;" for prefix in self.announced
                          if family_of(prefix) == family)
        channel = f"ipv{family}"
        lines = [
            # What is announced is the node's own; the kernel has it from elsewhere.
            f"protocol static own{family} {{ {channel}; {routes} }}",
            f"protocol kernel kernel{family} {{ merge paths on; {channel} {{"
            " import none; export where source != RTS_STATIC; }; }",
        ]
        for peer in self.peers:
            lines.append(
                f"protocol bgp peer{peer.number}v{family} {{"
                f" local {self.node.address(family)} as {65000 + self.number};"
                f" neighbor {peer.address(family)} as {65000 + peer.number};"
                " connect retry time 1; connect delay time 1; error wait time 1, 2;"
                f" {channel} {{ import all; export where source = RTS_STATIC; }}; }}"
            )
        return lines

    def birdc(self, *words, check=True):
        return self.namespace.run("birdc", "-s", self.scratch / "ctl", *words, check=check).stdout

    def change(self, announced):
        self.announced = announced
        self.write()
        answer = self.birdc("configure")
        assert "Reconfigured" in answer or "Reconfiguration in progress" in answer, answer

    def established(self):
        if not (self.scratch / "ctl").exists():
            return 0
        # While it starts its socket is not there yet.
        return self.birdc("show", "protocols", check=False).count("Established")


class Frr(Router):
    """zebra writes the kernel's routes, bgpd talks to the peers, vtysh changes both."""

    def __str__(self):
        return "FRR"

    def __init__(self, *args):
        super().__init__(*args)
        # They drop to a user of their own, who must get at their files.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cwt-frr-"))
        self.folder.chmod(0o755)
        shutil.chown(self.folder, "frr", "frr")

    def start(self):
        folder = self.folder
        common = ["-z", folder / "zserv.api", "--vty_socket", folder, "-P", 0, "--log", "stdout"]
        (folder / "zebra.conf").write_text("")
        (folder / "bgpd.conf").write_text("\n".join(self.lines()) + "\n")
        for name in ("zebra", "bgpd"):
            self.run(name, FRR / name, "-f", folder / f"{name}.conf", "-i", folder / f"{name}.pid",
                     *common)
            wait_until(lambda n=name: self.is_up(n), f"{name} is up", timeout=60)
        return self

    def is_up(self, name):
        self.daemons[-1].assert_alive()
        return (self.folder / f"{name}.vty").exists()

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def lines(self):
        lines = [
            "frr defaults datacenter", f"router bgp {65000 + self.number}",
            f" bgp router-id {self.node.address(4)}", " no bgp ebgp-requires-policy",
            " no bgp network import-check", " bgp bestpath as-path multipath-relax",
        ]
        for peer in self.peers:
            for family in FAMILIES:
                address = peer.address(family)
                lines += [f" neighbor {address} remote-as {65000 + peer.number}",
                          f" neighbor {address} timers connect 1"]
        for family in FAMILIES:
            lines.append(f" address-family ipv{family} unicast")
            lines += [f"  network {prefix}" for prefix in self.announced
                      if family_of(prefix) == family]
            for peer in self.peers:
                other = peer.address(10 - family)
                lines += [f"  neighbor {peer.address(family)} activate",
                          f"  no neighbor {other} activate"]
            lines += ["  maximum-paths 4", " exit-address-family"]
        return lines

    def vtysh(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        run = self.namespace.run("vtysh", "--vty_socket", self.folder, *words, check=False)
        assert run.returncode == 0, f"{commands}: {run.stdout} {run.stderr}"
        return run.stdout

    def change(self, announced):
        commands = ["configure terminal", f"router bgp {65000 + self.number}"]
        changes = [("", one) for one in announced if one not in self.announced]
        changes += [("no ", one) for one in self.announced if one not in announced]
        for word, prefix in changes:
            family = f"address-family ipv{family_of(prefix)} unicast"
            commands += [family, f"{word}network {prefix}", "exit-address-family"]
        self.announced = announced
        self.vtysh(*commands)

    def established(self):
        summary = self.vtysh("show bgp summary json")
        return summary.count('"state":"Established"')
