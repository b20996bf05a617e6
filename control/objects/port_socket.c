/* SPDX-License-Identifier: Apache-2.0 */
#include "port_socket.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const port_roles[] = {"client", "server", "master", "slave", NULL};

enum used_by {
	BY_VHOST = 1u << 0,
	BY_MEMIF = 1u << 1,
	BY_BOTH = BY_VHOST | BY_MEMIF,
};

static const struct {
	const char *key;
	enum used_by by;
} keys[] = {
	{"socket", BY_BOTH},
	{"role", BY_BOTH},
	{"owner", BY_BOTH},
	{"group", BY_BOTH},
	{"mode", BY_BOTH},
	{"iommu", BY_VHOST},
	{"packed", BY_VHOST},
	{"memif_id", BY_MEMIF},
	{"ring", BY_MEMIF},
	{"buffer", BY_MEMIF},
	{"secret", BY_MEMIF},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int
refuse_foreign_keys(const cJSON *json, const struct port *port, struct failure *failure)
{
	const unsigned int by = port->kind == CW_PORT_VHOST_USER ? BY_VHOST
				: port->kind == CW_PORT_MEMIF    ? BY_MEMIF
								 : 0;

	for (unsigned int i = 0; i < KEYS; i++)
		if ((keys[i].by & by) == 0 && schema_get(json, keys[i].key) != NULL)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, keys[i].key, NULL,
				"leave it out, or choose another kind",
				"%s is a key of %s ports, this one is %s", keys[i].key,
				keys[i].by == BY_VHOST   ? "vhost-user"
				: keys[i].by == BY_MEMIF ? "memif"
							 : "vhost-user and memif",
				cw_port_kind_name(port->kind));
	return 0;
}

const char *
port_socket_file(const cJSON *json)
{
	const char *socket = schema_string(json, "socket");

	return socket != NULL && strchr(socket, '/') == NULL && socket[0] != '@' ? socket : NULL;
}

static int
check_path(const struct port *port, const char *path, struct failure *failure)
{
	const char *key = "socket";
	const bool abstract = path[0] == '@' && port->kind == CW_PORT_MEMIF;
	const bool file = strcmp(path, ".") != 0 && strcmp(path, "..") != 0
			  && strchr(path, '/') == NULL && path[0] != '@';

	if (strlen(path) >= SOCKET_PATH_LEN)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, key, path,
			"choose a shorter one: the kernel takes at most 107 bytes",
			"the socket path has %zu bytes", strlen(path));
	if (abstract ? path[1] == '\0' : path[0] != '/' && !file)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, key, path,
			port->kind == CW_PORT_MEMIF
				? "give an absolute path, or @NAME for an abstract socket"
				: "give an absolute path",
			"%s is no socket path", path);
	if (strchr(path, ',') != NULL)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, key, path,
			"choose a path without it", "the socket path holds a comma");
	return 0;
}

static int
read_path(const cJSON *json, struct port *port, struct failure *failure)
{
	const char *path = schema_string(json, "socket");

	if (path == NULL)
		return 0;
	if (check_path(port, path, failure) < 0)
		return -1;
	if (port_socket_file(json) == NULL)
		snprintf(port->socket.path, sizeof(port->socket.path), "%s", path);
	return 0;
}

static int
read_role(const cJSON *json, struct port *port, struct failure *failure)
{
	const bool memif = port->kind == CW_PORT_MEMIF;
	const char *role = schema_string(json, "role");
	uint8_t found = memif ? PORT_MASTER : PORT_CLIENT;

	if (role != NULL)
		for (found = 0; strcmp(port_roles[found], role) != 0; found++)
			;
	if ((found == PORT_MASTER || found == PORT_SLAVE) != memif)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "role", role,
			memif ? "give master or slave" : "give client or server",
			"a %s port cannot be %s", cw_port_kind_name(port->kind), role);
	port->socket.role = found;
	return 0;
}

static bool
is_number(const char *text)
{
	return strspn(text, "0123456789") == strlen(text) && strlen(text) < 11;
}

// Names are this node's, numbers mean the same in every pod.
static int
read_account(const cJSON *json, const char *key, char number[12], struct failure *failure)
{
	const char *name = schema_string(json, key);
	const bool is_group = strcmp(key, "group") == 0;
	const struct passwd *user;
	const struct group *group;

	if (name == NULL)
		return 0;
	if (is_number(name)) {
		snprintf(number, 12, "%s", name);
		return 0;
	}
	group = is_group ? getgrnam(name) : NULL;
	user = is_group ? NULL : getpwnam(name);
	if (group == NULL && user == NULL)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, key, name,
			"give the name of one that this node has, or a number", "there is no %s %s",
			is_group ? "group" : "user", name);
	snprintf(number, 12, "%u", is_group ? group->gr_gid : user->pw_uid);
	return 0;
}

