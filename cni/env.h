/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_ENV_H
#define CNI_ENV_H

// The environment variables of a CNI call (specification 1.1.0, section 2). Strings point into the
// process's environment or into this structure; they live as long as both.

#include <stdbool.h>

#include "error.h"

enum cni_verb {
	CNI_VERB_ADD,
	CNI_VERB_DEL,
	CNI_VERB_CHECK,
	CNI_VERB_GC,
	CNI_VERB_STATUS,
	CNI_VERB_VERSION,
	CNI_VERBS, // number of verbs, not a verb
};

// What Kubernetes runtimes and users pass in CNI_ARGS; NULL when absent.
struct cni_args {
	const char *pod_namespace;
	const char *pod_name;
	const char *pod_uid;
	const char *mac;
	const char *ip;
};

struct cni_env {
	enum cni_verb verb;
	const char *container; // the strings are never NULL; "" when unset
	const char *netns;
	const char *ifname;
	const char *path;
	bool netns_override; // the plugin's own network namespace may be meant
	struct cni_args args;
	char args_text[4096]; // CNI_ARGS, cut into the strings of args
};

// Name of a verb as in CNI_COMMAND.
const char *env_verb_name(enum cni_verb verb);

// Reads and checks what the verb needs: missing and malformed variables are code 4, all missing
// ones named at once. GC, STATUS and VERSION leave container, netns and ifname unchecked.
int env_read(struct cni_env *env, struct cni_error *error);

// [A-Za-z0-9][A-Za-z0-9_.-]*, the specification's rule for container IDs and network names.
bool env_is_name(const char *text);

#endif
