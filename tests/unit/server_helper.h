/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SERVER_HELPER_H
#define TESTS_SERVER_HELPER_H

// For tests of the server: builders of wire objects, and a port driver that opens anything. Ports
// of kind memif are served by it, until there is a driver of that kind.

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define FAKE_KIND CW_PORT_MEMIF

// Room for the largest object.
union item {
	struct cw_item item;
	struct cw_network network;
	struct cw_port port;
	struct cw_endpoint endpoint;
	struct cw_fdb fdb;
	struct cw_neighbor neighbor;
	struct cw_nexthop nexthop;
	struct cw_route route;
	struct cw_vtep vtep;
	struct cw_flood flood;
	uint64_t room[512];
};

static struct {
	int opens, closes, error;
	enum cw_port_state state;
	int fds[CW_MAX_QUEUES];
	uint16_t n_fds;
	uint32_t ethdev_starts; // 0: ports have no DPDK device, else its id is 10 + the port's
} fake;

static int
fake_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	if (fake.error != 0) {
		snprintf(reason, reason_len, "device %s is gone", config->name);
		return fake.error;
	}
	fake.opens++;
	fake.n_fds = config->n_fds;
	for (uint16_t i = 0; i < config->n_fds; i++)
		fake.fds[i] = config->fds[i];
	port->n_rx = 1;
	port->n_tx = 1;
	port->capabilities = PORT_TX_OFFLOADS | PORT_TX_CHAINS;
	return 0;
}

static void
fake_close(struct port *port)
{
	fake.closes++;
}

static uint16_t
fake_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

static uint16_t
fake_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static int
fake_wake_fd(struct port *port, uint16_t queue)
{
	return -1;
}

static enum cw_port_state
fake_state(struct port *port, char *reason, size_t reason_len)
{
	if (fake.state != CW_PORT_UP)
		snprintf(reason, reason_len, "no carrier");
	return fake.state;
}

static uint16_t
fake_descriptors(struct port *port, int *fds, uint16_t max)
{
	memcpy(fds, fake.fds, fake.n_fds * sizeof(fds[0]));
	return fake.n_fds;
}

static bool
fake_ethdev(struct port *port, struct port_ethdev *ethdev)
{
	*ethdev =
		(struct port_ethdev){.id = (uint16_t)(10 + port->id), .starts = fake.ethdev_starts};
	return fake.ethdev_starts != 0;
}

static const struct port_driver fake_driver = {
	.name = "fake",
	.kinds = 1u << FAKE_KIND | 1u << CW_PORT_VHOST_USER,
	.open = fake_open,
	.close = fake_close,
	.rx = fake_rx,
	.tx = fake_tx,
	.wake_fd = fake_wake_fd,
	.state = fake_state,
	.descriptors = fake_descriptors,
	.ethdev = fake_ethdev,
};

static inline void
fake_reset(void)
{
	port_driver_register(&fake_driver);
	memset(&fake, 0, sizeof(fake));
	fake.state = CW_PORT_UP;
}

static inline struct cw_ip
make_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t prefix)
{
	return (struct cw_ip){.addr = {a, b, c, d}, .family = 4, .prefix = prefix};
}

static inline void
make_mac(uint8_t mac[6], uint8_t last)
{
	const uint8_t value[6] = {2, 0, 0, 0, 9, last};

	memcpy(mac, value, sizeof(value));
}

// Router address 10.<id>.0.1/16.
static inline const struct cw_item *
make_network(union item *item, uint32_t id)
{
	memset(item, 0, sizeof(*item));
	item->network = (struct cw_network){
		.item = {.type = CW_ITEM_NETWORK},
		.id = id,
		.vni = id,
		.mtu = 1500,
		.n_addresses = 1,
	};
	make_mac(item->network.router_mac, 0xfe);
	snprintf(item->network.name, sizeof(item->network.name), "net%u", id);
	item->network.addresses[0] = make_ip4(10, (uint8_t)id, 0, 1, 16);
	item->item.length =
		(uint16_t)CW_ALIGN8(offsetof(struct cw_network, addresses) + sizeof(struct cw_ip));
	return &item->item;
}

static inline const struct cw_item *
make_port(union item *item, uint32_t id, uint32_t network)
{
	memset(item, 0, sizeof(*item));
	item->port = (struct cw_port){
		.item = {.type = CW_ITEM_PORT, .length = sizeof(item->port)},
		.id = id,
		.network = network,
		.kind = FAKE_KIND,
		.generation = 1,
	};
	snprintf(item->port.name, sizeof(item->port.name), "pod%u", id);
	return &item->item;
}

// MAC 02:00:00:00:09:<port>, address 10.<network>.0.<port>.
static inline const struct cw_item *
make_endpoint(union item *item, uint32_t port, uint32_t network)
{
	memset(item, 0, sizeof(*item));
	item->endpoint = (struct cw_endpoint){
		.item = {.type = CW_ITEM_ENDPOINT},
		.port = port,
		.network = network,
		.n_ips = 1,
	};
	make_mac(item->endpoint.mac, (uint8_t)port);
	item->endpoint.ips[0] = make_ip4(10, (uint8_t)network, 0, (uint8_t)port, 32);
	item->item.length =
		(uint16_t)CW_ALIGN8(offsetof(struct cw_endpoint, ips) + sizeof(struct cw_ip));
	return &item->item;
}

