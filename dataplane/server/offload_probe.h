/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OFFLOAD_PROBE_H
#define SERVER_OFFLOAD_PROBE_H

// What the switch would do with a packet: the stages themselves run it, on a worker that polls and
// sends nothing, up to the point where it would be sent. Its counters are nobody's, nothing is
// learned, held, answered or copied. Main thread.

#include <stdbool.h>
#include <stdint.h>

#include "dataplane.h"

#define PROBE_BYTES 320

struct probe;

struct probe_result {
	uint16_t in_port; // that the packet counts for: a sub-port has no device
	uint16_t out_port; // 0: it is not simply forwarded, reason says why
	uint32_t mtu; // L3 bytes that fit the way, in terms of the packet without its new tunnel
	bool is_vxlan; // leaves in a VXLAN tunnel
	uint16_t len; // of bytes[]
	uint8_t bytes[PROBE_BYTES]; // the frame as it would be sent
	char reason[96];
};

struct probe *probe_create(struct dataplane *dp); // NULL: no memory
void probe_free(struct probe *probe);
// Before the first packet that comes in by this port, or counts for it. Returns 0 or -ENOMEM.
int probe_add_port(struct probe *probe, uint16_t port);
// frame: len <= PROBE_BYTES - 64 bytes as port receives them.
void probe_run(struct probe *probe, uint16_t port, const uint8_t *frame, uint16_t len,
	struct probe_result *result);

#endif
