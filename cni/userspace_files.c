/* SPDX-License-Identifier: Apache-2.0 */
// What the userspace plugin leaves on the node: a folder for each container, and what the pod is
// told there.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "result.h"
#include "socket_keys.h"
#include "userspace.h"

#define ID_LEN 12 // characters of container IDs in that plugin's names
#define SOCKET_PATH_LEN 108

static bool
is_memif(const struct attachment *attachment)
{
	return strcmp(attachment->interface, "memif") == 0;
}

static void
name_socket(const struct cni_call *call, struct attachment *attachment)
{
	const char *format = is_memif(attachment) ? "memif-%.*s-%s.sock" : "%.*s-%s";
	char *name = attachment->socket_file;

	if (strcmp(name, "@") == 0)
		snprintf(name, sizeof(attachment->socket_file), "@%s", call->env.ifname);
	else if (name[0] == '\0' && userspace_interface(call->config.json) != NULL)
		snprintf(name, sizeof(attachment->socket_file), format, ID_LEN, call->env.container,
			call->env.ifname);
}

// Folder of the container, and the socket in it. Returns 0, or -1 when they are too long.
static int
make_paths(const struct cni_call *call, const struct attachment *attachment,
	char folder[SOCKET_PATH_LEN], char path[SOCKET_PATH_LEN])
{
	const size_t length = strlen(attachment->shared_dir);
	const char *slash = attachment->shared_dir[length - 1] == '/' ? "" : "/";
	int n = snprintf(folder, SOCKET_PATH_LEN, "%s%s%.*s", attachment->shared_dir, slash, ID_LEN,
		call->env.container);

	if (n < SOCKET_PATH_LEN)
		n = snprintf(path, SOCKET_PATH_LEN, "%.*s/%s", SOCKET_PATH_LEN - 1, folder,
			attachment->socket_file);
	return n < SOCKET_PATH_LEN ? 0 : -1;
}

static int
make_folders(const char *path)
{
	char part[SOCKET_PATH_LEN];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0750) < 0 && errno != EEXIST ? -errno : 0;
}

static const char *
param(const struct attachment *attachment, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(attachment->socket, key));
}

// Returns -1 for "leave it"; unknown names are causewayd's to refuse.
static gid_t
group_of(const struct attachment *attachment)
{
	const char *name = param(attachment, "group");
	const struct group *group = name != NULL ? getgrnam(name) : NULL;

	if (group != NULL)
		return group->gr_gid;
	return name != NULL && strspn(name, "0123456789") == strlen(name)
		       ? (gid_t)strtoul(name, NULL, 10)
		       : (gid_t)-1;
}

static uid_t
owner_of(const struct attachment *attachment)
{
	const char *name = param(attachment, "owner");
	const struct passwd *user = name != NULL ? getpwnam(name) : NULL;

	if (user != NULL)
		return user->pw_uid;
	return name != NULL && strspn(name, "0123456789") == strlen(name)
		       ? (uid_t)strtoul(name, NULL, 10)
		       : (uid_t)-1;
}

// A pod that makes the socket itself may write by its group, too.
static int
dress(const char *folder, const struct attachment *attachment)
{
	const char *role = param(attachment, "role");
	const bool pods_own =
		role != NULL && (strcmp(role, "client") == 0 || strcmp(role, "slave") == 0);
	const gid_t group = group_of(attachment);
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fchown(fd, owner_of(attachment), group) < 0
		|| fchmod(fd, pods_own && group != (gid_t)-1 ? 0770 : 0750) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int
userspace_prepare(struct cni_call *call, struct attachment *attachment)
{
	char folder[SOCKET_PATH_LEN], path[SOCKET_PATH_LEN];
	int rc;

	if (attachment->socket == NULL)
		return 0;
	name_socket(call, attachment);
	if (attachment->socket_file[0] == '\0')
		return 0;
	if (attachment->shared_dir == NULL || attachment->socket_file[0] == '@')
		return socket_keys_set(attachment, "socket", attachment->socket_file, &call->error);
	if (make_paths(call, attachment, folder, path) < 0)
		return error_set(&call->error, CNI_CONFIG,
			"configuration key sharedDir has the value %s, which makes the path of the "
			"socket longer than the 107 bytes that the kernel takes; choose a shorter "
			"one",
			attachment->shared_dir);
	rc = make_folders(folder);
	if (rc == 0)
		rc = dress(folder, attachment);
	if (rc < 0)
		return error_set(&call->error, CNI_IO, "the folder %s cannot be made: %s", folder,
			strerror(-rc));
	if (config_find(call->config.json, "kubeconfig") != NULL)
		fprintf(stderr,
			"causeway-cni: kubeconfig is not used; the pod is described in %s\n",
			folder);
	return socket_keys_set(attachment, "socket", path, &call->error);
}

// --- what the pod is told

static bool
set_string(cJSON *object, const char *key, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	return cJSON_AddStringToObject(object, key, value) != NULL;
}

// Own members of container first, then what follows from the host's.
static bool
fill_config(cJSON *config, const cJSON *json, const char *file, const char *role)
{
	const bool memif = strcmp(userspace_interface(json), "memif") == 0;
	const cJSON *host = config_find(json, "host");
	const char *mode = cJSON_GetStringValue(config_find(config_find(host, "memif"), "mode"));
	cJSON *part = cJSON_GetObjectItem(config, memif ? "memif" : "vhost");
	const char *opposite;

	if (part == NULL)
		part = cJSON_AddObjectToObject(config, memif ? "memif" : "vhost");
	if (memif)
		opposite = strcmp(role, "master") == 0 ? "slave" : "master";
	else
		opposite = strcmp(role, "client") == 0 ? "server" : "client";
	if (cJSON_GetObjectItem(config, "iftype") == NULL
		&& !set_string(config, "iftype", memif ? "memif" : "vhostuser"))
		return false;
	if (cJSON_GetObjectItem(config, "netType") == NULL
		&& !set_string(config, "netType", "interface"))
		return false;
	if (cJSON_GetObjectItem(part, memif ? "role" : "mode") == NULL
		&& !set_string(part, memif ? "role" : "mode", opposite))
		return false;
	if (memif && cJSON_GetObjectItem(part, "mode") == NULL
		&& !set_string(part, "mode", mode != NULL ? mode : "ethernet"))
		return false;
	return set_string(part, "socketfile", file);
}

static char *
describe(const struct cni_call *call, const char *file, const char *role, const cJSON *result)
{
	const cJSON *container = config_find(call->config.json, "container");
	char *result_text = result_format(result, CONFIG_1_0_0), *text = NULL;
	cJSON *json = cJSON_CreateObject(), *config;

	config = container != NULL ? cJSON_Duplicate(container, true) : cJSON_CreateObject();
	if (result_text != NULL && cJSON_AddItemToObject(json, "config", config)
		&& set_string(json, "containerId", call->env.container)
		&& set_string(json, "ifName", call->env.ifname)
		&& set_string(json, "name", call->config.name)
		&& cJSON_AddItemToObject(json, "ipResult", cJSON_Parse(result_text))
		&& fill_config(config, call->config.json, file, role))
		text = cJSON_PrintUnformatted(json);
	cJSON_free(result_text);
	cJSON_Delete(json);
	return text;
}

static void
description_name(const struct cni_call *call, char name[64])
{
	snprintf(
		name, 64, "configData-%.*s-%s.json", ID_LEN, call->env.container, call->env.ifname);
}

// The folder may be the pod's: nothing there is followed.
static int
write_file(const char *folder, const char *name, const char *text)
{
	const size_t length = strlen(text);
	int at = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd, rc = 0;

	if (at < 0)
		return -errno;
	unlinkat(at, name, 0);
	fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length || fchmod(fd, 0644) < 0)
		rc = errno != 0 ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	close(at);
	return rc;
}

