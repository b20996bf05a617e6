/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TUNNEL_SETUP_H
#define TESTS_TUNNEL_SETUP_H

// A tunnel for tests of what goes through it: network 0 has VNI 0x010203, port 4 is the uplink
// (02:00:00:00:01:04) towards the gateway 02:00:00:00:09:77, 10.99.0.0/16 and fd99::/16 are behind
// next hop TUNNEL. Included behind frames.h.

#include "server_helper.h"

#define UPLINK 4
#define OTHER_UPLINK 3
#define UNDERLAY 10
#define TUNNEL 20

static union item tunnel_item;

static inline struct cw_ip
tunnel_ip6(uint8_t last)
{
	return (struct cw_ip){
		.addr = {0x20, 1, 0xd, 0xb8, [15] = last}, .family = 6, .prefix = 128};
}

static inline struct cw_ip
tunnel_end(bool is_v6, uint8_t last)
{
	return is_v6 ? tunnel_ip6(last) : make_ip4(192, 0, 2, last, 32);
}

static inline void
tunnel_set_vni(struct network *network, void *arg)
{
	network->vni = 0x010203;
}

static inline void
tunnel_make_uplink(struct dp_port *port, void *arg)
{
	port->flags |= CW_PORT_UPLINK;
	port->mtu = 1600;
}

static inline void
tunnel_set_nexthop(struct fixture *f, const struct cw_item *item)
{
	assert_int_equal(nexthop_set(f->dp->nexthops, (const struct cw_nexthop *)item), 0);
}

// From 192.0.2.1 or 2001:db8::1 to .2 or ::2.
static inline void
tunnel_setup(struct fixture *f, uint8_t kind, bool is_v6, uint16_t flags)
{
	const struct cw_ip prefix4 = make_ip4(10, 99, 0, 0, 16);
	const struct cw_ip prefix6 = {.addr = {0xfd, 0x99}, .family = 6, .prefix = 16};
	const struct network *network;

	fixture_network(f, 0, tunnel_set_vni, NULL);
	fixture_port_change(f, UPLINK, tunnel_make_uplink, NULL);
	network = dp_network(f->dp, 0); // each change publishes a copy
	make_vtep(&tunnel_item, 1, UPLINK, tunnel_end(is_v6, 1));
	tunnel_item.vtep.kind = kind;
	tunnel_item.vtep.flags = flags;
	if (kind != CW_TUNNEL_VXLAN)
		tunnel_item.vtep.udp_port = kind == CW_TUNNEL_UDP ? 8285 : 0;
	assert_int_equal(vtep_set(f->dp->vteps, &tunnel_item.vtep), 0);
	tunnel_set_nexthop(f, make_nexthop(&tunnel_item, UNDERLAY, 0, UPLINK));
	tunnel_set_nexthop(
		f, make_tunnel(&tunnel_item, TUNNEL, 0, 1, tunnel_end(is_v6, 2), UNDERLAY));
	network = dp_network(f->dp, 0);
	assert_int_equal(lpm_set(network->routes4, prefix4.addr, prefix4.prefix, TUNNEL), 0);
	assert_int_equal(lpm_set(network->routes6, prefix6.addr, prefix6.prefix, TUNNEL), 0);
}

#endif
