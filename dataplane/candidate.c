/* SPDX-License-Identifier: Apache-2.0 */
#include "candidate.h"

#include <errno.h>

#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include "worker_private.h"

#define RING 1024
#define FLOWS 4096 // of a worker; a power of two. Two that share a place forget each other
#define AFTER_PACKETS 2 // a flow of one packet is none
#define PER_SECOND 2000 // told by one worker at most
#define SHORTEST 42 // Ethernet, tag, IPv4 and ports

struct seen {
	uint32_t hash; // 0: none
	uint32_t packets; // since told_tsc
	uint64_t told_tsc; // 0: never
};

struct candidate_cache {
	uint64_t second_tsc;
	uint32_t tokens;
	struct seen seen[FLOWS];
};

int
candidates_open(struct dataplane *dp)
{
	if (dp->candidates != NULL)
		return 0;
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];

		if (w->candidates == NULL)
			w->candidates = rte_zmalloc_socket("candidates", sizeof(*w->candidates),
				RTE_CACHE_LINE_SIZE, w->socket_id);
		if (w->candidates == NULL)
			return -ENOMEM;
	}
	dp->candidates = rte_ring_create_elem(
		"candidates", sizeof(struct candidate), RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	return dp->candidates != NULL ? 0 : -ENOMEM;
}

void
candidates_close(struct dataplane *dp)
{
	candidates_enable(dp, false);
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		rte_free(dp->workers[i]->candidates);
		dp->workers[i]->candidates = NULL;
	}
	rte_ring_free(dp->candidates);
	dp->candidates = NULL;
}

void
candidates_enable(struct dataplane *dp, bool on)
{
	on = on && dp->candidates != NULL;
	for (uint16_t i = 0; i < dp->n_workers; i++)
		__atomic_store_n(&dp->workers[i]->looks_for_candidates, on, __ATOMIC_RELEASE);
}

bool
candidates_take(struct dataplane *dp, struct candidate *candidate)
{
	return dp->candidates != NULL
	       && rte_ring_sc_dequeue_elem(dp->candidates, candidate, sizeof(*candidate)) == 0;
}

static bool
may_tell(struct worker *w)
{
	struct candidate_cache *cache = w->candidates;

	if (w->now_tsc - cache->second_tsc >= rte_get_tsc_hz()) {
		cache->second_tsc = w->now_tsc;
		cache->tokens = PER_SECOND;
	}
	if (cache->tokens == 0)
		return false;
	cache->tokens--;
	return true;
}

static void
tell(struct worker *w, uint16_t port, const struct rte_mbuf *m, struct seen *seen)
{
	struct candidate candidate = {.port = port, .packets = seen->packets};

	if (!may_tell(w))
		return;
	candidate.len = (uint16_t)RTE_MIN(m->data_len, CANDIDATE_BYTES);
	memcpy(candidate.bytes, rte_pktmbuf_mtod(m, const void *), candidate.len);
	if (rte_ring_mp_enqueue_elem(w->dp->candidates, &candidate, sizeof(candidate)) != 0)
		return;
	seen->packets = 0;
	seen->told_tsc = w->now_tsc;
}

// Headers are where they are, rte_hash_crc() reads aligned words. size <= 40.
static inline uint32_t
hash_bytes(const uint8_t *bytes, uint32_t size, uint32_t hash)
{
	uint64_t words[5];

	memcpy(words, bytes, size);
	return rte_hash_crc(words, size, hash);
}

// Which flow it is, from its headers without what differs from packet to packet; 0: no candidate.
static inline uint32_t
hash_of(const uint8_t *frame, uint16_t len)
{
	const bool is_tagged = frame[12] == 0x81 && frame[13] == 0;
	const uint8_t *l3 = frame + (is_tagged ? 18 : 14);
	const uint8_t *type = l3 - 2;
	uint32_t hash;

	if (type[0] == 0x08 && type[1] == 0x00) { // TOS, then TTL and protocol, then ends
		hash = hash_bytes(frame, 14, l3[1]);
		hash = rte_hash_crc_2byte(*(const unaligned_uint16_t *)(l3 + 8), hash);
		return hash_bytes(l3 + 12, 12, hash) | 1;
	}
	if (type[0] != 0x86 || type[1] != 0xdd || l3 + 44 > frame + len)
		return 0;
	hash = hash_bytes(frame, 14, *(const unaligned_uint16_t *)l3);
	return hash_bytes(l3 + 6, 38, hash) | 1;
}

static inline bool
is_unicast(const uint8_t *frame)
{
	return ((frame[0] | frame[6]) & 1) == 0;
}

static inline void
look(struct worker *w, uint16_t port, const struct rte_mbuf *m, uint64_t again)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct seen *seen;
	uint32_t hash;

	if (m->data_len < SHORTEST || !is_unicast(frame))
		return;
	hash = hash_of(frame, m->data_len);
	if (hash == 0)
		return;
	seen = &w->candidates->seen[hash >> 1 & (FLOWS - 1)];
	if (unlikely(seen->hash != hash)) {
		*seen = (struct seen){.hash = hash, .packets = 1};
		return;
	}
	seen->packets++;
	if (seen->packets >= AFTER_PACKETS
		&& (seen->told_tsc == 0 || w->now_tsc - seen->told_tsc > again))
		tell(w, port, m, seen);
}

void
candidates_look(struct worker *w, uint16_t port, struct rte_mbuf *const *pkts, uint16_t n)
{
	const struct dp_port *p = dp_port_get(w->dp, port);
	const uint64_t again = rte_get_tsc_hz();

	if (p == NULL || (p->flags & CW_PORT_OFFLOAD) == 0)
		return;
	for (uint16_t i = 0; i < n; i++)
		look(w, port, pkts[i], again);
}
