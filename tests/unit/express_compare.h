/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_EXPRESS_COMPARE_H
#define TESTS_EXPRESS_COMPARE_H

// Sends a burst through the stages or the express way, and compares what came of it: frames, their
// metadata and order, counters and events.

#include <rte_cycles.h>

#include "events.h"
#include "express_frames.h"
#include "worker_private.h"

#define OUT_MAX 1024
#define EVENTS_MAX 256

struct sent {
	uint16_t port, flow;
	uint8_t place; // in its burst, as its pattern says
	uint32_t len;
	uint64_t ol_flags, tx_offload;
	uint32_t sum; // of the bytes
};

struct outcome {
	uint32_t n_sent, n_events;
	uint32_t overtaken; // pairs of a flow and port that left in the other order
	struct sent sent[OUT_MAX];
	struct dp_event events[EVENTS_MAX];
	uint64_t express; // packets that took the express way
	struct port_counters *counters[8]; // by port, what was added
};

static inline struct rte_mbuf *
make_mbuf(struct fixture *f, const struct express_frame *from)
{
	uint32_t len = from->frame.len;
	uint16_t first = (uint16_t)(from->cut != 0 && from->cut < len ? from->cut : len);
	struct rte_mbuf *m = fixture_packet(f, from->frame.bytes, first);

	if (first < len) {
		struct rte_mbuf *rest = fixture_packet(f, from->frame.bytes + first, len - first);

		assert_int_equal(rte_pktmbuf_chain(m, rest), 0);
	}
	m->ol_flags = from->ol_flags;
	if (from->ol_flags != 0) {
		m->l2_len = RTE_ETHER_HDR_LEN;
		m->l3_len = from->frame.bytes[14] >> 4 == 6 ? 40 : 20;
		m->tso_segsz = from->segment;
	}
	return m;
}

// The flow and place that the pattern in a frame names, or what kind of frame it is.
static inline void
name_of(const uint8_t *bytes, uint32_t len, struct sent *sent)
{
	const uint8_t *end = bytes + len, *at = bytes;
	uint8_t pattern[PATTERN_LEN];

	sent->flow = (uint16_t)(0x100 | bytes[12] << 1 | bytes[13]);
	sent->place = 0;
	while ((at = memmem(at, (size_t)(end - at), "\xa5\x5a", 2)) != NULL
		&& end - at >= PATTERN_LEN) {
		make_pattern(pattern, at[2], at[3]);
		if (memcmp(at, pattern, PATTERN_LEN) == 0) {
			sent->flow = at[2];
			sent->place = at[3];
			return;
		}
		at++;
	}
}

// In any order that is the same for the same frames.
static inline int
compare_sent(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sent));
}

static uint32_t
count_overtaken(const struct outcome *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < out->n_sent; i++)
		for (uint32_t k = i + 1; k < out->n_sent; k++)
			n += out->sent[i].port == out->sent[k].port
			     && out->sent[i].flow == out->sent[k].flow
			     && out->sent[i].place > out->sent[k].place;
	return n;
}

// Errors that the router makes are numbered one after the other, whoever caused them.
static inline void
clear_number(uint8_t *bytes, uint32_t len)
{
	while (len >= 38 && bytes[12] == 0x81) {
		bytes += 4;
		len -= 4;
	}
	if (len >= 34 && bytes[12] == 8 && bytes[13] == 0 && bytes[23] == IPPROTO_ICMP) {
		memset(bytes + 18, 0, 2);
		memset(bytes + 24, 0, 2);
	}
}

// Packets around tunneled ones likewise.
static inline void
clear_outer_number(uint8_t *bytes, uint32_t len)
{
	while (len >= 46 && bytes[12] == 0x81) {
		bytes += 4;
		len -= 4;
	}
	if (len < 42 || bytes[12] != 8 || bytes[13] != 0
		|| memcmp(bytes + 26, "\xc0\xa8\0\1", 4) != 0)
		return;
	assert_int_equal(rte_raw_cksum(bytes + 14, 20), UINT16_MAX);
	memset(bytes + 18, 0, 2);
	memset(bytes + 24, 0, 2);
}

