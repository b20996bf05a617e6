/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <causeway/limits.h>

#include "socket_keys.h"

// A string, or NULL when it is absent or empty.
static int
read_text(const cJSON *json, const char *key, const char *label, const char **text,
	struct cni_error *error)
{
	const cJSON *value = config_find(json, key);

	*text = NULL;
	if (value == NULL)
		return 0;
	if (!cJSON_IsString(value))
		return config_refuse(error, label, value, "a string");
	if (value->valuestring[0] != '\0')
		*text = value->valuestring;
	return 0;
}

static int
read_object(const cJSON *json, const char *key, const char *label, const cJSON **object,
	struct cni_error *error)
{
	*object = config_find(json, key);
	if (*object != NULL && !cJSON_IsObject(*object))
		return config_refuse(error, label, *object, "an object");
	return 0;
}

const char *
userspace_interface(const cJSON *json)
{
	const char *iftype = cJSON_GetStringValue(config_find(config_find(json, "host"), "iftype"));

	return iftype != NULL && strcmp(iftype, "vhostuser") == 0 ? "vhost-user" : iftype;
}

// A file name, to stand in a folder that we choose.
static int
read_socket_file(const cJSON *object, const char *label, struct attachment *attachment,
	struct cni_error *error)
{
	const char *name;

	if (read_text(object, "socketfile", label, &name, error) < 0)
		return -1;
	if (name == NULL)
		return 0;
	if (strchr(name, '/') != NULL || strchr(name, ',') != NULL || name[0] == '@'
		|| strcmp(name, ".") == 0 || strcmp(name, "..") == 0
		|| strlen(name) >= sizeof(attachment->socket_file))
		return config_refuse(error, label, config_find(object, "socketfile"),
			"a file name without path");
	strcpy(attachment->socket_file, name);
	return 0;
}

static int
set_role(
	const cJSON *json, const char *role, struct attachment *attachment, struct cni_error *error)
{
	return config_find(json, "role") != NULL ? 0
						 : socket_keys_set(attachment, "role", role, error);
}

// That plugin's host makes the socket unless mode is client.
static int
read_vhost(const cJSON *json, const cJSON *host, struct attachment *attachment,
	struct cni_error *error)
{
	const cJSON *vhost;
	const char *mode, *group;

	if (read_object(host, "vhost", "host.vhost", &vhost, error) < 0
		|| read_text(vhost, "mode", "host.vhost.mode", &mode, error) < 0
		|| read_text(vhost, "group", "host.vhost.group", &group, error) < 0
		|| read_socket_file(vhost, "host.vhost.socketfile", attachment, error) < 0)
		return -1;
	if (mode != NULL && strcmp(mode, "client") != 0 && strcmp(mode, "server") != 0)
		return config_refuse(error, "host.vhost.mode", config_find(vhost, "mode"),
			"\"client\" or \"server\"");
	if (group != NULL && config_find(json, "socketGroup") == NULL
		&& socket_keys_set(attachment, "group", group, error) < 0)
		return -1;
	return set_role(json, mode != NULL ? mode : "server", attachment, error);
}

static int
read_memif(const cJSON *json, const cJSON *host, struct attachment *attachment,
	struct cni_error *error)
{
	const cJSON *memif;
	const char *role, *mode;

	if (read_object(host, "memif", "host.memif", &memif, error) < 0
		|| read_text(memif, "role", "host.memif.role", &role, error) < 0
		|| read_text(memif, "mode", "host.memif.mode", &mode, error) < 0
		|| read_socket_file(memif, "host.memif.socketfile", attachment, error) < 0)
		return -1;
	if (mode != NULL && strcmp(mode, "ethernet") != 0)
		return config_refuse(error, "host.memif.mode", config_find(memif, "mode"),
			"\"ethernet\": this switch carries Ethernet frames");
	if (role == NULL || (strcmp(role, "master") != 0 && strcmp(role, "slave") != 0))
		return config_refuse(error, "host.memif.role", config_find(memif, "role"),
			"\"master\" or \"slave\"");
	return set_role(json, role, attachment, error);
}

// The bridge is the network, but for the names that stand for "the only one".
static int
read_bridge(const cJSON *json, const cJSON *host, struct attachment *attachment,
	struct cni_error *error)
{
	const cJSON *bridge;
	const char *name;
	int vlan = 0, id = 0;

	if (read_object(host, "bridge", "host.bridge", &bridge, error) < 0
		|| read_text(bridge, "bridgeName", "host.bridge.bridgeName", &name, error) < 0
		|| config_integer(bridge, "bridgeId", "host.bridge.bridgeId", 0, INT_MAX, &id,
			   "0 (none) or the number of a network", error)
			   < 0
		|| config_integer(bridge, "vlanId", "host.bridge.vlanId", 0, 4094, &vlan,
			   "0 (none) or an integer from 1 to 4094", error)
			   < 0)
		return -1;
	if (config_find(json, "vlan") == NULL)
		attachment->vlan = vlan;
	if (name == NULL && id != 0) {
		snprintf(attachment->bridge, sizeof(attachment->bridge), "%d", id);
		name = attachment->bridge;
	}
	if (name == NULL || config_find(json, "network") != NULL || strcmp(name, "br0") == 0
		|| strcmp(name, "br-0") == 0)
		return 0;
	if (strlen(name) >= CW_NAME_LEN || !env_is_name(name))
		return config_refuse(error, "host.bridge.bridgeName",
			config_find(bridge, "bridgeName"), "the name of a Causeway network");
	attachment->network = name;
	return 0;
}

static int
check_rest(const cJSON *json, const cJSON *host, struct cni_error *error)
{
	static const char *const net_types[] = {"bridge", "interface", "none"};
	const cJSON *container;
	const char *text;

	if (read_text(host, "engine", "host.engine", &text, error) < 0
		|| read_text(json, "kubeconfig", "kubeconfig", &text, error) < 0
		|| read_text(json, "logFile", "logFile", &text, error) < 0
		|| read_text(json, "logLevel", "logLevel", &text, error) < 0
		|| read_object(json, "container", "container", &container, error) < 0
		|| read_text(host, "netType", "host.netType", &text, error) < 0)
		return -1;
	for (size_t i = 0; text != NULL && i < sizeof(net_types) / sizeof(net_types[0]); i++)
		if (strcmp(text, net_types[i]) == 0)
			text = NULL;
	if (text == NULL)
		return 0;
	return config_refuse(error, "host.netType", config_find(host, "netType"),
		"\"bridge\", \"interface\" or \"none\"");
}

static int
read_shared_dir(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	if (read_text(json, "sharedDir", "sharedDir", &attachment->shared_dir, error) < 0)
		return -1;
	if (attachment->shared_dir == NULL || attachment->shared_dir[0] == '/')
		return 0;
	return config_refuse(
		error, "sharedDir", config_find(json, "sharedDir"), "an absolute path");
}

int
userspace_read(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const char *asked = userspace_interface(json);
	const cJSON *host = config_find(json, "host");

	if (asked == NULL || attachment->socket == NULL)
		return 0;
	if (strcmp(asked, attachment->interface) != 0)
		return config_refuse(error, "host.iftype", config_find(host, "iftype"),
			"\"vhostuser\" or \"memif\", and agree with interface");
	if (check_rest(json, host, error) < 0 || read_shared_dir(json, attachment, error) < 0
		|| read_bridge(json, host, attachment, error) < 0)
		return -1;
	return strcmp(asked, "memif") == 0 ? read_memif(json, host, attachment, error)
					   : read_vhost(json, host, attachment, error);
}
