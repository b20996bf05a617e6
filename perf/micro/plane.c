/* SPDX-License-Identifier: Apache-2.0 */
#include "plane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ring.h>

#include "events.h"
#include "plane_private.h"
#include "port.h"
#include "tables/fdb.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"
#include "tables/vtep.h"
#include "worker_control.h"

#define MBUFS 8191
#define JUMBOS 63
#define JUMBO_ROOM (UINT16_MAX - RTE_PKTMBUF_HEADROOM)
#define MEMORY_MIB 400 // unless CAUSEWAY_MICRO_MIB says otherwise
#define ROUTE_NEXTHOP 100
#define FREE_HUGEPAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

void
plane_fail(const char *what)
{
	fprintf(stderr, "micro benchmark: %s (%s)\n", what, rte_strerror(rte_errno));
	abort();
}

static void *
must(void *made, const char *what)
{
	if (made == NULL)
		plane_fail(what);
	return made;
}

static long
memory_mib(void)
{
	const char *text = getenv("CAUSEWAY_MICRO_MIB");

	return text != NULL && atol(text) > 0 ? atol(text) : MEMORY_MIB;
}

bool
plane_has_hugepages(void)
{
	FILE *file = fopen(FREE_HUGEPAGES, "re");
	static int known = -1;
	long pages = 0;

	if (file != NULL && known < 0 && fscanf(file, "%ld", &pages) == 1)
		known = pages >= memory_mib() / 2 + 8 && getenv("CAUSEWAY_NO_HUGE") == NULL;
	if (file != NULL)
		fclose(file);
	return known > 0;
}

static void
start_eal(void)
{
	char memory[24];
	const char *options[] = {"micro",
		plane_has_hugepages() && getenv("CAUSEWAY_NO_HUGE") == NULL ? "--in-memory"
									    : "--no-huge",
		"-m", memory, "--no-pci", "--no-telemetry", "--log-level=error", "-l", "0"};
	static char *kept[RTE_DIM(options)]; // EAL writes into args and keeps the strings
	char *args[RTE_DIM(options)];

	snprintf(memory, sizeof(memory), "%ld", memory_mib());
	for (size_t i = 0; i < RTE_DIM(options); i++)
		args[i] = kept[i] = must(strdup(options[i]), "no memory");
	if (rte_eal_init((int)RTE_DIM(args), args) < 0)
		plane_fail("EAL does not start");
	if (graph_init() != 0)
		plane_fail("the graph does not resolve");
}

static void
make_tables(struct dataplane *dp)
{
	size_t size = rte_rcu_qsbr_get_memsize(CW_MAX_WORKERS);

	dp->qsbr = must(aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size)), "qsbr");
	rte_rcu_qsbr_init(dp->qsbr, CW_MAX_WORKERS);
	dp->events = must(rte_ring_create_elem("events", sizeof(struct dp_event), 1024,
				  SOCKET_ID_ANY, RING_F_SC_DEQ),
		"events");
	dp->fdb = must(fdb_create(16384, dp->qsbr, SOCKET_ID_ANY), "fdb");
	dp->neighbors = must(neighbors_create(dp, 8192, SOCKET_ID_ANY), "neighbors");
	dp->vteps = must(vteps_create(dp, SOCKET_ID_ANY), "vteps");
	dp->nexthops = must(nexthops_create(dp, SOCKET_ID_ANY), "nexthops");
	dp->lpm = must(lpm_create(64 << 20, dp->qsbr, SOCKET_ID_ANY), "lpm");
}

struct cw_ip
plane_ip4(uint32_t host_order, uint8_t prefix)
{
	struct cw_ip ip = {.family = 4, .prefix = prefix};
	rte_be32_t be = rte_cpu_to_be_32(host_order);

	memcpy(ip.addr, &be, sizeof(be));
	return ip;
}

static struct cw_ip
ip4(uint32_t host_order)
{
	return plane_ip4(host_order, 16);
}

static struct cw_ip
ip6(uint8_t last)
{
	return (struct cw_ip){.addr = {0xfd, 0, 0, 1, [15] = last}, .family = 6, .prefix = 64};
}

static void
make_network(struct dataplane *dp, uint16_t id)
{
	struct flood_list *flood =
		must(calloc(1, sizeof(*flood) + PLANE_PORTS * sizeof(uint16_t)), "flood");
	struct network *network = must(calloc(1, sizeof(*network)), "network");

	*network = (struct network){
		.id = id,
		.mtu = CW_MTU_DEFAULT,
		.vni = id + 1u,
		.router_mac = {{2, 0, 0, 0, (uint8_t)id, 1}},
		.learning = id == 1,
		.flood = flood,
		.routes4 = must(lpm_table_create(dp->lpm, 32), "routes"),
		.routes6 = must(lpm_table_create(dp->lpm, 128), "routes"),
		.n_addresses = 2,
		.addresses = {ip4(RTE_IPV4(10, 1, 0, 1)), ip6(1)},
	};
	for (uint16_t port = PLANE_IN; id == 0 && port <= PLANE_SMALL; port++)
		flood->port[flood->n++] = port;
	dp->networks[id] = network;
	for (int i = 0; i < network->n_addresses; i++)
		neighbor_set(dp->neighbors, NEIGHBOR_ROUTER, id, &network->addresses[i],
			&network->router_mac, 0);
}