static inline void
note_sent(struct outcome *out, uint16_t port, const struct rte_mbuf *m)
{
	struct sent *sent = &out->sent[out->n_sent++];
	static uint8_t bytes[1 << 16];

	assert_true(out->n_sent < OUT_MAX);
	memcpy(bytes, rte_pktmbuf_read(m, 0, m->pkt_len, bytes), m->pkt_len);
	clear_number(bytes, m->pkt_len);
	clear_outer_number(bytes, m->pkt_len);
	memset(sent, 0, sizeof(*sent));
	sent->port = port;
	sent->len = m->pkt_len;
	sent->ol_flags = m->ol_flags;
	sent->tx_offload = m->ol_flags != 0 ? m->tx_offload : 0;
	name_of(bytes, m->pkt_len, sent);
	for (uint32_t i = 0; i < m->pkt_len; i++)
		sent->sum = sent->sum * 31 + bytes[i];
}

static inline size_t
counters_size(void)
{
	return sizeof(struct port_counters) + graph_n_drops() * sizeof(uint64_t);
}

static inline void
subtract(uint64_t *from, const uint64_t *what)
{
	for (size_t i = 0; i < counters_size() / sizeof(uint64_t); i++)
		from[i] -= what[i];
}

static inline void
snapshot(struct fixture *f, struct outcome *out)
{
	for (uint16_t port = 0; port < RTE_DIM(out->counters); port++)
		if (f->w->counters[port] != NULL)
			memcpy(out->counters[port], f->w->counters[port], counters_size());
}

// Runs copies of the frames one way.
static inline void
run(struct fixture *f, bool express, uint16_t in, const struct express_frame *frames, uint16_t n,
	struct outcome *out)
{
	struct outcome *before = out + 1;
	uint8_t stage = graph_stage_id("express");
	struct rte_mbuf *pkts[WORKER_BURST];

	snapshot(f, before);
	out->express = f->w->stages[stage].packets;
	out->n_sent = 0;
	out->n_events = 0;
	for (uint16_t i = 0; i < n; i++)
		pkts[i] = make_mbuf(f, &frames[i]);
	f->w->express = express;
	f->w->now_tsc += 10 * rte_get_tsc_hz(); // fills all token buckets
	fixture_inject(f, in, pkts, n);
	for (uint16_t port = 2; port <= 4; port++)
		for (uint16_t i = 0; i < fixture_sent(f, port); i++)
			note_sent(out, port, fixture_sent_packet(f, port, i));
	out->overtaken = count_overtaken(out);
	qsort(out->sent, out->n_sent, sizeof(out->sent[0]), compare_sent);
	while (out->n_events < EVENTS_MAX
		&& rte_ring_dequeue_elem(
			   f->dp->events, &out->events[out->n_events], sizeof(struct dp_event))
			   == 0)
		out->n_events++;
	fixture_sent_clear(f);
	snapshot(f, out);
	for (uint16_t port = 0; port < RTE_DIM(out->counters); port++)
		subtract((uint64_t *)out->counters[port], (uint64_t *)before->counters[port]);
	out->express = f->w->stages[stage].packets - out->express;
}

static inline bool
has_event(const struct outcome *out, const struct dp_event *event)
{
	for (uint32_t i = 0; i < out->n_events; i++)
		if (memcmp(&out->events[i], event, sizeof(*event)) == 0)
			return true;
	return false;
}

static inline void
assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->n_sent, b->n_sent);
	assert_memory_equal(a->sent, b->sent, a->n_sent * sizeof(a->sent[0]));
	for (uint16_t port = 0; port < RTE_DIM(a->counters); port++)
		assert_memory_equal(a->counters[port], b->counters[port], counters_size());
	// A train of frames that is cut brings its news again.
	for (uint32_t i = 0; i < a->n_events; i++)
		assert_true(has_event(b, &a->events[i]));
	for (uint32_t i = 0; i < b->n_events; i++)
		assert_true(has_event(a, &b->events[i]));
}

static inline struct outcome *
make_outcomes(void)
{
	struct outcome *out = calloc(4, sizeof(*out));

	assert_non_null(out);
	for (int i = 0; i < 4; i++)
		for (size_t port = 0; port < RTE_DIM(out->counters); port++) {
			out[i].counters[port] = calloc(1, counters_size());
			assert_non_null(out[i].counters[port]);
		}
	return out;
}

static inline void
free_outcomes(struct outcome *out)
{
	for (int i = 0; i < 4; i++)
		for (size_t port = 0; port < RTE_DIM(out->counters); port++)
			free(out[i].counters[port]);
	free(out);
}

#endif
