/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_SHOW_H
#define CWCTL_SHOW_H

// Results for people.

#include <stdio.h>

#include "object.h"

// A list as table with the object's columns; those that are empty in every row are left out. An
// object as "key  value" lines, what it holds in lists and objects below it. columns may be NULL.
// Returns 0 or -ENOMEM.
int show_result(const cJSON *result, const struct column *columns, FILE *stream);

// The value at path ("pod.name", "ips.address") as text; of lists all elements with commas between
// them. The caller's to free; NULL when there is none.
char *show_path(const cJSON *value, const char *path);

// The list that a result is or holds as its only list; NULL when it is none.
const cJSON *show_list(const cJSON *result);

#endif
