/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_SHOW_NODE_H
#define CWCTL_SHOW_NODE_H

#include <stdio.h>

#include <cjson/cJSON.h>

// The result of node.get. Returns 0 or -ENOMEM.
int show_node(const cJSON *node, FILE *stream);

#endif
