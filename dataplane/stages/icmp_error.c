/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/icmp_error.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_cycles.h>
#include <rte_icmp.h>

#include "checksum.h"
#include "stages/address.h"
#include "stages/subport.h"
#include "worker.h"

// ICMP errors (RFC 792; RFC 1812, 4.3; RFC 4443). The answer is a packet of its own that starts at
// the route stage; the packet it is about is dropped here, whatever comes of the answer. An answer
// that the rate limit holds back counts as originated and dropped (icmp_rate_limited), so that it
// is seen and the books balance.

// Bytes of an error: all that every host takes (RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c)).
#define ERROR_MAX4 576
#define ERROR_MAX6 RTE_IPV6_MIN_MTU
#define ERROR_TTL 64
#define INTERNETWORK_CONTROL 0xc0 // RFC 1812, 4.3.2.5

enum { NEXT_ROUTE, NEXT_POLICY };
enum { DROP_RATE_LIMITED, DROP_NO_MEMORY, DROP_NO_SLOT };

static stage_run icmp_error_run;
static struct stage icmp_error = {
	.name = "icmp_error",
	.help = "tells the sender why its packet was dropped",
	.run = icmp_error_run,
	.order = 1400,
	.next = {[NEXT_ROUTE] = "route", [NEXT_POLICY] = "policy_destination"},
	.drops =
		{
			[DROP_RATE_LIMITED] = {"icmp_rate_limited",
				"ICMP error held back by the rate limit"},
			[DROP_NO_MEMORY] = {"no_memory", "no packet buffer left"},
			[DROP_NO_SLOT] = {"no_slot", "too many packets made of one burst"},
		},
};
STAGE_REGISTER(icmp_error)

// By worker id, each written by its worker only.
static struct {
	struct icmp_bucket bucket;
} __rte_cache_aligned limits[CW_MAX_WORKERS];

// What make_error() needs to know of the packet.
struct cause {
	const struct rte_mbuf *m;
	const struct packet_ctx *ctx;
	const struct network *network;
	const uint8_t *source; // the router's address
};

// The ICMP header's second word, by type.
static rte_be32_t
second_word(const struct packet_ctx *ctx)
{
	uint32_t info = ctx->icmp_info;

	if (ctx->ether_type == RTE_ETHER_TYPE_IPV6)
		return rte_cpu_to_be_32(info);
	if (ctx->icmp_type == ICMP_DEST_UNREACH && ctx->icmp_code == ICMP_FRAG_NEEDED)
		return rte_cpu_to_be_32(RTE_MIN(info, (uint32_t)UINT16_MAX)); // RFC 1191, 4
	if (ctx->icmp_type == ICMP_PARAMETERPROB)
		return rte_cpu_to_be_32(info << 24);
	return 0;
}

// Writes the ICMP header and the quotation; returns the sum over both.
static uint16_t
fill_icmp(const struct cause *cause, uint8_t *icmp, uint32_t quote)
{
	const rte_be32_t word = second_word(cause->ctx);
	uint8_t *at = icmp + sizeof(struct rte_icmp_hdr);
	const void *from = rte_pktmbuf_read(cause->m, cause->ctx->l2_len, quote, at);

	if (from != at)
		memcpy(at, from, quote);
	icmp[0] = cause->ctx->icmp_type;
	icmp[1] = cause->ctx->icmp_code;
	memset(icmp + 2, 0, 2);
	memcpy(icmp + 4, &word, sizeof(word));
	return rte_raw_cksum(icmp, sizeof(struct rte_icmp_hdr) + quote);
}

static void
set_checksum(uint8_t *icmp, uint16_t sum)
{
	sum = (uint16_t)~sum;
	memcpy(icmp + offsetof(struct rte_icmp_hdr, icmp_cksum), &sum, sizeof(sum));
}

static void
fill_ipv4(const struct cause *cause, struct rte_ipv4_hdr *ip, uint32_t quote, uint16_t packet_id)
{
	const struct rte_ipv4_hdr *about = packet_ipv4(cause->m, cause->ctx);
	uint8_t *icmp = (uint8_t *)(ip + 1);
	uint32_t len = (uint32_t)(sizeof(*ip) + sizeof(struct rte_icmp_hdr)) + quote;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = INTERNETWORK_CONTROL,
		.total_length = rte_cpu_to_be_16((uint16_t)len),
		.packet_id = rte_cpu_to_be_16(packet_id),
		.time_to_live = ERROR_TTL,
		.next_proto_id = IPPROTO_ICMP,
		.dst_addr = about->src_addr,
	};
	memcpy((uint8_t *)ip + offsetof(struct rte_ipv4_hdr, src_addr), cause->source, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	set_checksum(icmp, fill_icmp(cause, icmp, quote));
}

