/* SPDX-License-Identifier: Apache-2.0 */
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "dataplane.h"
#include "trace.h"
#include "worker.h"

// What the filter can ask for, as far as the frame's first segment tells.
struct trace_fields {
	uint16_t vlan; // outermost tag, 0 = none
	uint16_t ether_type; // behind the tags
	uint8_t family; // 4, 6 or 0
	uint8_t ip_proto;
	bool ports;
	uint16_t l4_src, l4_dst;
	const uint8_t *src, *dst;
};

#define TRACE_MAX_TAGS 2
#define TRACE_MAX_EXTENSIONS 8

struct trace_records *
trace_records_create(int socket_id)
{
	return rte_zmalloc_socket(
		"trace", sizeof(struct trace_records), RTE_CACHE_LINE_SIZE, socket_id);
}

void
trace_records_free(struct trace_records *records)
{
	rte_free(records);
}

static void
read_l4(const uint8_t *data, uint32_t len, uint32_t at, struct trace_fields *fields)
{
	const bool has_ports = fields->ip_proto == IPPROTO_TCP || fields->ip_proto == IPPROTO_UDP
			       || fields->ip_proto == IPPROTO_SCTP;

	if (!has_ports || at + 4 > len)
		return;
	fields->l4_src = (uint16_t)(data[at] << 8 | data[at + 1]);
	fields->l4_dst = (uint16_t)(data[at + 2] << 8 | data[at + 3]);
	fields->ports = true;
}

static void
read_ipv4(const uint8_t *data, uint32_t len, uint32_t at, struct trace_fields *fields)
{
	const struct rte_ipv4_hdr *ip = (const void *)(data + at);

	if (at + sizeof(*ip) > len)
		return;
	fields->family = 4;
	fields->ip_proto = ip->next_proto_id;
	fields->src = (const uint8_t *)&ip->src_addr;
	fields->dst = (const uint8_t *)&ip->dst_addr;
	if ((ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) == 0)
		read_l4(data, len, at + (ip->version_ihl & 0xfu) * 4u, fields);
}

// Walks the extension headers of RFC 8200, section 4.1, that have the common format.
static void
read_ipv6(const uint8_t *data, uint32_t len, uint32_t at, struct trace_fields *fields)
{
	const struct rte_ipv6_hdr *ip = (const void *)(data + at);
	uint8_t proto;

	if (at + sizeof(*ip) > len)
		return;
	fields->family = 6;
	fields->src = ip->src_addr;
	fields->dst = ip->dst_addr;
	proto = ip->proto;
	at += (uint32_t)sizeof(*ip);
	for (unsigned int i = 0; i < TRACE_MAX_EXTENSIONS && at + 8 <= len; i++) {
		if (proto == IPPROTO_FRAGMENT) {
			const bool later = ((data[at + 2] << 8 | data[at + 3]) & 0xfff8) != 0;

			fields->ip_proto = data[at];
			if (!later)
				read_l4(data, len, at + 8, fields);
			return;
		}
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING
			&& proto != IPPROTO_DSTOPTS)
			break;
		proto = data[at];
		at += 8u + data[at + 1] * 8u;
	}
	fields->ip_proto = proto;
	read_l4(data, len, at, fields);
}

static bool
read_fields(const struct rte_mbuf *m, struct trace_fields *fields)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint32_t len = m->data_len;
	uint32_t at = RTE_ETHER_HDR_LEN;

	*fields = (struct trace_fields){0};
	if (len < at)
		return false;
	fields->ether_type = (uint16_t)(data[12] << 8 | data[13]);
	for (unsigned int tags = 0; tags < TRACE_MAX_TAGS && at + 4 <= len; tags++) {
		if (fields->ether_type != RTE_ETHER_TYPE_VLAN
			&& fields->ether_type != RTE_ETHER_TYPE_QINQ)
			break;
		if (tags == 0)
			fields->vlan = (uint16_t)((data[at] << 8 | data[at + 1]) & 0xfff);
		fields->ether_type = (uint16_t)(data[at + 2] << 8 | data[at + 3]);
		at += 4;
	}
	if (fields->ether_type == RTE_ETHER_TYPE_IPV4)
		read_ipv4(data, len, at, fields);
	else if (fields->ether_type == RTE_ETHER_TYPE_IPV6)
		read_ipv6(data, len, at, fields);
	return true;
}

