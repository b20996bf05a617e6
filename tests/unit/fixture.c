/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ring.h>
#include <rte_udp.h>

#include "events.h"
#include "worker_control.h"

#define MBUFS 8191
#define JUMBOS 63
#define JUMBO_ROOM (UINT16_MAX - RTE_PKTMBUF_HEADROOM)

// A device that keeps what is sent to it.
struct sink {
	struct port port;
	uint16_t n;
	struct rte_mbuf *sent[FIXTURE_SENT_MAX];
};

static struct sink *sinks[CW_MAX_PORTS];

static uint16_t
sink_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

static uint16_t
sink_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct sink *sink = port->priv;
	uint16_t done = 0;

	while (done < n && sink->n < FIXTURE_SENT_MAX)
		sink->sent[sink->n++] = pkts[done++];
	*stop = PORT_TX_FULL;
	return done;
}

static const struct port_driver sink_driver = {.name = "sink", .rx = sink_rx, .tx = sink_tx};

static void
start_eal(void)
{
	static bool started;
	char prefix[64];
	const char *const options[] = {"fixture", "--no-huge", "-m", "512", "--no-pci",
		"--no-telemetry", "--log-level=error", "--file-prefix", prefix, "-l", "0"};
	static char *kept[RTE_DIM(options)]; // EAL writes into args and keeps the strings
	char *args[RTE_DIM(options)];

	if (started)
		return;
	snprintf(prefix, sizeof(prefix), "cw-unit-%d", (int)getpid());
	for (size_t i = 0; i < RTE_DIM(options); i++)
		args[i] = kept[i] = strdup(options[i]);
	if (rte_eal_init((int)RTE_DIM(args), args) < 0) {
		fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
		abort();
	}
	assert_int_equal(graph_init(), 0);
	started = true;
}

static void
make_tables(struct dataplane *dp)
{
	size_t size = rte_rcu_qsbr_get_memsize(CW_MAX_WORKERS);

	dp->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));
	assert_non_null(dp->qsbr);
	assert_int_equal(rte_rcu_qsbr_init(dp->qsbr, CW_MAX_WORKERS), 0);
	dp->events = rte_ring_create_elem(
		"fixture events", sizeof(struct dp_event), 1024, SOCKET_ID_ANY, RING_F_SC_DEQ);
	dp->fdb = fdb_create(8192, dp->qsbr, SOCKET_ID_ANY);
	dp->neighbors = neighbors_create(dp, 8192, SOCKET_ID_ANY);
	dp->vteps = vteps_create(dp, SOCKET_ID_ANY);
	dp->nexthops = nexthops_create(dp, SOCKET_ID_ANY);
	dp->lpm = lpm_create(64 << 20, dp->qsbr, SOCKET_ID_ANY);
	assert_non_null(dp->events);
	assert_non_null(dp->fdb);
	assert_non_null(dp->neighbors);
	assert_non_null(dp->vteps);
	assert_non_null(dp->nexthops);
	assert_non_null(dp->lpm);
}

static struct cw_ip
ip4(uint32_t host_order, uint8_t prefix)
{
	struct cw_ip ip = {.family = 4, .prefix = prefix};
	rte_be32_t be = rte_cpu_to_be_32(host_order);

	memcpy(ip.addr, &be, sizeof(be));
	return ip;
}

static struct cw_ip
ip6(uint16_t last, uint8_t prefix)
{
	struct cw_ip ip = {.addr = {0xfd, 0, 0, 1}, .family = 6, .prefix = prefix};

	ip.addr[14] = (uint8_t)(last >> 8);
	ip.addr[15] = (uint8_t)last;
	return ip;
}

static void
add_router_addresses(struct network *network, void *arg)
{
	network->n_addresses = 2;
	network->addresses[0] = ip4(RTE_IPV4(10, 1, 0, 1), 16);
	network->addresses[1] = ip6(1, 64);
}

static void
add_default_network(struct fixture *f)
{
	struct network *network = fixture_network(f, 0, add_router_addresses, NULL);
	uint8_t *prefix;

	for (int i = 0; i < network->n_addresses; i++)
		assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_ROUTER, 0,
					 &network->addresses[i], &network->router_mac, 0),
			0);
	prefix = network->addresses[0].addr;
	assert_int_equal(lpm_set(network->routes4, prefix, 16, NEXTHOP_OWN_CONNECTED(0)), 0);
	prefix = network->addresses[1].addr;
	assert_int_equal(lpm_set(network->routes6, prefix, 64, NEXTHOP_OWN_CONNECTED(0)), 0);
}

