/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dataplane_list.h"

#include <stdlib.h>

#include "api/common.h"

bool
dataplane_list_wants(const struct dataplane_list *list, uint32_t id)
{
	return list->only == DATAPLANE_LIST_ALL || list->only == id;
}

static void
on_items(void *arg, const struct dp_reply *reply)
{
	struct dataplane_list *list = arg;
	const struct cw_item *item = NULL;
	bool bad = false;

	if (reply == NULL) {
		cJSON_Delete(list->list);
		request_fail_away(list->request);
		free(list);
		return;
	}
	while ((item = cw_item_next(reply->frame, item, &bad)) != NULL)
		if (item->type == list->kind->item)
			list->kind->add(list, item);
	if (reply->more)
		return;
	if (list->kind->end != NULL)
		list->kind->end(list);
	request_reply(list->request, list->list);
	free(list);
}

void
dataplane_list(struct request *request, const struct dataplane_list_kind *kind, uint32_t only)
{
	struct dataplane_list *list = malloc(sizeof(*list));

	if (list == NULL) {
		fail_no_memory(request);
		return;
	}
	*list = (struct dataplane_list){request, kind, only, cJSON_CreateArray()};
	if (request_dataplane(request, dp_frame_new(kind->get), on_items, list) < 0) {
		cJSON_Delete(list->list);
		free(list);
	}
}
