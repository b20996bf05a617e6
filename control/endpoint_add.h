/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_ENDPOINT_ADD_H
#define CONTROL_ENDPOINT_ADD_H

#include "changes.h"

// failure->code is 0: endpoint is the one of the tree, forwarded and durable. Else NULL.
typedef void endpoint_add_fn(
	void *arg, const struct failure *failure, const struct endpoint *endpoint);

// Attaches a pod as endpoint.add says; params were checked and live until done is called, like the
// descriptor netns. All or nothing. The caller has its turn (changes_queue).
void endpoint_add(
	struct causewayd *d, const cJSON *params, int netns, endpoint_add_fn *done, void *arg);

#endif