static void
make_port(struct plane *plane, uint16_t id)
{
	struct dp_port *port = must(calloc(1, sizeof(*port) + sizeof(struct cw_tag)), "port");
	uint32_t capabilities = id == PLANE_PLAIN ? 0 : PORT_TX_OFFLOADS | PORT_TX_CHAINS;

	*port = (struct dp_port){
		.id = id,
		.network = id == PLANE_LEARNING || id == PLANE_TRUNK,
		.mtu = id == PLANE_SMALL ? 600 : CW_MTU_DEFAULT,
		.kind = CW_PORT_VHOST_USER,
		.guard = id == PLANE_IN ? CW_GUARD_ALL : 0,
		.capabilities = capabilities,
		.mac = {{2, 0, 0, 0, 1, (uint8_t)id}},
		.n_ips = 2,
		.ips = {ip4(RTE_IPV4(10, 1, 0, 0) + id), ip6((uint8_t)id)},
		.device = plane_device(plane, id, capabilities),
	};
	if (id == PLANE_TRUNK) {
		port->n_trunk = 1;
		port->trunk[0] = (struct cw_tag){.vlan = 7};
	}
	if (worker_port_attach(plane->dp, port->device) != 0)
		plane_fail("port is not attached");
	plane->dp->ports[id] = port;
	if (id == PLANE_UPLINK) { // no endpoint
		port->flags = CW_PORT_UPLINK;
		port->origin = PACKET_FROM_UPLINK;
		port->mtu = CW_MTU_DEFAULT + 100;
		return;
	}
	fdb_set(plane->dp->fdb, port->network, &port->mac, id, false, 0);
	for (int i = 0; i < port->n_ips; i++)
		neighbor_set(plane->dp->neighbors, NEIGHBOR_ENDPOINT, port->network, &port->ips[i],
			&port->mac, id);
}

void
plane_mac(uint32_t i, uint8_t mac[6])
{
	const uint8_t bytes[6] = {2, 0, 1, 0, (uint8_t)(i >> 8), (uint8_t)i};

	memcpy(mac, bytes, sizeof(bytes));
}

static void
add_macs(struct dataplane *dp)
{
	struct rte_ether_addr mac;

	for (uint32_t i = 0; i < PLANE_MACS_MAX; i++) {
		plane_mac(i, mac.addr_bytes);
		if (fdb_set(dp->fdb, 0, &mac, PLANE_OUT, false, 0) != 0)
			plane_fail("fdb is full");
	}
}

uint32_t
plane_block(uint32_t i)
{
	return RTE_IPV4(20, 0, 0, 0) + (i * 40503 % 65536 << 8);
}

void
plane_routes(struct plane *plane, uint32_t n)
{
	struct cw_nexthop object = {.id = ROUTE_NEXTHOP,
		.kind = CW_NEXTHOP_PORT,
		.port = PLANE_OUT,
		.mac = {2, 0, 0, 0, 1, PLANE_OUT}};

	if (nexthop_set(plane->dp->nexthops, &object) != 0)
		plane_fail("no next hop");
	for (uint32_t i = 0; i < n; i++) {
		struct cw_ip ip = ip4(RTE_IPV4(10, 2, 0, 0) + i);

		if (lpm_set(plane->dp->networks[0]->routes4, ip.addr, 32, ROUTE_NEXTHOP) != 0)
			plane_fail("no room for routes");
		ip = ip4(plane_block(i));
		if (lpm_set(plane->dp->networks[0]->routes4, ip.addr, 24, ROUTE_NEXTHOP) != 0)
			plane_fail("no room for routes");
	}
}

struct plane *
plane_create(void)
{
	const struct worker_config config = {.socket_id = SOCKET_ID_ANY, .poll = true};
	struct plane *plane = must(calloc(1, sizeof(*plane)), "no memory");

	start_eal();
	plane->dp = must(calloc(1, sizeof(*plane->dp)), "no memory");
	plane->mbufs = must(rte_pktmbuf_pool_create("mbufs", MBUFS, 256, 0,
				    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY),
		"mbufs");
	plane->jumbos =
		must(rte_pktmbuf_pool_create("jumbos", JUMBOS, 0, 0, JUMBO_ROOM, SOCKET_ID_ANY),
			"jumbos");
	make_tables(plane->dp);
	plane->w =
		must(worker_create(plane->dp, 0, &config, plane->mbufs, plane->jumbos), "worker");
	plane->dp->workers[0] = plane->w;
	plane->dp->n_workers = 1;
	make_network(plane->dp, 0);
	make_network(plane->dp, 1);
	for (uint16_t id = PLANE_IN; id < PLANE_PORTS; id++)
		make_port(plane, id);
	add_macs(plane->dp);
	return plane;
}
