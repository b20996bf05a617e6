/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_DECAP_ECN_H
#define STAGES_DECAP_ECN_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

// The last two bits of DSCP and ECN (RFC 3168, 5).
enum ecn { ECN_NOT_ECT, ECN_ECT1, ECN_ECT0, ECN_CE };

// Takes the mark of the outer header over into the inner frame (RFC 6040, 4.2). Returns false when
// the packet must be dropped: congestion was met, but its ends would not understand. What is no
// whole IP header in the first segment is left alone.
bool decap_take_ecn(struct rte_mbuf *m, enum ecn outer);

#endif
