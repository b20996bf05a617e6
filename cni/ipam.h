/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_IPAM_H
#define CNI_IPAM_H

// Delegation to the IPAM plugin that the configuration names (CNI specification 1.1.0, section 4).

#include "config.h"
#include "env.h"
#include "error.h"

// Runs the delegate with our environment, CNI_COMMAND being verb, and our whole stdin. For ADD
// *result is its result in the shape of result.h, the caller's to free; a failed ADD has been
// followed by the delegate's DEL. For other verbs result may be NULL.
// Fails with the delegate's own error, code 4 when CNI_PATH is needed and empty, or
// CNI_DELEGATE. Must only be called when config->ipam_type is set.
int ipam_call(const struct config *config, const struct cni_env *env, enum cni_verb verb,
	cJSON **result, struct cni_error *error);

// For GC and STATUS: like ipam_call, but a delegate that does not know the verb is no failure.
int ipam_call_if_known(const struct config *config, const struct cni_env *env, enum cni_verb verb,
	struct cni_error *error);

// DEL on the way back from a failed ADD: what goes wrong is only said on stderr.
void ipam_roll_back(const struct config *config, const struct cni_env *env);

// Finds the first executable file called type in path, a list of folders with ':' between them.
// Returns false when there is none.
bool ipam_find(char *file, size_t size, const char *path, const char *type);

#endif
