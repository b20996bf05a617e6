/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk_frame.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define TCP_LEN ((uint32_t)sizeof(struct tcphdr))
#define HEADERS_MAX (18 + 40 + 20)
#define SOURCE_PORT 4000
#define TARGET_PORT 5000

// Folded sum of a run that starts at an even place; odd tells of the next one.
static uint32_t
sum_bytes(const uint8_t *bytes, size_t len, bool odd)
{
	uint64_t sum = 0;
	uint32_t folded;

	for (; len >= 4; len -= 4, bytes += 4) {
		uint32_t word;

		memcpy(&word, bytes, sizeof(word));
		sum += word;
	}
	if (len > 0) {
		uint32_t word = 0;

		memcpy(&word, bytes, len);
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	folded = (uint32_t)((sum & 0xffff) + (sum >> 16));
	folded = (folded & 0xffff) + (folded >> 16);
	return odd ? ((folded & 0xff) << 8 | folded >> 8) : folded;
}

static uint16_t
fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint32_t
pseudo_sum(const struct bulk_stream *s, uint32_t tcp_bytes)
{
	const uint32_t tail[2] = {htonl(tcp_bytes), htonl(IPPROTO_TCP)};
	size_t len = s->ipv6 ? 16 : 4;

	return sum_bytes(s->source_ip, len, false) + sum_bytes(s->target_ip, len, false)
	       + sum_bytes((const uint8_t *)tail, sizeof(tail), false);
}

bool
bulk_stream_start(struct bulk_stream *s, uint16_t frames)
{
	uint32_t state = 0x2545f491, len = s->payload + frames * BULK_SHIFT;

	s->l2_len = s->vlan != 0 ? 18 : 14;
	s->l3_len = s->ipv6 ? 40 : 20;
	s->headers = s->l2_len + s->l3_len + TCP_LEN;
	s->frames = frames;
	s->pattern = malloc(len);
	for (uint32_t i = 0; s->pattern != NULL && i < len; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		s->pattern[i] = (uint8_t)state;
	}
	return s->pattern != NULL;
}

void
bulk_stream_free(struct bulk_stream *s)
{
	free(s->pattern);
}

// Payload from 'offset' to the end of its frame.
static const uint8_t *
payload_at(const struct bulk_stream *s, uint64_t offset)
{
	return s->pattern + offset / s->payload % s->frames * BULK_SHIFT + offset % s->payload;
}

static void
write_ethernet(const struct bulk_stream *s, uint8_t *frame)
{
	const uint16_t type = htons(s->ipv6 ? 0x86dd : 0x0800);
	const uint16_t tag[2] = {htons(0x8100), htons(s->vlan)};

	memcpy(frame, s->target_mac, 6);
	memcpy(frame + 6, s->source_mac, 6);
	if (s->vlan != 0)
		memcpy(frame + 12, tag, sizeof(tag));
	memcpy(frame + s->l2_len - 2, &type, sizeof(type));
}

static void
write_ip(const struct bulk_stream *s, uint8_t *at, uint32_t tcp_bytes)
{
	struct ip6_hdr six = {.ip6_plen = htons((uint16_t)tcp_bytes), .ip6_nxt = IPPROTO_TCP};
	struct iphdr four = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.frag_off = htons(IP_DF),
		.tot_len = htons((uint16_t)(sizeof(four) + tcp_bytes)),
	};

	if (s->ipv6) {
		six.ip6_flow = htonl(0x60000000);
		six.ip6_hlim = 64;
		memcpy(&six.ip6_src, s->source_ip, 16);
		memcpy(&six.ip6_dst, s->target_ip, 16);
		memcpy(at, &six, sizeof(six));
		return;
	}
	memcpy(&four.saddr, s->source_ip, 4);
	memcpy(&four.daddr, s->target_ip, 4);
	four.check = (uint16_t)~fold(sum_bytes((const uint8_t *)&four, sizeof(four), false));
	memcpy(at, &four, sizeof(four));
}

void
bulk_frame_write(const struct bulk_stream *s, uint8_t *frame, uint64_t offset)
{
	uint32_t tcp_bytes = TCP_LEN + s->payload;

	write_ethernet(s, frame);
	write_ip(s, frame + s->l2_len, tcp_bytes);
	memcpy(frame + s->headers, payload_at(s, offset), s->payload);
	bulk_frame_move(s, frame, offset);
}

void
bulk_frame_move(const struct bulk_stream *s, uint8_t *frame, uint64_t offset)
{
	uint32_t tcp_bytes = TCP_LEN + s->payload;
	uint8_t *at = frame + s->l2_len + s->l3_len;
	struct tcphdr tcp = {
		.source = htons(SOURCE_PORT),
		.dest = htons(TARGET_PORT),
		.seq = htonl((uint32_t)offset),
		.doff = 5,
		.ack = 1,
		.window = htons(65535),
	};

	tcp.check = fold(pseudo_sum(s, tcp_bytes));
	memcpy(at, &tcp, sizeof(tcp));
	if (s->partial)
		return;
	tcp.check = (uint16_t)~fold(sum_bytes(at, tcp_bytes, false));
	memcpy(at, &tcp, sizeof(tcp));
}

