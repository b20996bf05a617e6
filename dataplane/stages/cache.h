/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_CACHE_H
#define STAGES_CACHE_H

// The last port and the last network of a burst: most bursts need one of each, and a look-up is two
// dependent loads. Lives on the stage's stack, at most one burst, so that what it points at stays
// valid (the worker reports quiescent states between rounds only).

#include "worker.h"

struct port_cache {
	const struct dp_port *port;
	uint16_t id;
};

struct network_cache {
	const struct network *network;
	uint16_t id;
};

// The port with this id, or NULL when it is gone. id < CW_MAX_PORTS.
static inline const struct dp_port *
cached_port(const struct worker *w, struct port_cache *cache, uint16_t id)
{
	if (unlikely(cache->port == NULL || cache->id != id)) {
		cache->port = dp_port_get(w->dp, id);
		cache->id = id;
	}
	return cache->port;
}

// The network with this id, or NULL when it is gone. id < CW_MAX_NETWORKS.
static inline const struct network *
cached_network(const struct worker *w, struct network_cache *cache, uint16_t id)
{
	if (unlikely(cache->network == NULL || cache->id != id)) {
		cache->network = dp_network(w->dp, id);
		cache->id = id;
	}
	return cache->network;
}

#endif
