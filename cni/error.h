/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_ERROR_H
#define CNI_ERROR_H

// Errors as the CNI specification 1.1.0 wants them (section 5, "Error"): one JSON object on
// stdout, exit status not 0. Functions of the plugin that can fail take a struct cni_error, return
// 0 or -1, and have filled it in when they return -1.

#include "client.h"

enum cni_code {
	CNI_VERSION_UNSUPPORTED = 1,
	CNI_FIELD_UNSUPPORTED = 2,
	CNI_ENVIRONMENT = 4,
	CNI_IO = 5,
	CNI_DECODE = 6,
	CNI_CONFIG = 7,
	CNI_NETNS = 8,
	CNI_TRY_AGAIN = 11,
	CNI_NOT_AVAILABLE = 50, // STATUS: cannot serve ADD
	// Causeway's own; docs/cni.md lists them
	CNI_INTERNAL = 100,
	CNI_CONFLICT = 101, // an attachment or interface of that name is there already
	CNI_EXHAUSTED = 102, // no ports, identifiers or table space left
	CNI_REFUSED = 103, // the kernel or the data plane refused
	CNI_DENIED = 104, // the plugin may not talk to causewayd
	CNI_DELEGATE = 105, // the IPAM plugin cannot be run or broke its contract
};

struct cni_error {
	int code;
	char message[1024];
	char details[1024]; // empty when there are none
};

// Fills error in, without details. Always returns -1.
int error_set(struct cni_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Turns what client_open or client_call returned (rc) and explained into a CNI error. Returns -1.
int error_from_client(struct cni_error *error, int rc, const struct client_error *cause);

// Rewords what a runtime would take for "all is well" in a DEL: go-cni ignores errors whose text
// says "not found".
void error_reword(struct cni_error *error);

// Prints the error object on stdout. version is the configuration's, NULL when it is not known.
void error_print(const struct cni_error *error, const char *version);

#endif