int
fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct worker_config config = {.socket_id = SOCKET_ID_ANY, .poll = true};

	start_eal();
	f->dp = calloc(1, sizeof(*f->dp));
	f->mbufs = rte_pktmbuf_pool_create(
		"fixture mbufs", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	f->jumbos =
		rte_pktmbuf_pool_create("fixture jumbos", JUMBOS, 0, 0, JUMBO_ROOM, SOCKET_ID_ANY);
	assert_non_null(f->mbufs);
	assert_non_null(f->jumbos);
	make_tables(f->dp);
	f->w = worker_create(f->dp, 0, &config, f->mbufs, f->jumbos);
	assert_non_null(f->w);
	f->w->express = f->w->express && getenv("CAUSEWAY_EXPRESS") != NULL;
	f->dp->workers[0] = f->w;
	f->dp->n_workers = 1;
	add_default_network(f);
	*state = f;
	return 0;
}

static void
free_network(struct network *network)
{
	lpm_table_free(network->routes4);
	lpm_table_free(network->routes6);
	free((void *)(uintptr_t)network->flood);
	free(network);
}

int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	for (uint32_t id = 1; id < CW_MAX_PORTS; id++)
		if (f->dp->ports[id] != NULL)
			fixture_port_del(f, (uint16_t)id);
	for (uint32_t id = 0; id < CW_MAX_NETWORKS; id++)
		if (f->dp->networks[id] != NULL)
			free_network(f->dp->networks[id]);
	rcu_poll(f->dp);
	nexthops_free(f->dp->nexthops);
	vteps_free(f->dp->vteps);
	neighbors_free(f->dp->neighbors);
	fdb_free(f->dp->fdb);
	rcu_poll(f->dp);
	lpm_free(f->dp->lpm);
	worker_free(f->w);
	rte_ring_free(f->dp->events);
	rte_mempool_free(f->mbufs);
	rte_mempool_free(f->jumbos);
	free(f->dp->qsbr);
	free(f->dp);
	free(f);
	return 0;
}

struct network *
fixture_network(
	struct fixture *f, uint16_t id, void (*fn)(struct network *network, void *arg), void *arg)
{
	struct network *old = f->dp->networks[id], *network = calloc(1, sizeof(*network));

	assert_non_null(network);
	if (old != NULL) {
		*network = *old;
	} else {
		network->id = id;
		network->mtu = CW_MTU_DEFAULT;
		network->vni = id + 1u;
		network->router_mac = (struct rte_ether_addr){{2, 0, 0, 0, (uint8_t)id, 1}};
		network->flood = calloc(1, sizeof(struct flood_list));
		network->routes4 = lpm_table_create(f->dp->lpm, 32);
		network->routes6 = lpm_table_create(f->dp->lpm, 128);
		assert_non_null(network->routes4);
		assert_non_null(network->routes6);
	}
	if (fn != NULL)
		fn(network, arg);
	f->dp->networks[id] = network;
	neighbors_refresh(f->dp->neighbors, id);
	free(old);
	return network;
}

// The ports of a network that are not barred from flooding.
static void
rebuild_flood(struct network *network, void *arg)
{
	struct fixture *f = arg;
	struct flood_list *flood =
		calloc(1, sizeof(*flood) + CW_MAX_PORTS * sizeof(flood->port[0]));

	for (uint32_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct dp_port *p = f->dp->ports[id];

		if (p != NULL
			&& (p->flags & (CW_PORT_NO_FLOOD | CW_PORT_ROUTED | CW_PORT_SHARED_TAG))
				   == 0
			&& (p->network == network->id || dp_port_tag(p, network->id) != 0))
			flood->port[flood->n++] = (uint16_t)id;
	}
	free((void *)(uintptr_t)network->flood);
	network->flood = flood;
}

static void
rebuild_floods(struct fixture *f)
{
	for (uint32_t id = 0; id < CW_MAX_NETWORKS; id++)
		if (f->dp->networks[id] != NULL)
			fixture_network(f, (uint16_t)id, rebuild_flood, f);
}

