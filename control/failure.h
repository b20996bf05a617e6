/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_FAILURE_H
#define CONTROL_FAILURE_H

// Why something was refused, in the terms of control.sock: code, sentence, the parameter at fault,
// its value, and the way out.

#include <causeway/error.h>

struct failure {
	int code; // cw_rpc_error; 0: none
	char message[256];
	char key[64]; // empty when no parameter is at fault
	char value[128];
	char hint[192];
};

// Fills failure and returns a negative number, for "return failure_set(...)". key, value and hint
// may be NULL.
int failure_set(struct failure *failure, int code, const char *key, const char *value,
	const char *hint, const char *format, ...) __attribute__((format(printf, 6, 7)));

// Refused by the kernel: code CW_RPC_REFUSED with the text of error (a negative errno).
int failure_errno(struct failure *failure, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