static inline const struct cw_item *
make_fdb(union item *item, uint32_t network, uint8_t mac, uint32_t port)
{
	memset(item, 0, sizeof(*item));
	item->fdb = (struct cw_fdb){
		.item = {.type = CW_ITEM_FDB, .length = sizeof(item->fdb)},
		.network = network,
		.port = port,
	};
	make_mac(item->fdb.mac, mac);
	return &item->item;
}

// 10.<network>.0.<last> is at 02:00:00:00:09:<last>.
static inline const struct cw_item *
make_neighbor(union item *item, uint32_t network, uint8_t last, uint32_t port)
{
	memset(item, 0, sizeof(*item));
	item->neighbor = (struct cw_neighbor){
		.item = {.type = CW_ITEM_NEIGHBOR, .length = sizeof(item->neighbor)},
		.network = network,
		.port = port,
		.ip = make_ip4(10, (uint8_t)network, 0, last, 32),
	};
	make_mac(item->neighbor.mac, last);
	return &item->item;
}

static inline const struct cw_item *
make_nexthop(union item *item, uint32_t id, uint32_t network, uint32_t port)
{
	memset(item, 0, sizeof(*item));
	item->nexthop = (struct cw_nexthop){
		.item = {.type = CW_ITEM_NEXTHOP,
			.length = CW_ALIGN8(offsetof(struct cw_nexthop, members))},
		.id = id,
		.network = network,
		.kind = CW_NEXTHOP_PORT,
		.port = port,
	};
	make_mac(item->nexthop.mac, 0x77);
	return &item->item;
}

// VXLAN on port 8472.
static inline const struct cw_item *
make_vtep(union item *item, uint32_t id, uint32_t port, struct cw_ip address)
{
	memset(item, 0, sizeof(*item));
	item->vtep = (struct cw_vtep){
		.item = {.type = CW_ITEM_VTEP,
			.length = CW_ALIGN8(offsetof(struct cw_vtep, addresses))},
		.id = id,
		.port = port,
		.kind = CW_TUNNEL_VXLAN,
		.udp_port = 8472,
		.address = address,
	};
	return &item->item;
}

// Inner destination 02:00:00:00:09:88.
static inline const struct cw_item *
make_tunnel(union item *item, uint32_t id, uint32_t network, uint32_t vtep, struct cw_ip remote,
	uint32_t underlay)
{
	make_nexthop(item, id, network, 0);
	item->nexthop.kind = CW_NEXTHOP_TUNNEL;
	item->nexthop.vtep = vtep;
	item->nexthop.via = remote;
	item->nexthop.underlay = underlay;
	make_mac(item->nexthop.mac, 0x88);
	return &item->item;
}

static inline const struct cw_item *
make_flood(union item *item, uint32_t network, uint32_t nexthop)
{
	memset(item, 0, sizeof(*item));
	item->flood = (struct cw_flood){
		.item = {.type = CW_ITEM_FLOOD, .length = sizeof(item->flood)},
		.network = network,
		.nexthop = nexthop,
	};
	return &item->item;
}

static inline const struct cw_item *
make_route(union item *item, uint32_t network, struct cw_ip prefix, uint32_t nexthop)
{
	memset(item, 0, sizeof(*item));
	item->route = (struct cw_route){
		.item = {.type = CW_ITEM_ROUTE, .length = sizeof(item->route)},
		.network = network,
		.prefix = prefix,
		.nexthop = nexthop,
	};
	return &item->item;
}

// Port of a static FDB entry, or 0.
static inline uint16_t
fdb_port(const struct dataplane *dp, uint16_t network, uint8_t mac)
{
	struct rte_ether_addr address;
	struct fdb_entry entry;
	fdb_key key;

	make_mac(address.addr_bytes, mac);
	key = fdb_make_key(network, &address);
	return fdb_lookup_bulk(dp->fdb, &key, 1, &entry) != 0 ? entry.port : 0;
}

static inline const struct neighbor *
neighbor_at(const struct dataplane *dp, uint16_t network, uint8_t last)
{
	const struct cw_ip ip = make_ip4(10, (uint8_t)network, 0, last, 32);
	rte_be32_t word;

	memcpy(&word, ip.addr, sizeof(word));
	return neighbor_lookup4(dp->neighbors, network, word);
}

static inline uint32_t
route_at(const struct dataplane *dp, uint16_t network, struct cw_ip ip)
{
	return lpm_lookup(dp_network(dp, network)->routes4, ip.addr);
}

static inline bool
flooded_to(const struct dataplane *dp, uint16_t network, uint16_t port)
{
	const struct flood_list *flood = dp_network(dp, network)->flood;

	for (uint16_t i = 0; i < flood->n; i++)
		if (flood->port[i] == port)
			return true;
	return false;
}

#endif