static struct port *
sink_open(struct fixture *f, uint16_t id)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	assert_non_null(sink);
	sink->port = (struct port){
		.driver = &sink_driver,
		.id = id,
		.mtu = CW_MTU_DEFAULT,
		.n_rx = 1,
		.n_tx = 1,
		.capabilities = PORT_TX_OFFLOADS | PORT_TX_CHAINS,
		.socket_id = SOCKET_ID_ANY,
		.priv = sink,
	};
	sinks[id] = sink;
	assert_int_equal(worker_port_attach(f->dp, &sink->port), 0);
	return &sink->port;
}

void
fixture_port(struct fixture *f, uint16_t id)
{
	struct dp_port *p = calloc(1, sizeof(*p) + CW_MAX_TRUNK * sizeof(struct cw_tag));

	assert_non_null(p);
	p->id = id;
	p->mtu = CW_MTU_DEFAULT;
	p->kind = CW_PORT_TAP;
	p->device = sink_open(f, id);
	p->capabilities = p->device->capabilities;
	p->mac = (struct rte_ether_addr){{2, 0, 0, 0, 1, (uint8_t)id}};
	p->n_ips = 2;
	p->ips[0] = ip4(RTE_IPV4(10, 1, 0, 0) + id, 32);
	p->ips[1] = ip6(id, 128);
	f->dp->ports[id] = p;
	assert_int_equal(fdb_set(f->dp->fdb, 0, &p->mac, id, false, 0), 0);
	for (int i = 0; i < p->n_ips; i++)
		assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_ENDPOINT, 0, &p->ips[i],
					 &p->mac, id),
			0);
	rebuild_floods(f);
}

void
fixture_port_change(
	struct fixture *f, uint16_t id, void (*fn)(struct dp_port *port, void *arg), void *arg)
{
	struct dp_port *old = f->dp->ports[id];
	size_t size = sizeof(*old) + CW_MAX_TRUNK * sizeof(struct cw_tag);
	struct dp_port *p = malloc(size);

	assert_non_null(old);
	assert_non_null(p);
	memcpy(p, old, size);
	fn(p, arg);
	f->dp->ports[id] = p;
	free(old);
	rebuild_floods(f);
	neighbors_refresh(f->dp->neighbors, p->network);
	nexthops_resolve(f->dp->nexthops);
}

static void
sink_clear(struct sink *sink)
{
	while (sink->n > 0)
		rte_pktmbuf_free(sink->sent[--sink->n]);
}

void
fixture_port_del(struct fixture *f, uint16_t id)
{
	struct dp_port *p = f->dp->ports[id];

	assert_non_null(p);
	f->dp->ports[id] = NULL;
	fdb_del(f->dp->fdb, 0, &p->mac);
	for (int i = 0; i < p->n_ips; i++)
		neighbor_del(f->dp->neighbors, NEIGHBOR_ENDPOINT, 0, &p->ips[i]);
	rebuild_floods(f);
	worker_port_detach(f->dp, id);
	worker_port_forget(f->dp, id);
	rcu_poll(f->dp);
	sink_clear(sinks[id]);
	free(sinks[id]);
	sinks[id] = NULL;
	free(p);
}

uint16_t
fixture_sent(struct fixture *f, uint16_t port)
{
	return sinks[port]->n;
}

struct rte_mbuf *
fixture_sent_packet(struct fixture *f, uint16_t port, uint16_t index)
{
	assert_true(index < sinks[port]->n);
	return sinks[port]->sent[index];
}

void
fixture_sent_clear(struct fixture *f)
{
	for (uint32_t id = 1; id < CW_MAX_PORTS; id++)
		if (sinks[id] != NULL)
			sink_clear(sinks[id]);
}

static struct rte_mbuf *
alloc_segment(struct fixture *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->mbufs);

	assert_non_null(m);
	return m;
}

struct rte_mbuf *
fixture_packet(struct fixture *f, const void *bytes, uint32_t len)
{
	const uint8_t *at = bytes;
	struct rte_mbuf *head = alloc_segment(f), *m = head;

	for (;;) {
		uint16_t some = (uint16_t)RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));

		memcpy(rte_pktmbuf_mtod(m, void *), at, some);
		m->data_len = some;
		at += some;
		len -= some;
		head->pkt_len += some;
		if (len == 0)
			return head;
		m->next = alloc_segment(f);
		m = m->next;
		head->nb_segs++;
	}
}

