# SPDX-License-Identifier: Apache-2.0
"""A node whose kernel is written to, and what causewayd made of it."""
from lib.netns import Namespace
from lib.node import Node
from lib.wait import wait_until

UPLINK = "up"
NODE, PEER = "192.168.77.1", "192.168.77.2"
NODE6, PEER6 = "fd00:77::1", "fd00:77::2"


class MirrorNode(Node):
    """eth0 is the uplink; at the other end of its wire a plain namespace answers for PEER."""

    def __init__(self, scratch, hugepages, *control_options):
        super().__init__(scratch, hugepages)
        self.control_options += control_options
        self.peer = Namespace("peer")
        self.ip(f"link add eth0 type veth peer name eth0 netns {self.peer.name}")
        for namespace, ends in ((self.namespace, (NODE, NODE6)), (self.peer, (PEER, PEER6))):
            namespace.ip("link set eth0 up")
            namespace.ip(f"addr add {ends[0]}/24 dev eth0")
            namespace.ip(f"addr add {ends[1]}/64 dev eth0 nodad")

    def ip(self, arguments):
        """ip(8) in the node."""
        run = self.namespace.run("ip", *arguments.split(), check=False)
        assert run.returncode == 0, f"ip {arguments}: {run.stderr}"
        return run.stdout

    def batch(self, lines):
        path = self.scratch / "batch"
        path.write_text("".join(line + "\n" for line in lines))
        self.ip(f"-batch {path}")

    def bridge(self, arguments):
        self.namespace.run("bridge", *arguments.split())

    def start(self):
        super().start()
        self.cwctl("port", "add", name=UPLINK, kind="af_packet", ifname="eth0", uplink="true")
        return self

    # --- what the kernel has

    def kernel_routes(self):
        """{prefix: set of gateways} of the routes that are to be followed."""
        routes = {}
        for family in ("", "-6 "):
            for route in self.namespace.ip_json(f"{family}route show table main"):
                if route.get("protocol") in ("kernel", "ra") or route["dst"] == "default":
                    continue
                prefix = route["dst"]
                if "/" not in prefix:
                    prefix += "/128" if family else "/32"
                hops = route.get("nexthops") or [route]
                # Of routes to one prefix the first is the one that the kernel uses.
                routes.setdefault(prefix, {hop["gateway"] for hop in hops})
        return routes

    # --- what causewayd and the data plane have

    def objects(self, kind):
        """Those that the mirror has made."""
        return [one for one in self.call(f"{kind}.list") if one["origin"].startswith("mirror:")]

    def mirrored_routes(self):
        """{prefix: set of gateways}; None instead of those of a route that is not ready (yet)."""
        nexthops = {one["id"]: one for one in self.call("nexthop.list")}

        def gateways(route):
            nexthop = nexthops.get(route["nexthop"])  # it may be younger than the list
            if nexthop is None or route["state"] != "ready":
                return None
            members = nexthop.get("members", [{"nexthop": nexthop["id"]}])
            if any(member["nexthop"] not in nexthops for member in members):
                return None
            return {nexthops[member["nexthop"]].get("via") for member in members}

        return {route["prefix"]: gateways(route) for route in self.objects("route")}

    def wait_gateways(self, prefix, n):
        wait_until(
            lambda: len(self.mirrored_routes().get(prefix) or ()) == n, f"{n} hops of {prefix}"
        )

    def mirror(self):
        return self.call("mirror.get")

    def assert_equal(self, timeout=20.0):
        """The same routes in the kernel and in causewayd; as many in the data plane."""

        def same():
            return self.mirror()["synced"] and self.mirrored_routes() == self.kernel_routes()

        wait_until(same, "mirror equal to the kernel", timeout)
        node = self.call("node.get")["dataplane"]
        static = [one for one in self.call("route.list") if one["origin"] == "host"]
        found = node["routes4"] + node["routes6"]
        assert found == len(self.kernel_routes()) + len(static), node

    def route(self, prefix):
        """The route to a prefix with where it leads, or None."""
        return next((one for one in self.call("route.list") if one["prefix"] == prefix), None)

    def wait_route(self, prefix, **wanted):
        """Until the route says so; returns it."""

        def found():
            route = self.route(prefix)
            return route if route and wanted.items() <= route.items() else None

        return wait_until(found, f"route {prefix} {wanted}")

    def wait_no_route(self, prefix):
        wait_until(lambda: self.route(prefix) is None, f"no route {prefix}")

    def close(self):
        try:
            super().close()
        finally:
            self.peer.close()


def prefixes(n, first=20):
    """n prefixes of 24 bits."""
    return [f"{first + i // 65536}.{i // 256 % 256}.{i % 256}.0/24" for i in range(n)]
