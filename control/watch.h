/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_WATCH_H
#define CONTROL_WATCH_H

// News for those who watch on control.sock. Main thread.

#include "causewayd.h"

// Tells those who watch objects of a type. what: "add", "set", "del", "state". Takes json over;
// NULL (no memory) is told as null.
void watch_publish(struct causewayd *d, enum object_type type, const char *what, cJSON *json);
// Whether anybody does: else nobody need write JSON for them.
bool watch_wants(const struct causewayd *d, enum object_type type);
// The same of VFs, which are no objects of ours.
void watch_vf(struct causewayd *d, const char *what, cJSON *json);
bool watch_wants_vfs(const struct causewayd *d);
// The state of the whole: for health.watch.
void watch_health(struct causewayd *d);
// A packet that the data plane traced.
void watch_trace(struct causewayd *d, const struct cw_trace_record *record);
// The data plane went away: who traced there is let go.
void watch_trace_end(struct causewayd *d);

#endif
