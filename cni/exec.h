/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_EXEC_H
#define CNI_EXEC_H

#include <stddef.h>

#define EXEC_OUTPUT_MAX (4u << 20) // bytes on stdout that are believed

struct exec_outcome {
	char *output; // what it printed on stdout, terminated; the caller's to free
	size_t length;
	int status; // exit status; 128 + signal when one ended it
};

// Runs path with the environment of this process, input on its stdin and our stderr as its stderr,
// in a process group of its own, and waits for its end. Returns 0 whatever its exit status, or
// -ETIMEDOUT (the whole group has been killed), -EMSGSIZE (too much output, likewise) or what kept
// it from starting, as -errno. Expects SIGPIPE to be ignored; the program gets its default.
int exec_run(const char *path, const char *input, size_t input_length, unsigned timeout_ms,
	struct exec_outcome *outcome);

#endif
