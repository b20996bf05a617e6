# SPDX-License-Identifier: Apache-2.0
"""A DPDK pod with a kernel's stack: testpmd forwards between its device and a tap beside it.

What polls takes a CPU: freeze() stops it while others are to have it.
"""
import contextlib
import ipaddress
import os
import signal

from lib.netns import Namespace
from lib.testpmd import Tap, Testpmd

IFNAME = "stack0"
START_S = 120.0


class StackPod:
    def __init__(self, scratch, name, device, mac, addresses, routes=(), mtu=1500, namespace=None):
        """device: of lib.testpmd. addresses: ADDRESS/PREFIX each. routes: "PREFIX via ADDRESS"."""
        self.namespace = namespace or Namespace(name)
        self.owns_namespace = namespace is None
        self.mac, self.addresses, self.routes, self.mtu = mac, addresses, routes, mtu
        self.testpmd = Testpmd(
            scratch, device, Tap(IFNAME, mac), forward="io", namespace=self.namespace
        )

    def start(self):
        self.testpmd.start().wait_ready(START_S)
        # The tap's own capabilities end at testpmd: frames are to be finished.
        features = ("tx", "tso", "gso", "gro")
        off = [word for feature in features for word in (feature, "off")]
        self.namespace.run("ethtool", "-K", IFNAME, *off, check=False)
        self.namespace.ip(f"link set {IFNAME} address {self.mac} mtu {self.mtu} up")
        for address in self.addresses:
            nodad = " nodad" if ":" in address else ""
            self.namespace.ip(f"addr add {address} dev {IFNAME}{nodad}")
        for route in self.routes:
            self.namespace.ip(f"-{6 if ':' in route else 4} route add {route}")
        self.join_groups()
        self.testpmd.forward()
        return self

    def join_groups(self):
        """Those of neighbour solicitations. The emulated card knows no "all groups": a VF that asks
        for it, or for promiscuity, hears none at all."""
        self.testpmd.command("set promisc all off")
        self.testpmd.command("set allmulti all off")
        for address in self.addresses:
            if ":" in address:
                low = ipaddress.ip_interface(address).packed[-3:]
                group = ":".join(f"{byte:02x}" for byte in (0x33, 0x33, 0xFF, *low))
                self.testpmd.command(f"mcast_addr add 0 {group}")

    def ip(self, family):
        return next(a.split("/")[0] for a in self.addresses if (":" in a) == (family == 6))

    def run(self, *args, **options):
        return self.namespace.run(*args, **options)

    def freeze(self):
        os.kill(self.testpmd.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.testpmd.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def awake(self):
        self.thaw()
        try:
            yield self
        finally:
            self.freeze()

    def close(self):
        if self.testpmd.process is not None:
            self.thaw()
            self.testpmd.stop()
        if self.owns_namespace:
            self.namespace.close()
