/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "causewayd.h"

// How we are, from memory alone. NULL: no memory.
cJSON *health_json(struct causewayd *d);

#endif
