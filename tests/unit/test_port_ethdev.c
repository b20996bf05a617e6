/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_ring.h>

#include "arguments.h"
#include "ethdev_offload.h"
#include "port_fixture.h"

static struct port_config
config_of(const struct port_fixture *f, uint8_t kind, const char *args)
{
	struct port_config config = make_config(f, kind, NULL, 0);

	config.args = args;
	return config;
}

static void
test_arguments(void **state)
{
	char value[8];
	uint32_t number = 7;

	assert_int_equal(arguments_get(NULL, "a", 0, value, sizeof(value)), -ENOENT);
	assert_int_equal(arguments_get("", "a", 0, value, sizeof(value)), -ENOENT);
	assert_int_equal(arguments_get("aa=1,a=2,a=3", "a", 0, value, sizeof(value)), 0);
	assert_string_equal(value, "2");
	assert_int_equal(arguments_get("aa=1,a=2,a=3", "a", 1, value, sizeof(value)), 0);
	assert_string_equal(value, "3");
	assert_int_equal(arguments_get("aa=1,a=2,a=3", "a", 2, value, sizeof(value)), -ENOENT);
	assert_int_equal(arguments_get("a=", "a", 0, value, sizeof(value)), -EINVAL);
	assert_int_equal(arguments_get("a=12345678", "a", 0, value, sizeof(value)), -EINVAL);
	assert_int_equal(arguments_get(",,=,a", "a", 0, value, sizeof(value)), -ENOENT);
	assert_int_equal(arguments_uint("n=4294967295", "n", &number), 0);
	assert_int_equal(number, UINT32_MAX);
	assert_int_equal(arguments_uint("n=4294967296", "n", &number), -EINVAL);
	assert_int_equal(arguments_uint("n=-1", "n", &number), -EINVAL);
	assert_int_equal(arguments_uint("n=1x", "n", &number), -EINVAL);
	assert_int_equal(arguments_uint("m=1", "n", &number), -ENOENT);
}

static void
test_refused(void **state)
{
	static const struct {
		uint8_t kind;
		const char *args;
		int error;
	} table[] = {
		{CW_PORT_NULL, NULL, -EINVAL},
		{CW_PORT_NULL, "", -EINVAL},
		{CW_PORT_NULL, "net_tap0,iface=x", -EINVAL}, // the kind's own devices only
		{CW_PORT_RING, "net_null0", -EINVAL},
		{CW_PORT_PCAP, "net_null0", -EINVAL},
		{CW_PORT_RING, "ring:rx=absent,tx=absent", -ENOENT},
		{CW_PORT_RING, "ring:", -EINVAL},
		{CW_PORT_RING, "ring:rx=", -EINVAL},
		{CW_PORT_NULL,
			"net_null_with_a_name_that_is_longer_than_any_device_name_of_dpdk_could_be",
			-EINVAL},
	};
	struct port_fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		struct port_config config = config_of(f, table[i].kind, table[i].args);

		assert_refused(&config, table[i].error);
	}
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void
test_null(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config = config_of(f, CW_PORT_NULL, "net_null0,size=100");
	struct rte_mbuf *pkts[PORT_BURST];
	enum port_tx_stop stop;
	char reason[64];

	// Twice: closing leaves nothing of the device.
	for (int i = 0; i < 2; i++) {
		struct port *port = open_port(&config);

		assert_refused(&config, -EEXIST);
		assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_UP);
		assert_int_equal(port->driver->wake_fd(port, 0), -1);
		assert_int_equal(port_rx(port, 0, pkts, PORT_BURST), PORT_BURST);
		assert_int_equal(pkts[9]->pkt_len, 100);
		assert_int_equal(port_tx(port, 0, pkts, PORT_BURST, &stop), PORT_BURST);
		port_close(port);
		assert_int_equal(rte_eth_dev_count_avail(), 0);
	}
	assert_no_leak(f);
}

static void
test_net_ring(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config = config_of(f, CW_PORT_RING, "net_ring0");
	struct port *port = open_port(&config);
	struct rte_mbuf *m = make_udp4(f, 9, 100, false, 0), *back = NULL;

	transmit(port, m); // net_ring0 loops back
	assert_int_equal(port_rx(port, 0, &back, 1), 1);
	assert_ptr_equal(back, m);
	rte_pktmbuf_free(back);
	port_close(port);
	assert_no_leak(f);
}

