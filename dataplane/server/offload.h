/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OFFLOAD_H
#define SERVER_OFFLOAD_H

// Decides which flows devices carry by themselves: those that the switch has seen on ports with
// CW_PORT_OFFLOAD (candidate.h), whose way the stages themselves tell (offload_probe.h), as rules
// that match nothing else (offload_diff.h). A rule is in the device only while asking the stages
// again gives the same rule: whoever changes tables calls offload_settle() before he answers. Main
// thread.

#include "objects.h"

struct offload;
struct reply;

struct offload *offload_create(struct dataplane *dp, struct objects *objects); // NULL: no memory
// Takes all rules back.
void offload_free(struct offload *offload);

// Tables or ports have changed: rules that are not right any more are gone when it returns.
void offload_settle(struct offload *offload);
// Its device is about to be closed.
void offload_port_closing(struct offload *offload, uint16_t port);
// Takes candidates and the devices' late answers, bounded. A hundred times a second.
void offload_poll(struct offload *offload);
// Counters, ageing, ranks, retries. Once a second.
void offload_second(struct offload *offload, uint32_t now_s);
// cw_flow items.
void offload_fill(struct offload *offload, struct reply *reply);

#endif