void
bulk_header(const struct bulk_stream *s, struct virtio_net_hdr_mrg_rxbuf *header)
{
	*header = (struct virtio_net_hdr_mrg_rxbuf){0};
	if (!s->partial)
		return;
	header->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->hdr.csum_start = (uint16_t)(s->l2_len + s->l3_len);
	header->hdr.csum_offset = offsetof(struct tcphdr, check);
	if (s->payload <= s->mss)
		return;
	header->hdr.gso_type = s->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	header->hdr.gso_size = s->mss;
	header->hdr.hdr_len = (uint16_t)s->headers;
}

// Sum of all bytes from 'skip' on, over the parts.
static uint32_t
sum_frame(const struct rx_frame *frame, uint32_t skip)
{
	uint32_t sum = 0, done = 0;

	for (unsigned i = 0; i < frame->n; i++) {
		const uint8_t *bytes = frame->parts[i].iov_base;
		uint32_t len = (uint32_t)frame->parts[i].iov_len;
		uint32_t jump = skip < len ? skip : len;

		skip -= jump;
		sum += sum_bytes(bytes + jump, len - jump, (done & 1) != 0);
		done += len - jump;
	}
	return fold(sum);
}

static bool
payload_right(const struct bulk_stream *s, const struct rx_frame *frame, uint64_t offset)
{
	uint32_t skip = s->headers, left = s->payload - (uint32_t)(offset % s->payload);
	const uint8_t *want = payload_at(s, offset);

	for (unsigned i = 0; i < frame->n; i++) {
		const uint8_t *bytes = frame->parts[i].iov_base;
		uint32_t len = (uint32_t)frame->parts[i].iov_len;
		uint32_t jump = skip < len ? skip : len;

		skip -= jump;
		len -= jump;
		if (len > left || memcmp(bytes + jump, want, len) != 0)
			return false;
		want += len;
		left -= len;
	}
	return true;
}

static void
check_checksum(const struct bulk_stream *s, const struct rx_frame *frame, const struct tcphdr *tcp,
	struct bulk_errors *errors)
{
	const struct virtio_net_hdr *h = &frame->header.hdr;
	uint32_t l4 = s->l2_len + s->l3_len, pseudo = pseudo_sum(s, frame->len - l4);

	if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
		errors->metadata +=
			h->csum_start != l4 || h->csum_offset != offsetof(struct tcphdr, check);
		errors->checksum += tcp->check != fold(pseudo);
	} else {
		errors->checksum += fold(pseudo + sum_frame(frame, l4)) != 0xffff;
	}
}

static void
check_metadata(
	const struct bulk_stream *s, const struct rx_frame *frame, struct bulk_errors *errors)
{
	const struct virtio_net_hdr *h = &frame->header.hdr;
	uint8_t type = s->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	bool is_super = frame->len - s->headers > s->mss;

	errors->metadata += is_super && (h->gso_type != type || h->gso_size != s->mss);
	errors->metadata += !is_super && h->gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

uint32_t
bulk_frame_check(const struct bulk_stream *s, const struct rx_frame *frame, uint64_t *offset,
	struct bulk_errors *errors)
{
	uint8_t want[HEADERS_MAX];
	const uint8_t *got = frame->parts[0].iov_base;
	struct tcphdr tcp;

	if (frame->parts[0].iov_len < s->headers || frame->len <= s->headers) {
		errors->foreign++;
		return 0;
	}
	write_ethernet(s, want);
	write_ip(s, want + s->l2_len, frame->len - s->l2_len - s->l3_len);
	if (memcmp(want, got, s->l2_len) != 0) {
		errors->foreign++;
		return 0;
	}
	// A frame that was cut of a super-frame may have an identification of its own.
	memcpy(&tcp, got + s->l2_len + s->l3_len, sizeof(tcp));
	if (!s->ipv6) {
		memcpy(want + s->l2_len + 4, got + s->l2_len + 4, 2);
		memset(want + s->l2_len + 10, 0, 2);
		uint16_t check = (uint16_t)~fold(sum_bytes(want + s->l2_len, 20, false));

		memcpy(want + s->l2_len + 10, &check, sizeof(check));
	}
	errors->ip_checksum += memcmp(want + s->l2_len, got + s->l2_len, s->l3_len) != 0;
	*offset += (uint64_t)(int64_t)(int32_t)(ntohl(tcp.seq) - (uint32_t)*offset);
	errors->bytes += !payload_right(s, frame, *offset);
	check_checksum(s, frame, &tcp, errors);
	check_metadata(s, frame, errors);
	return frame->len - s->headers;
}