static void
test_own_rings(void **state)
{
	struct port_fixture *f = *state;
	struct rte_ring *in = rte_ring_create("in", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	struct rte_ring *in2 = rte_ring_create("in2", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	struct rte_ring *out = rte_ring_create("out", 4, SOCKET_ID_ANY, 0);
	struct port_config config = config_of(f, CW_PORT_RING, "ring:rx=in,rx=in2,tx=out");
	struct port *port = open_port(&config);
	struct rte_mbuf *pkts[4], *back[4];
	enum port_tx_stop stop = PORT_TX_DOWN;

	assert_int_equal(port->n_rx, 2);
	assert_int_equal(port->n_tx, 1);
	assert_true((port->capabilities & PORT_TX_QUEUE_SHARED) != 0);
	for (int i = 0; i < 4; i++)
		pkts[i] = make_udp4(f, 9, 60000, false, 0);
	assert_int_equal(rte_ring_enqueue(in2, pkts[0]), 0);
	assert_int_equal(port_rx(port, 0, back, 4), 0);
	assert_int_equal(port_rx(port, 1, back, 4), 1);
	assert_ptr_equal(back[0], pkts[0]);
	assert_int_equal(port_tx(port, 0, pkts, 4, &stop), 3); // a ring holds one less
	assert_int_equal(stop, PORT_TX_FULL);
	port_close(port);
	assert_int_equal(rte_ring_dequeue_burst(out, (void **)back, 4, NULL), 3);
	rte_pktmbuf_free_bulk(pkts, 4);
	rte_ring_free(in);
	rte_ring_free(in2);
	rte_ring_free(out);
	assert_no_leak(f);
}

static long
file_size(const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	fclose(file);
	return size;
}

// What one port wrote to a file, another reads from it.
static void
test_pcap(void **state)
{
	struct port_fixture *f = *state;
	char folder[] = "/tmp/cw-port-pcap-XXXXXX", args[256], path[64], empty[64];
	struct port_config config = config_of(f, CW_PORT_PCAP, args);
	struct rte_mbuf *m, *read = NULL;
	struct port *port;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/out.pcap", folder);
	snprintf(empty, sizeof(empty), "%s/none.pcap", folder);
	snprintf(args, sizeof(args), "net_pcap0,rx_pcap=%s,tx_pcap=%s", empty, path);
	assert_refused(&config, -1); // no such file
	snprintf(args, sizeof(args), "net_pcap0,tx_pcap=%s", path);
	port = open_port(&config);
	m = make_udp4(f, 9, 3000, false, 0); // a chain
	transmit(port, m);
	port_close(port);
	assert_int_equal(file_size(path), 24 + 16 + 3042);

	snprintf(args, sizeof(args), "net_pcap0,rx_pcap=%s", path);
	port = open_port(&config);
	m = make_udp4(f, 9, 3000, false, 0);
	assert_int_equal(port_rx(port, 0, &read, 1), 1);
	assert_int_equal(read->pkt_len, 3042);
	assert_memory_equal(flat(read), rte_pktmbuf_mtod(m, const void *), m->data_len);
	rte_pktmbuf_free(read);
	rte_pktmbuf_free(m);
	port_close(port);
	unlink(path);
	rmdir(folder);
	assert_no_leak(f);
}

#define TCP_UDP (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define TUNNEL (TCP_UDP | RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM)

// A capability needs all that it stands on, and just that is asked for.
static void
test_offloads(void **state)
{
	static const struct {
		uint64_t has, asked;
		uint32_t capabilities;
	} table[] = {
		{0, 0, 0},
		{RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE,
			RTE_ETH_TX_OFFLOAD_MULTI_SEGS, 0},
		{RTE_ETH_TX_OFFLOAD_TCP_CKSUM, 0, 0},
		{TCP_UDP, TCP_UDP, PORT_TX_CHECKSUM},
		{TCP_UDP | RTE_ETH_TX_OFFLOAD_TCP_TSO, TCP_UDP, PORT_TX_CHECKSUM},
		{TCP_UDP | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
			TCP_UDP | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
			PORT_TX_CHECKSUM | PORT_TX_TSO4 | PORT_TX_TSO6},
		{TCP_UDP | RTE_ETH_TX_OFFLOAD_UDP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
			TCP_UDP | RTE_ETH_TX_OFFLOAD_UDP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
			PORT_TX_CHECKSUM | PORT_TX_USO},
		{TUNNEL, TUNNEL, PORT_TX_CHECKSUM | PORT_TX_TUNNEL_CHECKSUM},
		{TCP_UDP | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO, TCP_UDP, PORT_TX_CHECKSUM},
		{TUNNEL | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
			TUNNEL | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
			PORT_TX_CHECKSUM | PORT_TX_TUNNEL_CHECKSUM | PORT_TX_TUNNEL_TSO},
		{TUNNEL | RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM,
			TUNNEL | RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM,
			PORT_TX_CHECKSUM | PORT_TX_TUNNEL_CHECKSUM | PORT_TX_TUNNEL_OUTER_CHECKSUM},
	};

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		assert_int_equal(ethdev_offload_capabilities(table[i].has),
			table[i].capabilities | PORT_TX_CHAINS);
		assert_int_equal(ethdev_offload_wanted(table[i].has), table[i].asked);
	}
}

// DPDK wants to be told of the IPv4 headers that change with each segment.
static void
test_offload_description(void **state)
{
	const uint64_t outer = RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_TUNNEL_VXLAN;
	const uint64_t inner = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
	struct rte_mbuf m = {.ol_flags = inner | outer};

	ethdev_offload_describe(&m);
	assert_int_equal(m.ol_flags, inner | outer);
	m.ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	ethdev_offload_describe(&m);
	assert_int_equal(m.ol_flags, inner | outer | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM
					     | RTE_MBUF_F_TX_OUTER_IP_CKSUM);
	m.ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV6
		     | RTE_MBUF_F_TX_OUTER_IPV6;
	ethdev_offload_describe(&m);
	assert_int_equal(m.ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_OUTER_IP_CKSUM), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_net_ring),
		cmocka_unit_test(test_own_rings),
		cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_offloads),
		cmocka_unit_test(test_offload_description),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