static void
fill_ipv6(const struct cause *cause, struct rte_ipv6_hdr *ip, uint32_t quote)
{
	const struct rte_ipv6_hdr *about = packet_ipv6(cause->m, cause->ctx);
	uint8_t *icmp = (uint8_t *)(ip + 1);
	uint32_t len = (uint32_t)sizeof(struct rte_icmp_hdr) + quote;

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16((uint16_t)len),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = ERROR_TTL,
	};
	memcpy(ipv6_src(ip), cause->source, sizeof(ip->src_addr));
	memcpy(ipv6_dst(ip), ipv6_src(about), sizeof(ip->dst_addr));
	set_checksum(icmp, checksum_fold((uint32_t)fill_icmp(cause, icmp, quote)
					 + checksum_pseudo6(ip, IPPROTO_ICMPV6, len)));
}

// Bytes of the offending packet, Ethernet padding left out.
static uint32_t
packet_length(const struct cause *cause)
{
	uint32_t len = cause->ctx->ether_type == RTE_ETHER_TYPE_IPV4
			       ? rte_be_to_cpu_16(packet_ipv4(cause->m, cause->ctx)->total_length)
			       : (uint32_t)sizeof(struct rte_ipv6_hdr)
					 + rte_be_to_cpu_16(
						 packet_ipv6(cause->m, cause->ctx)->payload_len);

	return RTE_MIN(len, cause->m->pkt_len - cause->ctx->l2_len);
}

static struct rte_mbuf *
make_error(struct worker *w, const struct cause *cause)
{
	bool is_v4 = cause->ctx->ether_type == RTE_ETHER_TYPE_IPV4;
	uint32_t headers =
		(uint32_t)(is_v4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr))
		+ (uint32_t)sizeof(struct rte_icmp_hdr);
	uint32_t quote = RTE_MIN(packet_length(cause), (is_v4 ? ERROR_MAX4 : ERROR_MAX6) - headers);
	struct rte_mbuf *m = packet_alloc(w);
	struct rte_ether_hdr *ether;

	if (m == NULL)
		return NULL;
	ether = (void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*ether) + headers + quote));
	if (ether == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	// Where it goes straight back; else the router writes them.
	ether->dst_addr = packet_ether(cause->m)->src_addr;
	ether->src_addr = cause->network->router_mac;
	ether->ether_type = rte_cpu_to_be_16(cause->ctx->ether_type);
	if (is_v4)
		fill_ipv4(cause, (void *)(ether + 1), quote, limits[w->id].bucket.packet_id++);
	else
		fill_ipv6(cause, (void *)(ether + 1), quote);
	return m;
}

// A link-local sender is on the link that the packet came from, so the answer leaves there;
// everybody else is found by the router.
static void
send_error(struct worker *w, uint16_t slot, const struct cause *cause, bool goes_back)
{
	struct packet_ctx *ctx = &w->ctx[slot];

	ctx->network = cause->network->id;
	ctx->origin = PACKET_FROM_ROUTER;
	ctx->flags |= PACKET_NO_ERROR;
	ctx->ether_type = cause->ctx->ether_type;
	ctx->l2_len = sizeof(struct rte_ether_hdr);
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
		ctx->l3_len = sizeof(struct rte_ipv4_hdr);
		ctx->ip_proto = IPPROTO_ICMP;
	} else {
		ctx->l3_len = sizeof(struct rte_ipv6_hdr);
		ctx->ip_proto = IPPROTO_ICMPV6;
	}
	if (goes_back)
		ctx->out_port = subport_back(w, cause->ctx);
	packet_next(w, slot, icmp_error.next_id[goes_back ? NEXT_POLICY : NEXT_ROUTE]);
}

// Makes and sends the error that is due. Returns -1, or the drop that became of it.
static int
answer(struct worker *w, uint16_t slot, const struct cause *cause)
{
	struct rte_mbuf *m;
	uint16_t made;
	bool goes_back;

	if (!icmp_bucket_take(&limits[w->id].bucket, w->now_tsc, rte_get_tsc_hz()))
		return DROP_RATE_LIMITED;
	m = make_error(w, cause);
	if (m == NULL)
		return DROP_NO_MEMORY;
	made = packet_new(w, slot, m);
	if (made == WORKER_NO_SLOT) {
		rte_pktmbuf_free(m);
		return DROP_NO_SLOT;
	}
	goes_back = cause->ctx->ether_type == RTE_ETHER_TYPE_IPV6
		    && address6_is_link_local(ipv6_src(packet_ipv6(cause->m, cause->ctx)));
	send_error(w, made, cause, goes_back);
	return -1;
}

static void
icmp_error_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct packet_ctx *ctx = &w->ctx[slots[i]];
		struct cause cause = {.m = w->mbuf[slots[i]], .ctx = ctx};

		cause.network = dp_network(
			w->dp, ctx->flags & PACKET_ROUTED ? ctx->routed_from : ctx->network);
		if (cause.network != NULL && icmp_error_is_allowed(cause.m, ctx, cause.network))
			cause.source = icmp_error_source(cause.m, ctx, cause.network);
		if (cause.source != NULL) {
			struct port_counters *counters = worker_counters(w, ctx->in_port);
			int drop = answer(w, slots[i], &cause);

			counters->originated++;
			if (drop >= 0)
				counters->drops[icmp_error.drop_id[drop]]++;
		}
		packet_drop(w, slots[i], ctx->drop);
	}
}
