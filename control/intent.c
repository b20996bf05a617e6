/* SPDX-License-Identifier: Apache-2.0 */
#include "intent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "fail_point.h"
#include "log.h"
#include "objects/json.h"

#define MAX_INTENTS 64 // one at a time is written; more than one is left only by repeated crashes

int
intent_write(struct causewayd *d, const struct port *port, const struct endpoint *endpoint,
	char key[INTENT_KEY_LEN])
{
	cJSON *json = cJSON_CreateObject();
	char *text;
	int ret = fail_point("intent");

	snprintf(key, INTENT_KEY_LEN, "%u", port->id);
	cJSON_AddItemToObject(json, "port", port_class.to_json(d->objects, &port->object));
	if (endpoint != NULL)
		cJSON_AddItemToObject(
			json, "endpoint", endpoint_class.to_json(d->objects, &endpoint->object));
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (text == NULL)
		return -ENOMEM;
	if (ret == 0)
		ret = store_begin(d->store);
	if (ret == 0)
		ret = store_put(d->store, "intent", key, text);
	if (ret == 0)
		ret = store_commit(d->store);
	if (ret < 0)
		store_rollback(d->store);
	cJSON_free(text);
	return ret;
}

void
intent_remove(struct causewayd *d, const char *key)
{
	int ret = store_begin(d->store);

	if (ret == 0)
		ret = store_remove(d->store, "intent", key);
	if (ret == 0)
		ret = store_commit(d->store);
	if (ret < 0) {
		store_rollback(d->store);
		// The next start finds nothing to delete for it.
		log_warning("intent is left in the database: %s", store_message(d->store));
	}
}

struct left {
	struct causewayd *d;
	char keys[MAX_INTENTS][INTENT_KEY_LEN];
	unsigned int n;
};

// Just what device_remove() needs: networks and ports that it names may never have been stored.
static int
clean_row(void *arg, const char *key, const char *value)
{
	struct left *left = arg;
	cJSON *json = cJSON_Parse(value);
	const cJSON *port_json = schema_get(json, "port");
	const cJSON *endpoint_json = schema_get(json, "endpoint");
	struct endpoint *endpoint = object_new(OBJECT_ENDPOINT, sizeof(*endpoint));
	struct port port = {.object.type = OBJECT_PORT,
		.origin = endpoint_json != NULL ? PORT_OF_ENDPOINT : PORT_OF_USER};
	char kind[16], role[16];

	if (endpoint != NULL && left->n < MAX_INTENTS) {
		json_read_text(port_json, "kind", kind, sizeof(kind));
		port.kind = cw_port_kind_by_name(kind);
		json_read_text(port_json, "name", port.name, sizeof(port.name));
		json_read_text(port_json, "args", port.args, sizeof(port.args));
		json_read_text(port_json, "bind", port.bind, sizeof(port.bind));
		json_read_text(
			port_json, "former_driver", port.former_driver, sizeof(port.former_driver));
		json_read_text(port_json, "former_override", port.former_override,
			sizeof(port.former_override));
		json_read_text(endpoint_json, "container", endpoint->container,
			sizeof(endpoint->container));
		json_read_text(endpoint_json, "ifname", endpoint->ifname, sizeof(endpoint->ifname));
		json_read_text(endpoint_json, "netns", endpoint->netns, sizeof(endpoint->netns));
		endpoint->netns_id.device = json_read_hex(endpoint_json, "netns_device");
		endpoint->netns_id.inode = json_read_hex(endpoint_json, "netns_inode");
		json_read_text(port_json, "socket", port.socket.path, sizeof(port.socket.path));
		json_read_text(schema_get(endpoint_json, "pod"), "uid", endpoint->pod_uid,
			sizeof(endpoint->pod_uid));
		json_read_text(port_json, "role", role, sizeof(role));
		port.socket.role = strcmp(role, "master") == 0 ? PORT_MASTER : PORT_CLIENT;
		// The name of our end of a veth pair follows from the port.
		if (port_is_tap(&port))
			snprintf(port.ifname, sizeof(port.ifname), "%s", endpoint->ifname);
		else
			snprintf(port.ifname, sizeof(port.ifname), "cwv%.8s", key);
		log_info("interrupted attachment is cleaned up container=%s ifname=%s",
			endpoint->container, endpoint->ifname);
		device_remove(left->d, &port, endpoint);
		snprintf(left->keys[left->n++], INTENT_KEY_LEN, "%s", key);
	}
	object_free(&endpoint->object);
	cJSON_Delete(json);
	return 0;
}

int
intent_clean(struct causewayd *d)
{
	struct left left = {.d = d};
	int ret = store_each(d->store, "intent", clean_row, &left);

	if (ret < 0) {
		log_error("the database cannot be read: %s", store_message(d->store));
		return ret;
	}
	for (unsigned int i = 0; i < left.n; i++)
		intent_remove(d, left.keys[i]);
	return 0;
}
