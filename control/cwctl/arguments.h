/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_ARGUMENTS_H
#define CWCTL_ARGUMENTS_H

// key=value words of the command line into the parameters of a method.

#include "object.h"

#define ARGUMENTS_FDS_MAX 1

struct arguments {
	cJSON *params; // owned
	int fds[ARGUMENTS_FDS_MAX]; // owned
	unsigned n_fds;
	char problem[256]; // when reading failed: what is wrong and what would be right
};

// Reads n words. object NULL: not known, types are guessed: what is a JSON number, true, false,
// list or object stays that, else it is a string. key:=JSON is taken as JSON in any case; a bare
// word fills the object's next key or, for a bool, means true. Returns 0, or -1 with problem set.
// To be freed in any case.
int arguments_read(struct arguments *arguments, const struct object *object, const char *verb,
	char *const *words, int n);
void arguments_free(struct arguments *arguments);

#endif
