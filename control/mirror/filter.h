/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_FILTER_H
#define MIRROR_FILTER_H

// Which routes are followed, as options say it.

#include "mirror/plan.h"
#include "options.h"

// Adds or, behind '!', takes away protocols of a list like "all,!boot" or "bird,186": names as
// /etc/iproute2/rt_protos has them, or numbers. Returns false for a name that is not known.
bool filter_parse_protocols(const char *text, bool protocols[PLAN_PROTOCOLS]);

// options are checked.
struct plan_filter filter_of_options(const struct options *options);

#endif
