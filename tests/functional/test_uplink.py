# SPDX-License-Identifier: Apache-2.0
"""A device that switch and kernel share: who gets what, and what survives whose death."""
import signal

import pytest
from lib.memif_peer import Slave
from lib.raw import RawSocket
from lib.rpc import RpcError
from lib.traffic import iperf, ping
from lib.uplink import POD_NET, REMOTE_POD, VXLAN_PORT, WIRE, UplinkNode
from lib.wait import wait_until
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

PINGS = 100
NOISE = 30  # what the node's stack gets in the same time: ND, MLD
VTEP_MAC = "02:f1:04:00:00:01"
REMOTE_VTEP_MAC = "02:f1:04:00:00:02"
OWN = "10.1.0.0"


@pytest.fixture(scope="module", params=["af_packet", "af_xdp"])
def world(request, scratch, hugepages):
    """The uplink is up, and a pod with both families is there."""
    one = UplinkNode(scratch / request.param, hugepages, request.param)
    try:
        one.start()
        one.session()  # before there was an uplink
        one.add_uplink()
        for family in (4, 6):
            one.host_gateway(family)
        one.pod = one.node.pod("pod")
        one.node.call("vtep.add", name="t", kind="vxlan", address=WIRE[4][0], udp_port=VXLAN_PORT,
                      uplink="up", mac=VTEP_MAC, own=[OWN])
        one.node.call("route.add", prefix="10.3.0.0/16", vtep="t", remote=WIRE[4][1],
                      mac=REMOTE_VTEP_MAC, underlay=underlay(one))
        yield one
    finally:
        one.close()


def underlay(world):
    """The next hop to the far node."""
    nexthop = world.node.call("nexthop.add", kind="port", port="up", mac=world.far_mac)
    return nexthop["id"]


def vxlan(world, inner_destination):
    """An echo request of a remote pod, as the far node's tunnel would send it."""
    ether = Ether(dst=world.near_mac, src=world.far_mac)
    return ether / tunnelled(WIRE[4][1], WIRE[4][0], "10.3.0.5", inner_destination)


def tunnelled(source, destination, inner_source, inner_destination):
    outer = IP(src=source, dst=destination) / UDP(sport=50000, dport=VXLAN_PORT) / VXLAN(vni=1)
    inner = Ether(dst=VTEP_MAC, src=REMOTE_VTEP_MAC)
    return outer / inner / IP(src=inner_source, dst=inner_destination) / ICMP(id=7) / Raw(b"x" * 32)


def is_tunnelled_reply(packet):
    return VXLAN in packet and ICMP in packet and packet[ICMP].type == 0


# ------------------------------------------------------------------------ who gets what


@pytest.mark.parametrize("family", [4, 6])
def test_pods_and_far_node(world, family):
    """Packets to pods are the switch's, and the node's own stack sees no copy of them."""
    taken, kernel = world.frames_taken(), world.kernel_packets()
    pod = world.pod.ip(family)
    assert ping(world.far, pod, PINGS)[0] == 0
    assert ping(world.pod.namespace, REMOTE_POD[family], PINGS)[0] == 0
    assert world.frames_taken() - taken >= 2 * PINGS
    assert world.kernel_packets() - kernel < NOISE


def checksum_errors(*namespaces):
    total = 0
    for namespace in namespaces:
        counters = namespace.run("nstat", "-asz", "TcpInCsumErrors").stdout.splitlines()
        total += sum(int(line.split()[1]) for line in counters if line.startswith("Tcp"))
    return total


@pytest.mark.parametrize("reverse", [False, True])
def test_streams(world, reverse):
    """TCP with what the veth leaves unfinished, both ways; no checksum is ever wrong."""
    taken = world.frames_taken()
    end = iperf(world.pod.namespace, world.far, world.pod.ip(4), *["-R"] * reverse, seconds=1)
    assert end["sum_received"]["bytes"] > 1_000_000
    assert world.frames_taken() - taken > 20
    assert checksum_errors(world.far, world.pod.namespace) == 0


@pytest.mark.parametrize("family", [4, 6])
def test_node_is_the_kernels(world, family):
    """ARP or ND, echo and TCP of the node itself never reach the switch."""
    world.far.ip("neigh flush dev eth0")
    taken = world.frames_taken()
    assert ping(world.far, WIRE[family][0], 20)[0] == 0
    world.session().exchange()
    assert world.frames_taken() == taken


def test_host_address_among_pods(world):
    """The host port's address lies in the pods' subnet and is the kernel's all the same."""
    host = world.node.call("network.get", name="default")["subnets"][0].split("/")[0]
    taken = world.frames_taken()
    assert ping(world.far, host, 20)[0] == 0
    assert world.frames_taken() == taken