// Cuts a path into its folder and the file's name.
static const char *
split(char *path)
{
	char *slash = strrchr(path, '/');

	*slash = '\0';
	return slash + 1;
}

int
userspace_describe(struct cni_call *call, const char *socket, const char *role, const cJSON *result)
{
	char folder[SOCKET_PATH_LEN], name[64], *text;
	const char *file;
	int rc;

	if (userspace_interface(call->config.json) == NULL || socket == NULL || socket[0] != '/')
		return 0;
	snprintf(folder, sizeof(folder), "%s", socket);
	file = split(folder);
	description_name(call, name);
	text = describe(call, file, role, result);
	if (text == NULL)
		return error_set(&call->error, CNI_INTERNAL, "out of memory");
	rc = write_file(folder, name, text);
	cJSON_free(text);
	if (rc == 0)
		return 0;
	return error_set(
		&call->error, CNI_IO, "%s/%s cannot be written: %s", folder, name, strerror(-rc));
}

// --- and its end

static void
clean_folder(const struct cni_call *call, char *path)
{
	const char *file = split(path);
	int at = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	char name[64];

	if (at < 0)
		return;
	description_name(call, name);
	unlinkat(at, name, 0);
	if (fstatat(at, file, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(status.st_mode))
		unlinkat(at, file, 0);
	close(at);
	rmdir(path); // stays while another interface has something there
}

// Whether a socket stands in a folder that userspace_prepare() made for this container.
static bool
is_ours(const struct cni_call *call, const char *socket)
{
	char path[SOCKET_PATH_LEN], pods[SOCKET_PATH_LEN + 8], id[ID_LEN + 1];
	const char *slash;

	if (socket[0] != '/' || strlen(socket) >= sizeof(path))
		return false;
	// causewayd's own folders are beside its socket.
	slash = strrchr(call->config.socket, '/');
	snprintf(pods, sizeof(pods), "%.*s/pods/", (int)(slash - call->config.socket),
		call->config.socket);
	if (strncmp(socket, pods, strlen(pods)) == 0)
		return false;
	strcpy(path, socket);
	split(path);
	slash = strrchr(path, '/');
	snprintf(id, sizeof(id), "%s", call->env.container);
	return slash != NULL && strcmp(slash + 1, id) == 0;
}

void
userspace_clean(const struct cni_call *call, const char *socket)
{
	struct attachment attachment = {0};
	char folder[SOCKET_PATH_LEN], path[SOCKET_PATH_LEN];
	struct cni_error ignored;

	if (socket != NULL) {
		snprintf(path, sizeof(path), "%s", socket);
		if (is_ours(call, socket))
			clean_folder(call, path);
		return;
	}
	if (config_read_attachment(&call->config, &call->env.args, &attachment, &ignored) == 0
		&& attachment.shared_dir != NULL) {
		name_socket(call, &attachment);
		if (attachment.socket_file[0] != '\0' && attachment.socket_file[0] != '@'
			&& make_paths(call, &attachment, folder, path) == 0)
			clean_folder(call, path);
	}
	attachment_free(&attachment);
}
