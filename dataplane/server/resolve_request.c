/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve_request.h"

#include <string.h>

#include <rte_arp.h>
#include <rte_mbuf.h>

#include "checksum.h"
#include "stages/address.h"
#include "stages/nd.h"
#include "stages/router_mac.h"
#include "worker_control.h"

struct arp_request {
	struct rte_ether_hdr ether;
	struct rte_arp_hdr arp;
} __rte_packed __rte_aligned(2);

struct solicitation {
	struct rte_ether_hdr ether;
	struct rte_ipv6_hdr ip;
	struct nd_message message;
	struct nd_link_option option;
} __rte_packed __rte_aligned(2);

// The router's address on the same subnet, else any of the family (a gateway may be on link without
// one). NULL: none.
static const struct cw_ip *
source_for(const struct network *network, const struct cw_ip *ip)
{
	const struct cw_ip *any = NULL;

	for (uint16_t i = 0; i < network->n_addresses; i++) {
		const struct cw_ip *own = &network->addresses[i];

		if (own->family != ip->family)
			continue;
		if (address_in_subnet(own, ip->addr))
			return own;
		if (any == NULL)
			any = own;
	}
	return any;
}

static void
fill_arp(struct arp_request *request, const struct resolve_question *question,
	const struct cw_ip *source, const struct rte_ether_addr *mac)
{
	static const struct rte_ether_addr everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	memset(request, 0, sizeof(*request));
	request->ether.dst_addr = question->mac != NULL ? *question->mac : everybody;
	request->ether.src_addr = *mac;
	request->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	request->arp.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	request->arp.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	request->arp.arp_hlen = RTE_ETHER_ADDR_LEN;
	request->arp.arp_plen = sizeof(rte_be32_t);
	request->arp.arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST);
	request->arp.arp_data.arp_sha = *mac;
	memcpy(&request->arp.arp_data.arp_sip, source->addr, sizeof(rte_be32_t));
	memcpy(&request->arp.arp_data.arp_tip, question->ip.addr, sizeof(rte_be32_t));
}

// To the solicited-node group (RFC 4291, 2.7.1), or to the station itself.
static void
address_solicitation(struct solicitation *request, const struct resolve_question *question)
{
	static const uint8_t group[16] = {0xff, 0x02, [11] = 0x01, 0xff};
	const uint8_t *target = question->ip.addr;
	struct rte_ether_addr *mac = &request->ether.dst_addr;
	uint8_t *dst = ipv6_dst(&request->ip);

	memcpy(dst, target, 16);
	if (question->mac != NULL) {
		*mac = *question->mac;
		return;
	}
	memcpy(dst, group, 13);
	*mac = (struct rte_ether_addr){{0x33, 0x33, 0xff, target[13], target[14], target[15]}};
}

static void
fill_solicitation(struct solicitation *request, const struct resolve_question *question,
	const struct cw_ip *source, const struct rte_ether_addr *mac)
{
	const uint16_t len = sizeof(request->message) + sizeof(request->option);

	*request = (struct solicitation){
		.ether = {.src_addr = *mac, .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6)},
		.ip = {.vtc_flow = RTE_BE32(6u << 28),
			.payload_len = rte_cpu_to_be_16(len),
			.proto = IPPROTO_ICMPV6,
			.hop_limits = UINT8_MAX},
		.message = {.type = ND_NEIGHBOR_SOLICITATION},
		.option = {.type = ND_OPTION_SOURCE_ADDRESS, .length = 1, .mac = *mac},
	};
	memcpy(ipv6_src(&request->ip), source->addr, 16);
	memcpy(request->message.target, question->ip.addr, 16);
	address_solicitation(request, question);
	request->message.checksum =
		(uint16_t)~checksum_fold((uint32_t)rte_raw_cksum(&request->message, len)
					 + checksum_pseudo6(&request->ip, IPPROTO_ICMPV6, len));
}

static bool
send_by(struct dataplane *dp, const struct resolve_question *question, const struct cw_ip *source,
	const struct dp_port *port)
{
	const struct rte_ether_addr *mac = router_mac_at(question->network, port);
	const bool is_v6 = question->ip.family == 6;
	const uint16_t len = is_v6 ? sizeof(struct solicitation) : sizeof(struct arp_request);
	struct rte_mbuf *m = worker_originate_alloc(dp);
	void *frame;

	if (m == NULL)
		return false;
	frame = rte_pktmbuf_append(m, len);
	if (frame == NULL) {
		rte_pktmbuf_free(m);
		return false;
	}
	if (is_v6)
		fill_solicitation(frame, question, source, mac);
	else
		fill_arp(frame, question, source, mac);
	return worker_originate(dp, m, question->network->id, port->id);
}

static bool
leads_to_link(const struct dp_port *port)
{
	return port->kind != CW_PORT_HOST && port->n_ips == 0;
}

static uint32_t
send_by_all(struct dataplane *dp, const struct resolve_question *question,
	const struct cw_ip *source, const uint16_t *ids, uint32_t n)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct dp_port *port = dp_port_get(dp, ids[i]);

		if (port != NULL && leads_to_link(port))
			sent += send_by(dp, question, source, port);
	}
	return sent;
}

uint32_t
resolve_request_send(struct dataplane *dp, const struct resolve_question *question)
{
	const struct network *network = question->network;
	const struct cw_ip *source = network != NULL ? source_for(network, &question->ip) : NULL;
	const struct dp_port *port = dp_port_get(dp, question->port);

	if (source == NULL)
		return 0;
	if (question->port != 0)
		return port != NULL && send_by(dp, question, source, port);
	return send_by_all(dp, question, source, network->flood->port, network->flood->n)
	       + send_by_all(
		       dp, question, source, network->flood->routed, network->flood->n_routed);
}
