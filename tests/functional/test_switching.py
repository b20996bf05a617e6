# SPDX-License-Identifier: Apache-2.0
"""Switching between taps: FDB, flooding, hairpin, learning, VLANs."""
import pytest
from lib import wire
from lib.frames import PAYLOAD, same, udp4, udp6
from lib.wait import wait_until
from scapy.layers.l2 import Dot1Q, Ether

BROADCAST = "ff:ff:ff:ff:ff:ff"
STRANGER = "02:00:00:00:99:01"
LEARNING, VLAN100, VLAN200, NATIVE = 1, 2, 3, 4


@pytest.fixture(scope="module")
def ports(dp):
    return [dp.add_port(number) for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def learning(dp, ports):
    """A network that learns; its ports have no endpoints, hence no static entries."""
    dp.add_network(LEARNING, "learning", (), flags=wire.NETWORK_LEARNING, learn_limit=8)
    return [dp.add_port(n, endpoint=False, network=LEARNING) for n in (11, 12, 13)]


def learned(dp):
    """{mac: port} of what was learned."""
    items = dp.sock.request(wire.GET_FDB)[0]
    return {bytes(i.mac).hex(":"): i.port for i in items if i.flags & wire.FDB_LEARNED}


def frame(src, dst):
    return Ether(src=src, dst=dst, type=0x88B5) / PAYLOAD


def test_known_unicast_reaches_one_port(dp, ports):
    one, two, _ = ports
    for packet in (udp4(one, two), udp6(one, two), frame(one.mac, two.mac)):
        out = dp.run(one, packet)
        assert list(out) == [two.id] and same(out[two.id], [packet])


def test_order_is_kept(dp, ports):
    one, two, _ = ports
    packets = [udp4(one, two, id=number) for number in range(200)]
    assert same(dp.run(one, *packets)[two.id], packets)


@pytest.mark.parametrize("dst", [BROADCAST, "01:00:5e:00:00:fb", "33:33:00:00:00:fb", STRANGER])
def test_flooded_to_all_but_the_source(dp, ports, dst):
    one, two, three = ports
    before = dp.stats(one)
    out = dp.run(one, frame(one.mac, dst))
    assert set(out) == {two.id, three.id}
    assert all(same(got, [frame(one.mac, dst)]) for got in out.values())
    after = dp.stats(one)
    assert after["replicas"] == before["replicas"] + 1
    assert after["sent"] == before["sent"] + 2


def test_port_that_wants_no_flooding(dp, ports):
    one, two, three = ports
    three.change(flags=wire.NO_FLOOD)
    try:
        assert set(dp.run(one, frame(one.mac, BROADCAST))) == {two.id}
        assert set(dp.run(one, frame(one.mac, three.mac))) == {three.id}
    finally:
        three.change(flags=0)


def test_hairpin(dp, ports):
    one = ports[0]
    to_itself = frame(STRANGER, one.mac)
    dp.expect_drop(one, "fdb_same_port", to_itself)
    one.change(flags=wire.HAIRPIN)
    try:
        assert same(dp.run(one, to_itself)[one.id], [to_itself])
    finally:
        one.change(flags=0)
    dp.assert_balanced()


def test_multicast_source_is_dropped(dp, ports):
    one, two, _ = ports
    dp.expect_drop(one, "source_mac_multicast", frame("01:00:5e:00:00:01", two.mac))


def test_networks_do_not_meet(dp, ports, learning):
    one = ports[0]
    assert set(dp.run(one, frame(one.mac, BROADCAST))).isdisjoint(port.id for port in learning)
    dp.run(one, frame(one.mac, learning[0].mac))
    assert learning[0].raw.drain() == []


def test_learns_moves_and_ages(dp, learning):
    one, two, three = learning
    dp.run(one, frame(STRANGER, BROADCAST))
    wait_until(lambda: learned(dp).get(STRANGER) == one.id, "learned")
    assert set(dp.run(two, frame(two.mac, STRANGER))) == {one.id}
    dp.run(three, frame(STRANGER, BROADCAST))
    wait_until(lambda: learned(dp).get(STRANGER) == three.id, "moved")
    assert set(dp.run(two, frame(two.mac, STRANGER))) == {three.id}
    dp.add_network(
        LEARNING, "learning", (), flags=wire.NETWORK_LEARNING, learn_limit=8, learn_age_s=1
    )
    wait_until(lambda: not learned(dp), "forgotten", timeout=15)
    assert set(dp.run(two, frame(two.mac, STRANGER))) == {one.id, three.id}


def test_learning_is_limited(dp, learning):
    one = learning[0]
    dp.add_network(LEARNING, "learning", (), flags=wire.NETWORK_LEARNING, learn_limit=8)
    dp.run(one, *[frame(f"02:00:00:00:77:{n:02x}", BROADCAST) for n in range(32)])
    wait_until(lambda: len(learned(dp)) == 8, "eight learned")
    event = dp.sock.wait_event(wire.TableFull)
    assert event.network == LEARNING
    assert len(learned(dp)) == 8


def test_nothing_is_learned_where_it_is_off(dp, ports, learning):
    dp.run(ports[0], frame("02:00:00:00:66:01", BROADCAST))
    assert "02:00:00:00:66:01" not in learned(dp)


@pytest.fixture(scope="module")
def vlans(dp, ports):
    """Access port, plain port and a trunk; two networks."""
    dp.add_network(VLAN100, "blue", ())
    dp.add_network(VLAN200, "green", ())
    dp.add_network(NATIVE, "native", ())
    return {
        "access": dp.add_port(21, network=VLAN100, vlan=100),
        "plain": dp.add_port(22, network=VLAN100),
        "trunk": dp.add_port(
            23, network=NATIVE, endpoint=False, trunk=[(100, VLAN100), (200, VLAN200)]
        ),
        "green": dp.add_port(24, network=VLAN200),
    }


def tagged(packet, vlan, pcp=0):
    """The packet with a tag in front of its payload."""
    inner = Ether(bytes(packet))
    return Ether(src=inner.src, dst=inner.dst) / Dot1Q(vlan=vlan, prio=pcp, type=inner.type) / inner.payload


def test_access_port_takes_and_gives_its_tag(dp, vlans):
    access, plain = vlans["access"], vlans["plain"]
    packet = udp4(access, plain)
    assert same(dp.run(access, tagged(packet, 100))[plain.id], [packet])
    back = udp4(plain, access)
    assert same(dp.run(plain, back)[access.id], [tagged(back, 100)])


def test_access_port_refuses_other_tags(dp, vlans):
    access, plain = vlans["access"], vlans["plain"]
    dp.expect_drop(access, "vlan_untagged", udp4(access, plain))
    dp.expect_drop(access, "vlan_unknown", tagged(udp4(access, plain), 101))


def test_trunk_maps_tags_to_networks(dp, vlans):
    trunk, plain, green = vlans["trunk"], vlans["plain"], vlans["green"]
    blue = udp4(trunk, plain)
    assert same(dp.run(trunk, tagged(blue, 100))[plain.id], [blue])
    other = udp4(trunk, green)
    assert same(dp.run(trunk, tagged(other, 200))[green.id], [other])
    shout = frame(green.mac, BROADCAST)
    assert same(dp.run(green, shout)[trunk.id], [tagged(shout, 200)])


def test_trunk_drops_what_it_does_not_map(dp, vlans):
    trunk, plain = vlans["trunk"], vlans["plain"]
    dp.expect_drop(trunk, "vlan_unknown", tagged(udp4(trunk, plain), 300))


def test_flooding_tags_each_copy_its_own_way(dp, vlans):
    plain = vlans["plain"]
    shout = frame(plain.mac, BROADCAST)
    out = dp.run(plain, shout)
    assert same(out[vlans["access"].id], [tagged(shout, 100)])
    assert same(out[vlans["trunk"].id], [tagged(shout, 100)])
    assert vlans["green"].id not in out


def test_deleted_port_is_gone_from_tables(dp, ports):
    one, two, three = ports
    dp.add_port(4)
    dp.del_port(4)
    assert 4 not in dp.port_infos()
    assert set(dp.run(one, frame(one.mac, "02:00:00:00:01:04"))) == {two.id, three.id}