static bool
address_matches(const struct cw_ip *want, uint8_t family, const uint8_t *addr)
{
	const unsigned int bytes = want->prefix / 8u, bits = want->prefix % 8u;
	const uint8_t mask = (uint8_t)(0xff00u >> bits);

	if (want->family == 0)
		return true;
	if (want->family != family)
		return false;
	if (memcmp(want->addr, addr, bytes) != 0)
		return false;
	return bits == 0 || ((want->addr[bytes] ^ addr[bytes]) & mask) == 0;
}

static bool
network_matches(const struct cw_trace *want, const struct dp_port *port, uint16_t vlan)
{
	uint16_t network;

	if (want->network_plus_1 == 0)
		return true;
	if (port == NULL)
		return false;
	network =
		vlan == 0 || vlan == port->vlan ? port->network : dp_port_trunk_network(port, vlan);
	return network != UINT16_MAX && network == want->network_plus_1 - 1;
}

bool
trace_match(const struct cw_trace *want, const struct rte_mbuf *m, uint16_t in_port,
	const struct dp_port *port)
{
	struct trace_fields fields;

	if (want->port != 0 && want->port != in_port)
		return false;
	if (!read_fields(m, &fields))
		return false;
	if (!network_matches(want, port, fields.vlan))
		return false;
	if (want->ether_type != 0 && want->ether_type != fields.ether_type)
		return false;
	if (want->ip_proto != 0 && (fields.family == 0 || want->ip_proto != fields.ip_proto))
		return false;
	if (!address_matches(&want->src, fields.family, fields.src)
		|| !address_matches(&want->dst, fields.family, fields.dst))
		return false;
	if (want->l4_src != 0 && (!fields.ports || want->l4_src != fields.l4_src))
		return false;
	return want->l4_dst == 0 || (fields.ports && want->l4_dst == fields.l4_dst);
}

// A free record as BUSY, or NULL.
static struct trace_slot *
take_record(struct trace_records *records, uint16_t *index)
{
	for (uint16_t i = 0; i < TRACE_RECORDS; i++) {
		const uint16_t at = (uint16_t)(records->hint + i) % TRACE_RECORDS;
		struct trace_slot *slot = &records->slot[at];

		if (atomic_load_explicit(&slot->state, memory_order_acquire) != TRACE_FREE)
			continue;
		atomic_store_explicit(&slot->state, TRACE_BUSY, memory_order_relaxed);
		records->hint = (uint16_t)(at + 1) % TRACE_RECORDS;
		records->n_busy++;
		*index = at;
		return slot;
	}
	atomic_fetch_add_explicit(&records->lost, 1, memory_order_relaxed);
	return NULL;
}

// Takes one packet off the trace's budget; false when others took the last.
static bool
take_budget(struct trace_filter *filter)
{
	unsigned int left = atomic_load_explicit(&filter->left, memory_order_relaxed);

	while (left != 0)
		if (atomic_compare_exchange_weak_explicit(&filter->left, &left, left - 1,
			    memory_order_relaxed, memory_order_relaxed))
			return true;
	return false;
}

static void
start_record(struct worker *w, uint16_t slot, struct cw_trace_record *record)
{
	const struct rte_mbuf *m = w->mbuf[slot];
	const uint16_t n_bytes = (uint16_t)RTE_MIN(m->data_len, (uint16_t)sizeof(record->bytes));

	*record = (struct cw_trace_record){
		.tsc_ns = w->now_tsc,
		.in_port = w->ctx[slot].in_port,
		.worker = w->id,
		.drop = -1,
		.length = (uint16_t)RTE_MIN(m->pkt_len, (uint32_t)UINT16_MAX),
		.n_bytes = n_bytes,
	};
	memcpy(record->bytes, rte_pktmbuf_mtod(m, const void *), n_bytes);
}

