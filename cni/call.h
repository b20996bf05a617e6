/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_CALL_H
#define CNI_CALL_H

// One call of the plugin and its verbs. A verb returns 0, or -1 with call->error filled in; what it
// answers on success it prints itself.

#include "config.h"
#include "env.h"
#include "error.h"

struct cni_call {
	struct cni_env env;
	struct config config; // all zero for VERSION
	struct cni_error error;
};

int verb_add(struct cni_call *call);
int verb_del(struct cni_call *call);
int verb_check(struct cni_call *call);
int verb_gc(struct cni_call *call);
int verb_status(struct cni_call *call);

// Prints the supported versions on stdout. text is what stdin held, possibly nothing: its
// cniVersion is echoed as the specification wants.
int verb_version(const char *text, struct cni_error *error);

#endif
