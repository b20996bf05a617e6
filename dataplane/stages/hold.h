/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_HOLD_H
#define STAGES_HOLD_H

// Packets that wait until it is known who has an address (RFC 1122, 2.3.2.2). A stage that finds a
// next hop with action NEXTHOP_CONNECTED sets ctx->nexthop and hands the packet to "hold". Each
// worker keeps its own: a few packets for each of some addresses. They go on when the neighbour or
// the next hop is there, and are dropped (no_neighbor, with an ICMP error) when nobody was found in
// time. Only the worker itself touches what it holds.

#include <stdbool.h>
#include <stdint.h>

#define HOLD_ADDRESSES 64 // that packets of one worker wait for at a time
#define HOLD_PACKETS 8 // for each of them; the oldest gives way
#define HOLD_MS 3000 // as long as three requests take, a second apart
#define HOLD_ASK_MS 1000 // told again as wanted

struct hold;
struct worker;

struct hold *hold_create(int socket_id); // NULL: no memory
void hold_free(struct hold *hold); // with the packets, which nobody counts any more

// Any thread: whether packets wait.
bool hold_is_busy(const struct hold *hold);
// The worker, between two bursts: lets go whose neighbour is there, drops what waited too long or
// came from a port that is gone, tells again what is wanted. Returns how many packets it moved.
uint16_t hold_poll(struct worker *w);

#endif
