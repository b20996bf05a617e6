/* SPDX-License-Identifier: Apache-2.0 */
#include "api/port_peer.h"

#include <stdlib.h>

struct asking {
	struct request *request;
	cJSON *result;
};

cJSON *
port_peer_json(const struct cw_port_info *info)
{
	cJSON *peer = cJSON_CreateObject();

	cJSON_AddNumberToObject(peer, "mtu", info->peer_mtu);
	cJSON_AddNumberToObject(peer, "queues", info->peer_queues);
	cJSON_AddNumberToObject(peer, "connects", info->connects);
	cJSON_AddStringToObject(peer, "features", info->peer_features);
	return peer;
}

static bool
has_socket(const cJSON *port)
{
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(port, "kind");
	const uint8_t found = cJSON_IsString(kind) ? cw_port_kind_by_name(kind->valuestring) : 0;

	return found == CW_PORT_VHOST_USER || found == CW_PORT_MEMIF;
}

static bool
any_has_socket(const cJSON *result)
{
	const cJSON *port;

	if (cJSON_IsObject(result))
		return has_socket(result);
	cJSON_ArrayForEach (port, result)
		if (has_socket(port))
			return true;
	return false;
}

static bool
is_port(const cJSON *json, uint32_t id)
{
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(json, "id");

	return cJSON_IsNumber(own) && own->valuedouble == id && has_socket(json);
}

static void
add_peer(cJSON *result, const struct cw_port_info *info)
{
	cJSON *port;

	if (cJSON_IsObject(result)) {
		if (is_port(result, info->id))
			cJSON_AddItemToObject(result, "peer", port_peer_json(info));
		return;
	}
	cJSON_ArrayForEach (port, result)
		if (is_port(port, info->id))
			cJSON_AddItemToObject(port, "peer", port_peer_json(info));
}

static void
on_node(void *arg, const struct dp_reply *reply)
{
	struct asking *asking = arg;
	const struct cw_item *item = NULL;
	bool bad = false;

	// A data plane that went away meanwhile has no peers.
	while (reply != NULL && (item = cw_item_next(reply->frame, item, &bad)) != NULL)
		if (item->type == CW_ITEM_PORT_INFO
			&& (((const struct cw_port_info *)item)->kind == CW_PORT_VHOST_USER
				|| ((const struct cw_port_info *)item)->kind == CW_PORT_MEMIF))
			add_peer(asking->result, (const struct cw_port_info *)item);
	if (reply != NULL && reply->more)
		return;
	request_reply(asking->request, asking->result);
	free(asking);
}

void
reply_ports(struct request *request, cJSON *result)
{
	struct asking *asking = NULL;

	if (request->d->dataplane == DATAPLANE_READY && any_has_socket(result))
		asking = malloc(sizeof(*asking));
	if (asking == NULL) {
		request_reply(request, result);
		return;
	}
	*asking = (struct asking){request, result};
	if (dp_request(request->d->dp, dp_frame_new(CW_GET_NODE), on_node, asking) < 0)
		on_node(asking, NULL);
}
