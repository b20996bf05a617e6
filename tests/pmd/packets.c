/* SPDX-License-Identifier: Apache-2.0 */
#include "packets.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#define TEST_TYPE 0x88b5 // IEEE 802, local experiments

static size_t
make_ether(const struct spec *spec, uint8_t *frame)
{
	uint16_t type = spec->version == 4   ? RTE_ETHER_TYPE_IPV4
			: spec->version == 6 ? RTE_ETHER_TYPE_IPV6
					     : TEST_TYPE;
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;
	size_t n = 12;

	*ether = (struct rte_ether_hdr){
		{{2, 0, 0, 0, 0, spec->dst}}, {{2, 0, 0, 0, 1, spec->src}}, 0};
	for (unsigned int i = 0; i < spec->n_tags; i++, n += 4) {
		uint16_t tag[2] = {rte_cpu_to_be_16(spec->tpid[i]), rte_cpu_to_be_16(spec->tci[i])};

		memcpy(frame + n, tag, sizeof(tag));
	}
	type = rte_cpu_to_be_16(type);
	memcpy(frame + n, &type, sizeof(type));
	return n + sizeof(type);
}

// Above IP. Returns its length.
static size_t
make_l4(const struct spec *spec, uint8_t *at)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)at;
	size_t n = 0;

	if (spec->protocol == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)at;

		*tcp = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(spec->src_port),
			.dst_port = rte_cpu_to_be_16(spec->dst_port),
			.data_off = 5 << 4,
			.tcp_flags = 0x18};
		n = sizeof(*tcp);
	} else if (spec->protocol == IPPROTO_UDP) {
		*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(spec->src_port),
			.dst_port = rte_cpu_to_be_16(spec->dst_port)};
		n = sizeof(*udp);
	} else {
		at[0] = 8; // ICMP echo
		memset(at + 1, 0, 7);
		n = 8;
	}
	if (spec->inner != NULL) {
		uint32_t header[2] = {RTE_BE32(0x08000000), rte_cpu_to_be_32(spec->vni << 8)};

		memcpy(at + n, header, sizeof(header));
		n += sizeof(header);
		n += packet_make(spec->inner, at + n);
	}
	for (unsigned int i = 0; i < spec->payload; i++)
		at[n++] = (uint8_t)i;
	if (spec->protocol == IPPROTO_UDP)
		udp->dgram_len = rte_cpu_to_be_16((uint16_t)n);
	return n;
}

static void
finish_l4(const struct spec *spec, const void *ip, uint8_t *at)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)at;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)at;
	bool v4 = spec->version == 4;

	if ((spec->fragment & 0x1fff) != 0)
		return;
	if (spec->protocol == IPPROTO_UDP && !spec->no_checksum)
		udp->dgram_cksum =
			v4 ? rte_ipv4_udptcp_cksum(ip, udp) : rte_ipv6_udptcp_cksum(ip, udp);
	else if (spec->protocol == IPPROTO_TCP)
		tcp->cksum = v4 ? rte_ipv4_udptcp_cksum(ip, tcp) : rte_ipv6_udptcp_cksum(ip, tcp);
	if (spec->bad_l4)
		udp->dgram_cksum ^= 0x0101;
}

static size_t
make_ipv4(const struct spec *spec, uint8_t *at)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	size_t size = sizeof(*ip) + (spec->has_options ? 4 : 0), n;

	*ip = (struct rte_ipv4_hdr){.version_ihl = (uint8_t)(0x40 | size / 4),
		.time_to_live = spec->ttl,
		.next_proto_id = spec->protocol,
		.fragment_offset = rte_cpu_to_be_16(spec->fragment),
		.src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1)),
		.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, spec->dst_ip))};
	memset(ip + 1, 1, size - sizeof(*ip)); // no operation
	n = size + make_l4(spec, at + size);
	ip->total_length = rte_cpu_to_be_16((uint16_t)n);
	finish_l4(spec, ip, at + size);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(n + spec->extra_length));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (spec->bad_checksum)
		ip->hdr_checksum ^= 0x0101;
	return n;
}

static size_t
make_ipv6(const struct spec *spec, uint8_t *at)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;
	size_t size = sizeof(*ip), n;

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = RTE_BE32(0x60000000), .proto = spec->protocol, .hop_limits = spec->ttl};
	ip->src_addr[0] = ip->dst_addr[0] = 0xfd;
	ip->src_addr[15] = 1;
	ip->dst_addr[15] = spec->dst_ip;
	if (spec->extension != 0)
		size += 8;
	n = size + make_l4(spec, at + size);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(n - size));
	finish_l4(spec, ip, at + size);
	if (spec->extension != 0) {
		memset(at + sizeof(*ip), 0, 8);
		at[sizeof(*ip)] = spec->protocol;
		if (spec->extension == IPPROTO_FRAGMENT)
			at[sizeof(*ip) + 2] = (uint8_t)(spec->fragment >> 5);
		ip->proto = spec->extension;
	}
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(n - sizeof(*ip) + spec->extra_length));
	return n;
}

size_t
packet_make(const struct spec *spec, uint8_t *frame)
{
	size_t n = make_ether(spec, frame);

	if (spec->version == 4)
		return n + make_ipv4(spec, frame + n);
	if (spec->version == 6)
		return n + make_ipv6(spec, frame + n);
	memset(frame + n, 0x5a, 46);
	return n + 46;
}
