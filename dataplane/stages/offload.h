/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_OFFLOAD_H
#define STAGES_OFFLOAD_H

// What senders leave to be done: unfinished checksums and super-frames (drivers/port/port.h). The
// parse stage makes sure that later stages can trust the metadata.

#include <stdbool.h>

#include "packet.h"

// Checks the sender's metadata against the headers that were found, and sets l2_len, l3_len, l4_len
// and the IP family from these. Returns false when they contradict each other. Workers.
bool offload_is_consistent(struct rte_mbuf *m, const struct packet_ctx *ctx);

// For ports without metadata (AF_XDP): a pod that turned checksum offload on sends a checksum field
// that holds just the pseudo-header sum. Then the frame is marked like any other with an unfinished
// checksum. One right checksum in 65,536 looks the same; finishing it again gives the same value,
// so that nothing is lost, and nothing needs counting here. Workers.
void offload_detect(struct rte_mbuf *m, const struct packet_ctx *ctx);

#endif
