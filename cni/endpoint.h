/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_ENDPOINT_H
#define CNI_ENDPOINT_H

// The endpoint objects of causewayd as the plugin uses them.

#include "call.h"

// {container, ifname}: the key of this call's endpoint. NULL for lack of memory.
cJSON *endpoint_key(const struct cni_env *env);

// Parameters of endpoint.add. addresses is a result in the shape of result.h. NULL with error
// filled in when a route asks for what causewayd has not.
cJSON *endpoint_params(const struct cni_call *call, const struct attachment *attachment,
	const cJSON *addresses, struct cni_error *error);

// The result of ADD: the interface that causewayd made (reply), with addresses. NULL for lack of
// memory.
cJSON *endpoint_result(const struct cni_env *env, const cJSON *reply, const cJSON *addresses);

// Deletes this call's endpoint. When causewayd is away a tombstone is left instead, which is
// success, too.
int endpoint_release(const struct cni_call *call, struct cni_error *error);

#endif
