/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/cache.h"
#include "stages/offload.h"
#include "stages/parse_headers.h"
#include "worker.h"

// Finds the headers once, so that no later stage has to distrust a length: behind this stage
// l2_len + l3_len lie in the first segment, and for packets that are no later fragment also the
// first 20 bytes of TCP, 12 of SCTP, 8 of UDP, ICMP and ICMPv6. The worker has prefetched the
// frames.

enum { NEXT_CLASSIFY };
static stage_run parse_run;
static struct stage parse = {
	.name = "parse",
	.help = "finds and checks the headers",
	.run = parse_run,
	.order = 100,
	.next = {[NEXT_CLASSIFY] = "classify"},
	.drops =
		{
			[PARSE_ETHERNET] = {"malformed_ethernet",
				"frame shorter than its Ethernet header"},
			[PARSE_SOURCE_MULTICAST] = {"source_mac_multicast",
				"source MAC is a group address"},
			[PARSE_IPV4] = {"malformed_ipv4",
				"IPv4 version or lengths do not fit the frame"},
			[PARSE_IPV4_CHECKSUM] = {"ipv4_checksum", "IPv4 header checksum is wrong"},
			[PARSE_IPV6] = {"malformed_ipv6",
				"IPv6 version, lengths or extension headers are wrong"},
			[PARSE_EXTENSIONS] = {"ipv6_extensions",
				"more IPv6 extension headers than are followed"},
			[PARSE_L4] = {"malformed_l4", "packet too short for its transport header"},
			[PARSE_UNFINISHABLE] = {"checksum_unfinishable",
				"unfinished checksum or super-frame that does not fit its headers"},
		},
};
STAGE_REGISTER(parse);

static inline enum parse_verdict
parse_packet(struct rte_mbuf *m, struct packet_ctx *ctx)
{
	enum parse_verdict verdict;

	if (unlikely(m->nb_segs > 1 && m->data_len < PARSE_HEADERS_MAX)) {
		packet_pull_up(m, PARSE_HEADERS_MAX);
		packet_expose_outer(m, ctx->outer_len);
	}
	verdict = parse_headers(m, ctx);
	if (verdict == PARSED && (m->ol_flags & PACKET_TX_OFFLOADS))
		verdict = offload_is_consistent(m, ctx) ? PARSED : PARSE_UNFINISHABLE;
	return verdict;
}

static void
parse_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct port_cache ports = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		struct rte_mbuf *m = w->mbuf[slot];
		struct packet_ctx *ctx = &w->ctx[slot];
		const struct dp_port *port = cached_port(w, &ports, ctx->in_port);
		enum parse_verdict verdict = parse_packet(m, ctx);

		m->port = ctx->in_port;
		if (unlikely(verdict != PARSED)) {
			packet_drop(w, slot, parse.drop_id[verdict]);
			continue;
		}
		if (unlikely(port != NULL && port->kind == CW_PORT_AF_XDP))
			offload_detect(m, ctx);
		packet_next(w, slot, parse.next_id[NEXT_CLASSIFY]);
	}
}