static int
read_mode(const cJSON *json, struct port *port, struct failure *failure)
{
	const char *mode = schema_string(json, "mode");

	if (mode == NULL)
		return 0;
	if (strspn(mode, "01234567") != strlen(mode) || strtoul(mode, NULL, 8) > 0777)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "mode", mode,
			"give permissions in octal, like 0660", "%s are no permissions", mode);
	snprintf(port->socket.mode, sizeof(port->socket.mode), "%04o",
		(unsigned int)strtoul(mode, NULL, 8));
	return 0;
}

static uint8_t
read_choice(const cJSON *json, const char *key)
{
	if (schema_get(json, key) == NULL)
		return PORT_DRIVERS_CHOICE;
	return schema_boolean(json, key, false) ? PORT_ON : PORT_OFF;
}

static int
read_memif(const cJSON *json, struct port *port, struct failure *failure)
{
	struct port_socket *socket = &port->socket;
	const char *secret = schema_string(json, "secret");

	socket->memif_id = (uint32_t)schema_integer(json, "memif_id", 0);
	socket->ring = (uint32_t)schema_integer(json, "ring", 0);
	socket->buffer = (uint32_t)schema_integer(json, "buffer", 0);
	if ((socket->ring & (socket->ring - 1)) != 0)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "ring", NULL,
			"give a power of two, like 1024", "a ring cannot have %u slots",
			socket->ring);
	if (socket->buffer % 64 != 0)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "buffer", NULL,
			"give a multiple of 64, like 2048", "a buffer cannot have %u bytes",
			socket->buffer);
	if (secret != NULL && strchr(secret, ',') != NULL)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "secret", NULL,
			"choose one without it", "the secret holds a comma");
	snprintf(socket->secret, sizeof(socket->secret), "%s", secret != NULL ? secret : "");
	return 0;
}

int
port_socket_read(const cJSON *json, struct port *port, struct failure *failure)
{
	if (refuse_foreign_keys(json, port, failure) < 0)
		return -1;
	if (!port_has_socket(port))
		return 0;
	if (read_path(json, port, failure) < 0 || read_role(json, port, failure) < 0
		|| read_account(json, "owner", port->socket.owner, failure) < 0
		|| read_account(json, "group", port->socket.group, failure) < 0
		|| read_mode(json, port, failure) < 0)
		return -1;
	port->socket.iommu = read_choice(json, "iommu");
	port->socket.packed = read_choice(json, "packed");
	return port->kind == CW_PORT_MEMIF ? read_memif(json, port, failure) : 0;
}

static void
add_text(cJSON *json, const char *key, const char *text)
{
	if (text[0] != '\0')
		cJSON_AddStringToObject(json, key, text);
}

static void
add_choice(cJSON *json, const char *key, uint8_t choice)
{
	if (choice != PORT_DRIVERS_CHOICE)
		cJSON_AddBoolToObject(json, key, choice == PORT_ON);
}

void
port_socket_add(cJSON *json, const struct port *port)
{
	const struct port_socket *socket = &port->socket;

	add_text(json, "socket", socket->path);
	cJSON_AddStringToObject(json, "role", port_roles[socket->role]);
	add_text(json, "owner", socket->owner);
	add_text(json, "group", socket->group);
	add_text(json, "mode", socket->mode);
	add_choice(json, "iommu", socket->iommu);
	add_choice(json, "packed", socket->packed);
	if (port->kind != CW_PORT_MEMIF)
		return;
	cJSON_AddNumberToObject(json, "memif_id", socket->memif_id);
	if (socket->ring != 0)
		cJSON_AddNumberToObject(json, "ring", socket->ring);
	if (socket->buffer != 0)
		cJSON_AddNumberToObject(json, "buffer", socket->buffer);
	add_text(json, "secret", socket->secret);
}

static void
append(char args[CW_ARGS_LEN], const char *key, const char *value)
{
	const size_t len = strlen(args);

	if (value[0] != '\0')
		snprintf(args + len, CW_ARGS_LEN - len, "%s%s=%s", len > 0 ? "," : "", key, value);
}

static void
append_choice(char args[CW_ARGS_LEN], const char *key, uint8_t choice)
{
	if (choice != PORT_DRIVERS_CHOICE)
		append(args, key, choice == PORT_ON ? "on" : "off");
}

static void
append_number(char args[CW_ARGS_LEN], const char *key, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	append(args, key, text);
}

void
port_socket_arguments(const struct port *port, char args[CW_ARGS_LEN])
{
	const struct port_socket *socket = &port->socket;

	args[0] = '\0';
	append(args, "path", socket->path);
	append(args, "role", port_roles[socket->role]);
	append_choice(args, "iommu", socket->iommu);
	append_choice(args, "packed", socket->packed);
	if (port->kind == CW_PORT_VHOST_USER) {
		append(args, "mode", socket->mode);
		append(args, "owner", socket->owner);
		append(args, "group", socket->group);
		return;
	}
	append_number(args, "id", socket->memif_id);
	if (socket->ring != 0)
		append_number(args, "ring", socket->ring);
	if (socket->buffer != 0)
		append_number(args, "buffer", socket->buffer);
	append(args, "secret", socket->secret);
}
