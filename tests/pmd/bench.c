/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#define DEVICE "net_flow0"
#define WAIT_MS 20000

static struct rte_mempool *pool;

int
bench_setup(void **state)
{
	static char options[][PATH_MAX] = {"net-flow-test", "--no-huge", "-m", "128", "--no-pci",
		"--no-telemetry", "--log-level=error", "-l", "0", "--file-prefix", ""};
	static char *args[RTE_DIM(options)];
	const char *driver = getenv("NET_FLOW");

	if (pool != NULL)
		return 0;
	assert_non_null(driver);
	assert_non_null(dlopen(driver, RTLD_NOW)); // EAL takes none from below /tmp
	snprintf(options[10], sizeof(options[0]), "cw-flow-%d", (int)getpid());
	for (size_t i = 0; i < RTE_DIM(options); i++)
		args[i] = options[i];
	assert_true(rte_eal_init((int)RTE_DIM(args), args) >= 0);
	pool = rte_pktmbuf_pool_create(
		"mbufs", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(pool);
	return 0;
}

static void
start_port(uint16_t port)
{
	struct rte_eth_conf conf = {0};

	assert_int_equal(rte_eth_dev_configure(port, BENCH_QUEUES, 1, &conf), 0);
	for (uint16_t q = 0; q < BENCH_QUEUES; q++)
		assert_int_equal(rte_eth_rx_queue_setup(port, q, 64, 0, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
}

struct bench *
bench_open(const char *arguments)
{
	static const char *const names[] = {
		DEVICE, DEVICE "_representor_vf0", DEVICE "_representor_vf1"};
	struct bench *bench = calloc(1, sizeof(*bench));
	char text[256];
	int card_side[BENCH_ENDS];

	assert_non_null(bench);
	for (unsigned int i = 0; i < BENCH_ENDS; i++) {
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
		bench->far_side[i] = pair[0];
		card_side[i] = pair[1];
	}
	snprintf(text, sizeof(text), "vfs=2,wire=fd:%d,vf0=fd:%d,vf1=fd:%d%s%s", card_side[0],
		card_side[1], card_side[2], arguments[0] != '\0' ? "," : "", arguments);
	assert_int_equal(rte_vdev_init(DEVICE, text), 0);
	for (unsigned int i = 0; i < BENCH_ENDS; i++) {
		close(card_side[i]);
		assert_int_equal(rte_eth_dev_get_port_by_name(names[i], &bench->port[i]), 0);
		start_port(bench->port[i]);
	}
	return bench;
}

void
bench_close(struct bench *bench)
{
	assert_int_equal(rte_vdev_uninit(DEVICE), 0);
	for (unsigned int i = 0; i < BENCH_ENDS; i++) {
		assert_false(rte_eth_dev_is_valid_port(bench->port[i]));
		close(bench->far_side[i]);
	}
	free(bench);
}

void
bench_send(struct bench *bench, unsigned int end, const struct spec *spec)
{
	uint8_t frame[BENCH_FRAME];
	size_t n = packet_make(spec, frame);

	assert_int_equal(send(bench->far_side[end], frame, n, 0), n);
	bench->sent[end]++;
}

uint64_t
bench_counter(const struct bench *bench, unsigned int end, const char *name)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(bench->port[end], name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(bench->port[end], &id, &value, 1), 1);
	return value;
}

void
bench_settle(const struct bench *bench)
{
	uint64_t deadline = rte_get_timer_cycles() + WAIT_MS * rte_get_timer_hz() / 1000;

	for (unsigned int i = 0; i < BENCH_ENDS; i++) {
		while (bench_counter(bench, i, "from_far_side") < bench->sent[i]) {
			assert_true(rte_get_timer_cycles() < deadline);
			rte_delay_us_sleep(200);
		}
	}
}

ssize_t
bench_receive(const struct bench *bench, unsigned int end, uint8_t *frame)
{
	return recv(bench->far_side[end], frame, BENCH_FRAME, 0);
}

struct rte_mbuf *
bench_rx(const struct bench *bench, unsigned int end, uint16_t *queue)
{
	struct rte_mbuf *mbuf;

	for (uint16_t q = 0; q < BENCH_QUEUES; q++) {
		if (rte_eth_rx_burst(bench->port[end], q, &mbuf, 1) != 1)
			continue;
		if (queue != NULL)
			*queue = q;
		return mbuf;
	}
	return NULL;
}

void
bench_tx(const struct bench *bench, unsigned int end, const struct spec *spec)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	assert_non_null(mbuf);
	mbuf->data_len = (uint16_t)packet_make(spec, rte_pktmbuf_mtod(mbuf, uint8_t *));
	mbuf->pkt_len = mbuf->data_len;
	assert_int_equal(rte_eth_tx_burst(bench->port[end], 0, &mbuf, 1), 1);
}

void
bench_expect(const struct bench *bench, unsigned int end, const struct spec *spec)
{
	uint8_t frame[BENCH_FRAME], expected[BENCH_FRAME];
	size_t n = packet_make(spec, expected);

	bench_settle(bench);
	assert_int_equal(bench_receive(bench, end, frame), n);
	assert_memory_equal(frame, expected, n);
}

void
bench_expect_rx(const struct bench *bench, unsigned int end, const struct spec *spec)
{
	uint8_t expected[BENCH_FRAME];
	size_t n = packet_make(spec, expected);
	struct rte_mbuf *mbuf;

	bench_settle(bench);
	mbuf = bench_rx(bench, end, NULL);
	assert_non_null(mbuf);
	assert_int_equal(mbuf->pkt_len, n);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), expected, n);
	rte_pktmbuf_free(mbuf);
}

void
bench_expect_nothing(const struct bench *bench)
{
	uint8_t frame[BENCH_FRAME];

	bench_settle(bench);
	for (unsigned int i = 0; i < BENCH_ENDS; i++) {
		assert_int_equal(bench_receive(bench, i, frame), -1);
		assert_null(bench_rx(bench, i, NULL));
	}
}

struct rte_flow *
bench_rule(const struct bench *bench, unsigned int end, const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, const struct rte_flow_action *actions)
{
	struct rte_flow_error error = {0};
	struct rte_flow *rule;

	if (rte_flow_validate(bench->port[end], attr, pattern, actions, &error) != 0)
		fail_msg("refused: %s", error.message);
	rule = rte_flow_create(bench->port[end], attr, pattern, actions, &error);
	if (rule == NULL)
		fail_msg("refused: %s", error.message);
	return rule;
}

uint64_t
bench_hits(const struct bench *bench, unsigned int end, struct rte_flow *rule)
{
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_COUNT}, {.type = RTE_FLOW_ACTION_TYPE_END}};
	struct rte_flow_query_count count = {0};

	assert_int_equal(rte_flow_query(bench->port[end], rule, actions, &count, NULL), 0);
	assert_true(count.hits_set && count.bytes_set);
	return count.hits;
}
