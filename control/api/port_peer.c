/* SPDX-License-Identifier: Apache-2.0 */
#include "api/port_peer.h"

#include <stdlib.h>

#include "address_text.h"
#include "objects/json.h"

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
is_nic(uint8_t kind)
{
	return kind == CW_PORT_NIC || kind == CW_PORT_VF;
}

// Whether the data plane knows more of a port than we do.
static bool
has_more(const cJSON *port)
{
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(port, "kind");
	const uint8_t found = cJSON_IsString(kind) ? cw_port_kind_by_name(kind->valuestring) : 0;

	return found == CW_PORT_VHOST_USER || found == CW_PORT_MEMIF || is_nic(found);
}

static bool
any_has_more(const cJSON *result)
{
	const cJSON *port;

	if (cJSON_IsObject(result))
		return has_more(result);
	cJSON_ArrayForEach (port, result)
		if (has_more(port))
			return true;
	return false;
}

static bool
is_port(const cJSON *json, uint32_t id)
{
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(json, "id");

	return cJSON_IsNumber(own) && own->valuedouble == id && has_more(json);
}

// The address that a device has by itself stands for one that was not given.
static void
add_device(cJSON *port, const struct cw_port_info *info)
{
	if (!is_nic(info->kind)) {
		cJSON_AddItemToObject(port, "peer", port_peer_json(info));
		return;
	}
	if (!mac_is_zero(info->mac) && cJSON_GetObjectItemCaseSensitive(port, "mac") == NULL)
		json_add_mac(port, "mac", info->mac);
	cJSON_AddNumberToObject(port, "rx_queues", info->rx_queues);
	cJSON_AddNumberToObject(port, "tx_queues", info->tx_queues);
	cJSON_AddStringToObject(port, "capabilities", info->capability_names);
}

static void
add_peer(cJSON *result, const struct cw_port_info *info)
{
	cJSON *port;

	if (cJSON_IsObject(result)) {
		if (is_port(result, info->id))
			add_device(result, info);
		return;
	}
	cJSON_ArrayForEach (port, result)
		if (is_port(port, info->id))
			add_device(port, info);
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
				|| ((const struct cw_port_info *)item)->kind == CW_PORT_MEMIF
				|| is_nic(((const struct cw_port_info *)item)->kind)))
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

	if (request->d->dataplane == DATAPLANE_READY && any_has_more(result))
		asking = malloc(sizeof(*asking));
	if (asking == NULL) {
		request_reply(request, result);
		return;
	}
	*asking = (struct asking){request, result};
	if (dp_request(request->d->dp, dp_frame_new(CW_GET_NODE), on_node, asking) < 0)
		on_node(asking, NULL);
}