def test_lldp_is_the_kernels(world):
    lldp = Ether(dst="01:80:c2:00:00:0e", src=world.far_mac, type=0x88CC) / Raw(b"\x00" * 46)
    taken = world.frames_taken()
    listener = RawSocket(world.node.namespace, "eth0")
    try:
        with world.far_end() as far:
            far.send(lldp)
        listener.receive(lambda packet: packet.type == 0x88CC)
    finally:
        listener.close()
    assert world.frames_taken() == taken


def is_empty(receiver):
    """Whether nothing has come."""
    receiver.setblocking(False)
    try:
        return not receiver.recv(2000)
    except BlockingIOError:
        return True


def test_tunnel_is_the_switchs(world):
    """A tunnel packet is answered by the pod; a receiver of the node's own at that port gets none."""
    with world.kernel_udp(VXLAN_PORT) as receiver, world.far_end() as far:
        far.send(vxlan(world, world.pod.ip(4)))
        reply = far.receive(is_tunnelled_reply)
        assert reply[IP].src == WIRE[4][0] and reply[VXLAN].vni == 1
        # What is the kernel's even so shows that nothing came before it.
        far.send(vxlan(world, OWN))
        data = receiver.recv(2000)
    assert IP(bytes(VXLAN(data)[Ether].payload)).dst == OWN


@pytest.fixture
def kernel_vxlan(world):
    """The far node's kernel has 10.3.0.5 behind a tunnel device, as flanneld makes them."""
    far, pod = world.far, world.pod.ip(4)
    far.ip(f"link add vx0 address {REMOTE_VTEP_MAC} type vxlan id 1 dev eth0 local {WIRE[4][1]}"
           f" dstport {VXLAN_PORT} nolearning")
    far.ip("link set vx0 mtu 1450 up")
    far.ip("addr add 10.3.0.5/32 dev vx0")
    far.ip(f"neigh add {OWN} lladdr {VTEP_MAC} dev vx0 nud permanent")
    far.run("bridge", "fdb", "add", VTEP_MAC, "dev", "vx0", "dst", WIRE[4][0], "self")
    far.ip(f"route add {pod}/32 via {OWN} dev vx0 onlink src 10.3.0.5")
    yield far
    far.ip("link del vx0")


@pytest.mark.parametrize("reverse", [False, True])
def test_stream_in_tunnel(world, kernel_vxlan, reverse):
    """TCP against the kernel's VXLAN, whose super-frames a veth passes whole, tunnel and all."""
    taken = world.frames_taken()
    far, pod = kernel_vxlan, world.pod
    end = iperf(pod.namespace, far, pod.ip(4), *["-R"] * reverse, seconds=1)
    amount = end["sum_received"]["bytes"]
    assert amount > 1_000_000
    assert checksum_errors(far, pod.namespace) == 0
    if world.kind == "af_packet" and not reverse:
        assert amount / (world.frames_taken() - taken) > 3000


def test_groups_are_joined(world):
    def groups():
        found = world.node.namespace.ip_json("maddr show dev eth0")
        return {entry["address"] for one in found for entry in one["maddr"] if "address" in entry}

    wanted = {4: "239.1.1.1", 6: "ff05::77"}
    for family, group in wanted.items():
        world.node.call("vtep.add", name=f"m{family}", kind="vxlan", address=WIRE[family][0],
                        udp_port=4789, uplink="up", groups=[group])
    wait_until(lambda: set(wanted.values()) <= groups(), "groups joined")
    for family in wanted:
        world.node.call("vtep.del", name=f"m{family}")
    wait_until(lambda: not groups() & set(wanted.values()), "groups left")


@pytest.fixture(scope="module")
def tagged(world):
    """The uplink carries network blue on VLAN 100, where the far node is 192.0.3.2."""
    node = world.node
    node.call("network.add", name="blue", host=False)
    node.call("port.set", name="up", trunk=[{"vlan": 100, "network": "blue"}])
    node.call("route.add", network="blue", prefix="192.0.3.2/32", port="up", mac=world.far_mac)
    blue = {"ranges": [[{"subnet": "10.5.0.0/16"}]], "type": "host-local"}
    blue |= {"routes": [{"dst": "0.0.0.0/0"}], "dataDir": str(node.scratch / "blue")}
    pod = node.pod("bluepod", network="blue", ipam=blue)
    yield pod
    pod.close()
    node.pods.remove(pod)


