/* SPDX-License-Identifier: Apache-2.0 */
#include "show_node.h"

#include "show.h"

int
show_node(const cJSON *node, FILE *stream)
{
	return show_result(node, NULL, stream);
}
