/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_NEXTHOP_H
#define OBJECTS_NEXTHOP_H

#include "types.h"

// "port", "via", "host", "blackhole", "unreachable", "prohibit" or "group".
const char *nexthop_kind_name(const struct nexthop *nexthop);

#endif