def test_tags(world, tagged):
    """Pods of the tag's network are reached through the tag; all else on it stays the kernel's."""
    ether = Ether(dst=world.near_mac, src=world.far_mac)
    tag, echo = Dot1Q(vlan=100), ICMP(id=7) / Raw(b"x" * 32)
    taken = world.frames_taken()
    with world.far_end() as far:
        far.send(ether / IP(src="192.0.3.2", dst=tagged.ip(4)) / echo)
        far.send(ether / Dot1Q(vlan=101) / IP(src="192.0.3.2", dst=tagged.ip(4)) / echo)
        far.send(ether / tag / IP(src="192.0.3.2", dst="192.0.3.1") / echo)
        far.send(ether / tag / IP(src="192.0.3.2", dst=world.pod.ip(4)) / echo)
        far.send(ether / tag / IP(src="192.0.3.2", dst=tagged.ip(4)) / echo)
        reply = far.receive(lambda packet: ICMP in packet and packet[ICMP].type == 0)
    assert reply[Dot1Q].vlan == 100 and reply[IP].src == tagged.ip(4)
    assert world.frames_taken() == taken + 1


def test_tagged_underlay(world, tagged):
    """A tunnel whose outer packets have a tag; what it carries is another network's."""
    call = world.node.call
    call("vtep.add", name="tv", kind="vxlan", address="192.0.3.1", udp_port=VXLAN_PORT,
         uplink="up", mac=VTEP_MAC)
    hop = call("nexthop.add", network="blue", kind="port", port="up", mac=world.far_mac)
    call("route.add", prefix="10.6.0.0/16", vtep="tv", remote="192.0.3.2",
         mac=REMOTE_VTEP_MAC, underlay=hop["id"])
    ether = Ether(dst=world.near_mac, src=world.far_mac) / Dot1Q(vlan=100)
    with world.far_end() as far:
        far.send(ether / tunnelled("192.0.3.2", "192.0.3.1", "10.6.0.5", world.pod.ip(4)))
        reply = far.receive(is_tunnelled_reply)
    assert reply[Dot1Q].vlan == 100 and reply[IP].dst == "192.0.3.2"
    call("route.del", prefix="10.6.0.0/16")
    call("nexthop.del", id=hop["id"])
    call("vtep.del", name="tv")


def test_memif_uplink(world):
    """A tunnel by shared memory: another switch on the node has the card."""
    call, mac, peer = world.node.call, "02:00:00:00:0e:01", "02:00:00:00:0e:02"
    path = world.node.scratch / "up.sock"
    call("port.add", name="mem", kind="memif", socket=str(path), uplink=True, mac=mac)
    call("vtep.add", name="tm", kind="vxlan", address="192.0.9.1", udp_port=VXLAN_PORT,
         uplink="mem", mac=VTEP_MAC)
    hop = call("nexthop.add", kind="port", port="mem", mac=peer)
    call("route.add", prefix="10.9.0.0/16", vtep="tm", remote="192.0.9.2",
         mac=REMOTE_VTEP_MAC, underlay=hop["id"])
    slave = Slave(path).connect()
    slave.offer()
    packet = tunnelled("192.0.9.2", "192.0.9.1", "10.9.0.5", world.pod.ip(4))
    slave.transmit(bytes(Ether(dst=mac, src=peer) / packet))

    def reply():
        return next(filter(is_tunnelled_reply, map(Ether, slave.received())), None)

    got = wait_until(reply, "reply in the memif ring")
    assert (got.src, got.dst, got[IP].src) == (mac, peer, "192.0.9.1")
    slave.close()
    call("route.del", prefix="10.9.0.0/16")
    call("nexthop.del", id=hop["id"])
    call("vtep.del", name="tm")
    call("port.del", name="mem")


# ------------------------------------------------------------------------ who survives whom


def check_node(world):
    """The session from before, a new one, and ping."""
    world.sessions[0].exchange()
    world.session().exchange()
    assert ping(world.far, WIRE[4][0], 10)[0] == 0


def check_pods(world):
    def reachable():
        return ping(world.far, world.pod.ip(4), 1)[0] == 0

    wait_until(reachable, "pod is reached from the far node", timeout=30)
    with world.far_end() as far:
        far.send(vxlan(world, world.pod.ip(4)))
        far.receive(is_tunnelled_reply)


def check_fallen_back(world):
    """The node's own stack gets tunnel packets."""
    with world.kernel_udp(VXLAN_PORT) as receiver, world.far_end() as far:
        far.send(vxlan(world, world.pod.ip(4)))
        receiver.recv(2000)


