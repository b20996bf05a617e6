/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VHOST_FEATURES_H
#define DRIVERS_PORT_VHOST_FEATURES_H

// Which virtio-net features we offer, and what the negotiated ones mean for a port. Any thread.
//
// Not offered: UFO and ECN (metadata does not describe them), and live migration (LOG_ALL,
// postcopy): our own ring code does not mark the pages that it writes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct vhost_arguments;

uint64_t vhost_features_offered(const struct vhost_arguments *arguments, uint16_t n_pairs);
uint64_t vhost_protocol_features_offered(const struct vhost_arguments *arguments);

// The part of port_capability that the guest negotiated: PORT_TX_CHECKSUM, PORT_TX_TSO*.
uint32_t vhost_features_capabilities(uint64_t features);

// "packed,mergeable,...".
void vhost_features_names(uint64_t features, char *text, size_t len);

// True when the guest did not negotiate what the frame's metadata asks of it.
bool vhost_features_refuse(uint64_t features, const struct rte_mbuf *m);

#endif