// The port whose tag the frame has: that of the device, or a sub-port of it.
static const struct dp_port *
tagged_port(const struct worker *w, const struct rte_mbuf *m, const struct dp_port *port)
{
	struct trace_fields fields;
	const struct dp_port *sub;

	if (port == NULL || port->subports == NULL || !read_fields(m, &fields))
		return port;
	sub = dp_port_get(w->dp, dp_port_subport(port, fields.vlan));
	return sub != NULL ? sub : port;
}

void
trace_rx(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct trace_filter *filter = atomic_load_explicit(&w->trace->filter, memory_order_acquire);
	struct trace_slot *trace;
	struct packet_ctx *ctx;

	if (filter == NULL)
		return;
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = w->mbuf[slots[i]];
		const struct dp_port *port;

		ctx = &w->ctx[slots[i]];
		port = tagged_port(w, m, dp_port_get(w->dp, ctx->in_port));
		if (!trace_match(&filter->want, m, port != NULL ? port->id : ctx->in_port, port))
			continue;
		if (atomic_load_explicit(&filter->left, memory_order_relaxed) == 0)
			return;
		trace = take_record(w->trace, &ctx->trace);
		if (trace == NULL)
			continue;
		if (!take_budget(filter)) {
			atomic_store_explicit(&trace->state, TRACE_FREE, memory_order_relaxed);
			w->trace->n_busy--;
			return;
		}
		start_record(w, slots[i], &trace->record);
		ctx->flags |= PACKET_TRACED;
	}
}

void
trace_moved(struct worker *w, const struct packet_ctx *ctx)
{
	w->trace->slot[ctx->trace].record.in_port = ctx->in_port;
}

void
trace_stage(struct worker *w, uint8_t stage_id, const uint16_t *slots, uint16_t n)
{
	struct cw_trace_record *record;

	for (uint16_t i = 0; i < n; i++) {
		if ((w->ctx[slots[i]].flags & PACKET_TRACED) == 0)
			continue;
		record = &w->trace->slot[w->ctx[slots[i]].trace].record;
		if (record->n_steps < CW_TRACE_STEPS)
			record->steps[record->n_steps++] = stage_id;
	}
}

void
trace_copy(struct worker *w, uint16_t cause, uint16_t slot)
{
	struct packet_ctx *ctx = &w->ctx[slot];
	struct trace_slot *trace = take_record(w->trace, &ctx->trace);

	ctx->flags &= (uint8_t)~PACKET_TRACED;
	if (trace == NULL)
		return;
	trace->record = w->trace->slot[w->ctx[cause].trace].record;
	trace->record.drop = -1;
	trace->record.out_port = 0;
	ctx->flags |= PACKET_TRACED;
}

void
trace_drop(struct worker *w, uint16_t slot, uint16_t reason)
{
	struct cw_trace_record *record = &w->trace->slot[w->ctx[slot].trace].record;

	record->network = w->ctx[slot].network;
	record->drop = (int16_t)reason;
}

void
trace_sent(struct worker *w, uint16_t slot)
{
	struct cw_trace_record *record = &w->trace->slot[w->ctx[slot].trace].record;

	record->network = w->ctx[slot].network;
	record->out_port = w->ctx[slot].out_port;
}

void
trace_round_end(struct worker *w)
{
	for (uint16_t i = 0; i < TRACE_RECORDS; i++) {
		struct trace_slot *slot = &w->trace->slot[i];

		if (atomic_load_explicit(&slot->state, memory_order_relaxed) == TRACE_BUSY)
			atomic_store_explicit(&slot->state, TRACE_DONE, memory_order_release);
	}
	w->trace->n_busy = 0;
}