def test_dataplane_dies(world):
    """The node stays, its tunnel packets go to the kernel, and come back with the data plane."""
    check_pods(world)
    world.node.dp.kill()
    check_node(world)
    check_fallen_back(world)
    world.node.start_dp()
    world.node.wait_connected()
    world.wait_up()
    check_node(world)
    with world.kernel_udp(VXLAN_PORT) as receiver:
        check_pods(world)
        assert is_empty(receiver)


def test_causewayd_dies(world):
    """Traffic flows on, also across the take-over by the next one: not a packet twice or nowhere."""
    ping_for_long = ["ping", "-i", "0.01", "-c", "100000", world.pod.ip(4)]
    with world.kernel_udp(VXLAN_PORT) as receiver, world.far.background(*ping_for_long) as stream:
        world.node.control.kill()
        check_node(world)
        check_pods(world)
        world.node.start_control()
        world.node.wait_connected()
        check_pods(world)
        assert is_empty(receiver)
        stream.process.send_signal(signal.SIGINT)
        report = stream.wait(20).stdout
    sent, received = (int(word) for word in report.split("statistics ---")[1].split()[:4:3])
    assert sent - received <= 1 and received > 10, report  # the last may be under way
    assert "duplicates" not in report


def test_both_die(world):
    world.node.control.kill()
    world.node.dp.kill()
    check_node(world)
    check_fallen_back(world)
    world.node.start_dp()
    world.node.start_control()
    world.node.wait_connected()
    world.wait_up()
    check_node(world)
    check_pods(world)
    world.node.assert_alive()


def test_device_returns(world):
    """A device that vanished and came back, as with a driver that was loaded again."""
    world.sessions[0].exchange()
    world.node.namespace.ip("link del eth0")
    wait_until(lambda: world.node.call("port.get", name="up")["state"] == "gone", "port is gone")
    world.connect()
    world.wait_up()
    for family in (4, 6):
        world.far.ip(f"-{family} route replace {POD_NET[family]} via {WIRE[family][0]}")
    check_node(world)
    check_pods(world)


# ------------------------------------------------------------------------ refusals, the end


@pytest.mark.parametrize(
    "params, key",
    [
        ({"ifname": "nosuch0"}, "ifname"),
        ({"ifname": "lo"}, "ifname"),
        ({"ifname": "eth0"}, "ifname"),  # is another port's
        ({"ifname": "spare0", "mtu": 9000}, "mtu"),
        ({"ifname": "spare0", "queues": 5}, "queues"),
    ],
)
def test_refused(world, params, key):
    world.node.namespace.ip("link add spare0 type veth peer name spare1", check=False)
    with pytest.raises(RpcError) as error:
        world.node.call("port.add", name="bad", kind=world.kind, uplink=True, **params)
    assert error.value.data["key"] == key and error.value.data["hint"]
    with pytest.raises(RpcError):
        world.node.call("port.get", name="bad")


def attached(world):
    """Programs at eth0."""
    drop = world.node.namespace.run("tc", "filter", "show", "dev", "eth0", "ingress").stdout
    link = world.node.namespace.ip_json("link show dev eth0")[0]
    return ["tc"] * ("uplink_drop" in drop) + ["xdp"] * ("xdp" in link)


def routes_of(world, network):
    """Those that were configured."""
    if network not in [one["name"] for one in world.node.call("network.list")]:
        return []
    routes = world.node.call("route.list", network=network)
    return [route for route in routes if route["origin"] == "static"]


def nexthops(world, *origins):
    """Those that lead to the uplink."""
    found = [hop for hop in world.node.call("nexthop.list") if hop.get("port") == "up"]
    return [hop for hop in found if not origins or hop["origin"] in origins]


def test_deleted(world):
    """The device is the kernel's again, and stays as it was."""
    assert attached(world) == ["xdp" if world.kind == "af_xdp" else "tc"]
    world.node.call("port.set", name="up", trunk=[])
    for network in ("default", "blue"):
        for route in routes_of(world, network):
            world.node.call("route.del", network=network, prefix=route["prefix"])
    for nexthop in nexthops(world, "static"):
        world.node.call("nexthop.del", id=nexthop["id"])
    with pytest.raises(RpcError):
        world.node.call("port.del", name="up")  # its vtep is configured
    world.node.call("vtep.del", name="t")
    wait_until(lambda: nexthops(world), "the kernel's routes lead there, too")
    world.node.call("port.del", name="up")
    assert not nexthops(world)
    assert attached(world) == []
    assert world.node.namespace.mac("eth0") == world.near_mac
    check_node(world)
    check_fallen_back(world)