void
fixture_inject(struct fixture *f, uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	worker_inject(f->w, pkts, n, port);
	worker_flush(f->w);
}

void
fixture_inject_one(struct fixture *f, uint16_t port, const void *bytes, uint32_t len)
{
	struct rte_mbuf *m = fixture_packet(f, bytes, len);

	fixture_inject(f, port, &m, 1);
}

const struct port_counters *
fixture_counters(struct fixture *f, uint16_t port)
{
	assert_non_null(f->w->counters[port]);
	return f->w->counters[port];
}

uint64_t
fixture_drops(struct fixture *f, uint16_t port, const char *reason)
{
	uint16_t id = graph_drop_id(reason);

	if (id == UINT16_MAX)
		fail_msg("no stage drops with reason %s", reason);
	return fixture_counters(f, port)->drops[id];
}

void
fixture_assert_balanced(struct fixture *f)
{
	for (uint32_t id = 0; id < CW_MAX_PORTS; id++) {
		const struct port_counters *c = f->w->counters[id];
		uint64_t out;

		if (c == NULL)
			continue;
		out = c->sent + c->punted + c->held;
		for (uint16_t i = 0; i < graph_n_drops(); i++)
			out += c->drops[i];
		if (c->rx_packets + c->originated + c->replicas + c->segments != out)
			fail_msg("port %u: books do not balance", id);
	}
}

void
fixture_assert_no_leak(struct fixture *f)
{
	assert_int_equal(rte_mempool_in_use_count(f->mbufs), 0);
	assert_int_equal(rte_mempool_in_use_count(f->jumbos), 0);
}

static void
fill_ether(uint8_t *frame, uint16_t from, uint16_t to, const char *dst_mac, uint16_t ether_type)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;

	ether->src_addr = (struct rte_ether_addr){{2, 0, 0, 0, 1, (uint8_t)from}};
	ether->dst_addr = (struct rte_ether_addr){{2, 0, 0, 0, 1, (uint8_t)to}};
	if (dst_mac != NULL)
		assert_int_equal(rte_ether_unformat_addr(dst_mac, &ether->dst_addr), 0);
	ether->ether_type = rte_cpu_to_be_16(ether_type);
}

static struct rte_udp_hdr *
fill_udp(uint8_t *at, uint16_t payload_len)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)at;

	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(1000),
		.dst_port = rte_cpu_to_be_16(2000),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + payload_len)),
	};
	for (uint16_t i = 0; i < payload_len; i++)
		at[sizeof(*udp) + i] = (uint8_t)i;
	return udp;
}

uint16_t
fixture_udp4(uint8_t *frame, uint16_t from, uint16_t to, const char *dst_mac, uint16_t payload_len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + sizeof(struct rte_ether_hdr));
	struct rte_udp_hdr *udp = fill_udp((uint8_t *)(ip + 1), payload_len);
	uint16_t ip_len = (uint16_t)(sizeof(*ip) + sizeof(*udp) + payload_len);

	fill_ether(frame, from, to, dst_mac, RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16(ip_len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 0) + from),
		.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 0) + to),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	return (uint16_t)(sizeof(struct rte_ether_hdr) + ip_len);
}

uint16_t
fixture_udp6(uint8_t *frame, uint16_t from, uint16_t to, const char *dst_mac, uint16_t payload_len)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame + sizeof(struct rte_ether_hdr));
	struct rte_udp_hdr *udp = fill_udp((uint8_t *)(ip + 1), payload_len);
	struct cw_ip src = ip6(from, 128), dst = ip6(to, 128);

	fill_ether(frame, from, to, dst_mac, RTE_ETHER_TYPE_IPV6);
	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = udp->dgram_len,
		.proto = IPPROTO_UDP,
		.hop_limits = 64,
	};
	memcpy(ip->src_addr, src.addr, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, dst.addr, sizeof(ip->dst_addr));
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	return (uint16_t)(sizeof(struct rte_ether_hdr) + sizeof(*ip) + sizeof(*udp) + payload_len);
}
