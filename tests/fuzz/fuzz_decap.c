/* SPDX-License-Identifier: Apache-2.0 */

// libFuzzer target: what another node sends into our tunnels. The first byte chooses the kind of
// tunnel (bits 0 and 1), an IPv6 packet inside (2), a right checksum of the outer IPv4 header in
// spite of all (3), a chain of segments (4); the second how many bytes are missing at the end. Then
// follow changes, three bytes each: where (two bytes) and what is exclusive-ored. The books must
// balance, and no buffer may be lost.

#include "../unit/tunnel_frames.h"

#define CHANGE 3 // bytes

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct outer *const kinds[] = {&vxlan4, &vxlan6, &ipip, &bare_udp};
static void *fixture; // lives on

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return setup_tunnels(&fixture);
}

static struct frame
make_frame(const uint8_t *data, size_t size)
{
	struct frame inner = data[0] & 4 ? frame_udp6(4, 3, NULL) : frame_udp4(4, 3, NULL);
	struct frame frame = wrap(&inner, kinds[data[0] & 3]);

	for (size_t at = 2; at + CHANGE <= size; at += CHANGE)
		frame.bytes[((size_t)data[at] << 8 | data[at + 1]) % frame.len] ^= data[at + 2];
	if ((data[0] & 8) != 0 && frame.bytes[14] >> 4 == 4)
		frame_fix_ipv4(&frame);
	frame.len = (uint16_t)(frame.len - data[1] % frame.len);
	return frame;
}

// The frame in segments: all but the last have one byte in five.
static struct rte_mbuf *
make_packet(struct fixture *f, const struct frame *frame, bool is_chain)
{
	const uint16_t part = (uint16_t)(frame->len / 5);
	struct rte_mbuf *first, *next;

	if (!is_chain || part == 0)
		return fixture_packet(f, frame->bytes, frame->len);
	first = fixture_packet(f, frame->bytes, part);
	for (uint16_t at = part; at < frame->len; at = (uint16_t)(at + part)) {
		uint16_t len = (uint16_t)RTE_MIN(part, frame->len - at);

		next = fixture_packet(f, frame->bytes + at, len);
		if (rte_pktmbuf_chain(first, next) != 0)
			abort();
	}
	return first;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fixture *f = fixture;
	struct rte_mbuf *m;
	struct frame frame;

	if (size < 2)
		return 0;
	frame = make_frame(data, size);
	m = make_packet(f, &frame, (data[0] & 16) != 0);
	fixture_inject(f, UPLINK, &m, 1);
	fixture_sent_clear(f);
	fixture_assert_balanced(f);
	fixture_assert_no_leak(f);
	return 0;
}
