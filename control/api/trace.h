/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_TRACE_H
#define API_TRACE_H

#include "causewayd.h"

struct api;

// A record as JSON. NULL: no memory.
cJSON *trace_json(struct causewayd *d, const struct cw_trace_record *record);
// Who traces has gone.
void trace_stop(struct api *api);

#endif
