/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail_point.h"

#define BY_UID "by-uid"
#define DEPTH_MAX 16 // folders in folders that a pod may have left

static void
folder_path(const struct causewayd *d, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/" POD_FOLDERS "/%s", d->options.runtime_dir, name);
}

int
pod_folder_socket(const struct causewayd *d, const struct endpoint *endpoint, const char *file,
	char path[SOCKET_PATH_LEN], struct failure *failure)
{
	char whole[OPTIONS_PATH_LEN + 2 * CONTAINER_LEN + 16];
	const int len = snprintf(whole, sizeof(whole), "%s/" POD_FOLDERS "/%s/%s%s",
		d->options.runtime_dir, endpoint->container, file != NULL ? file : endpoint->ifname,
		file != NULL ? "" : ".sock");

	if (strcmp(endpoint->container, BY_UID) == 0)
		return failure_set(failure, CW_RPC_REFUSED, "container", endpoint->container,
			"choose another name", "a folder of that name leads to pods by their UID");
	if (len >= SOCKET_PATH_LEN)
		return failure_set(failure, CW_RPC_REFUSED, "container", endpoint->container,
			"start causewayd with a shorter runtime_dir, or give a socket path",
			"the path of the pod's socket has %d bytes, the kernel takes at most 107",
			len);
	memcpy(path, whole, (size_t)len + 1);
	return 0;
}

bool
pod_folder_holds(
	const struct causewayd *d, const struct endpoint *endpoint, const struct port *port)
{
	char folder[OPTIONS_PATH_LEN + CONTAINER_LEN + 16];
	const char *slash = strrchr(port->socket.path, '/');

	folder_path(d, endpoint->container, folder, sizeof(folder));
	return port_has_socket(port) && slash != NULL
	       && strlen(folder) == (size_t)(slash - port->socket.path)
	       && strncmp(folder, port->socket.path, strlen(folder)) == 0;
}

static int
make_parents(const struct causewayd *d)
{
	char path[OPTIONS_PATH_LEN + 32];

	folder_path(d, "", path, sizeof(path));
	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return -errno;
	folder_path(d, BY_UID, path, sizeof(path));
	return mkdir(path, 0711) < 0 && errno != EEXIST ? -errno : 0;
}

static void
link_path(const struct causewayd *d, const struct endpoint *endpoint, char *path, size_t size)
{
	snprintf(path, size, "%s/" POD_FOLDERS "/" BY_UID "/%s", d->options.runtime_dir,
		endpoint->pod_uid);
}

static bool
has_link(const struct endpoint *endpoint)
{
	return endpoint->pod_uid[0] != '\0' && endpoint->pod_uid[0] != '.'
	       && strchr(endpoint->pod_uid, '/') == NULL;
}

// A pod's newest sandbox has the link.
static int
make_link(const struct causewayd *d, const struct endpoint *endpoint)
{
	char path[OPTIONS_PATH_LEN + POD_TEXT_LEN + 32], target[CONTAINER_LEN + 8];

	if (!has_link(endpoint))
		return 0;
	link_path(d, endpoint, path, sizeof(path));
	snprintf(target, sizeof(target), "../%s", endpoint->container);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return symlink(target, path) < 0 ? -errno : 0;
}

static void
remove_link(const struct causewayd *d, const struct endpoint *endpoint)
{
	char path[OPTIONS_PATH_LEN + POD_TEXT_LEN + 32], target[CONTAINER_LEN + 8];
	ssize_t len;

	if (!has_link(endpoint))
		return;
	link_path(d, endpoint, path, sizeof(path));
	len = readlink(path, target, sizeof(target) - 1);
	if (len <= 3)
		return;
	target[len] = '\0';
	if (strcmp(target + 3, endpoint->container) == 0)
		unlink(path);
}

static int
dress(int fd, const struct port *port)
{
	const struct port_socket *socket = &port->socket;
	const bool pods_own = socket->role == PORT_CLIENT || socket->role == PORT_SLAVE;
	const uid_t owner =
		socket->owner[0] != '\0' ? (uid_t)strtoul(socket->owner, NULL, 10) : (uid_t)-1;
	const gid_t group =
		socket->group[0] != '\0' ? (gid_t)strtoul(socket->group, NULL, 10) : (gid_t)-1;

	if (fchown(fd, owner, group) < 0)
		return -errno;
	if (fchmod(fd, POD_FOLDER_MODE | (pods_own && group != (gid_t)-1 ? S_IWGRP : 0)) < 0)
		return -errno;
	return 0;
}

int
pod_folder_make(const struct causewayd *d, const struct endpoint *endpoint, const struct port *port)
{
	char path[OPTIONS_PATH_LEN + CONTAINER_LEN + 16];
	int fd, ret = fail_point("folder");

	if (ret == 0)
		ret = make_parents(d);
	if (ret < 0)
		return ret;
	folder_path(d, endpoint->container, path, sizeof(path));
	if (mkdir(path, POD_FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = dress(fd, port);
	close(fd);
	return ret < 0 ? ret : make_link(d, endpoint);
}

static int
empty(int folder, unsigned int depth)
{
	struct dirent *entry;
	int copy = dup(folder), ret = 0;
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;

	if (entries == NULL) {
		ret = -errno;
		if (copy >= 0)
			close(copy);
		return ret;
	}
	while (ret == 0 && (entry = readdir(entries)) != NULL) {
		int inner;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(folder, entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		inner = openat(
			folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ret = inner < 0 ? -errno : depth == 0 ? -ELOOP : empty(inner, depth - 1);
		if (inner >= 0)
			close(inner);
		if (ret == 0 && unlinkat(folder, entry->d_name, AT_REMOVEDIR) < 0)
			ret = -errno;
	}
	closedir(entries);
	return ret;
}

struct others {
	const struct causewayd *d;
	const struct endpoint *endpoint;
	unsigned int n;
};

static int
count_other(void *arg, struct object *object)
{
	const struct endpoint *other = (const struct endpoint *)object;
	struct others *others = arg;
	const struct port *port;

	if (strcmp(other->container, others->endpoint->container) != 0
		|| strcmp(other->ifname, others->endpoint->ifname) == 0)
		return 0;
	port = port_by_id(others->d->objects, other->port);
	others->n += port != NULL && pod_folder_holds(others->d, other, port);
	return 0;
}

static int
remove_folder(const struct causewayd *d, const struct endpoint *endpoint)
{
	char path[OPTIONS_PATH_LEN + CONTAINER_LEN + 16];
	int fd, ret;

	remove_link(d, endpoint);
	folder_path(d, endpoint->container, path, sizeof(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ret = empty(fd, DEPTH_MAX);
	close(fd);
	return ret == 0 && rmdir(path) < 0 && errno != ENOENT ? -errno : ret;
}

int
pod_folder_remove(
	const struct causewayd *d, const struct endpoint *endpoint, const struct port *port)
{
	struct others others = {.d = d, .endpoint = endpoint};

	objects_each(d->objects, OBJECT_ENDPOINT, count_other, &others);
	if (others.n == 0)
		return remove_folder(d, endpoint);
	return unlink(port->socket.path) < 0 && errno != ENOENT ? -errno : 0;
}
