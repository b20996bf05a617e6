/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_SEGMENT_CUT_H
#define STAGES_SEGMENT_CUT_H

// Cuts a super-frame into frames, one a call: TCP (as TSO does) and UDP (as USO does: each frame a
// datagram of its own) over IPv4 and IPv6 with extension headers. What stands in front of the IP
// header is a template that the caller hands in, so that the same code serves plain frames (their
// Ethernet header with its tags) and tunnels (outer headers and inner Ethernet header; the caller
// finishes the outer lengths, identifiers and checksums of each frame it gets).
//
// Worker threads. The super-frame stays the caller's and unchanged; it must outlive the cut.

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

// Frames that one super-frame may become: 64 KiB in the smallest segments that stacks use.
#define SEGMENT_MAX_FRAMES 2048

struct segment_headers {
	const void *front; // template of what stands in front of the IP header of each frame
	uint16_t front_len;
	uint16_t l3_offset; // of the IP header in the super-frame
	uint16_t l3_len; // with IPv4 options or IPv6 extension headers
	uint8_t ip_proto; // IPPROTO_TCP or IPPROTO_UDP
	uint16_t size; // payload bytes of a frame
	bool leave_unfinished; // the port completes checksums: pseudo-header form and metadata
};

// Under way; private to segment_cut.c but for 'left' and 'n'.
struct segment_cut {
	struct segment_headers h;
	const struct rte_mbuf *at; // segment of the super-frame with the next payload byte
	uint32_t at_offset;
	uint32_t left; // payload bytes not cut yet
	uint16_t n; // frames made
	uint16_t l4_len;
	uint8_t version;
	const uint8_t *headers; // IP and L4 header of the super-frame
};

// Starts. Everything that the headers and 'h' say is checked against the frame. Returns 0, or
// -EINVAL: no such protocol, size 0, headers beyond the first segment, lengths beyond the frame, a
// fragment, or more than SEGMENT_MAX_FRAMES frames.
int segment_cut_start(
	struct segment_cut *cut, const struct rte_mbuf *m, const struct segment_headers *h);

static inline bool
segment_cut_is_done(const struct segment_cut *cut)
{
	return cut->n > 0 && cut->left == 0;
}

// The next frame: one segment, complete but for what the caller does to the template's copy at its
// start; from 'mbufs', or from 'jumbos' when it does not fit there. Its l2_len is front_len.
// Returns NULL when the pool is empty, and may then be called again.
struct rte_mbuf *segment_cut_next(
	struct segment_cut *cut, struct rte_mempool *mbufs, struct rte_mempool *jumbos);

// Room for frames in the mbufs of a pool, behind the headroom.
static inline uint32_t
segment_room(struct rte_mempool *pool)
{
	return rte_pktmbuf_data_room_size(pool) - (uint32_t)RTE_PKTMBUF_HEADROOM;
}

#endif
