/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
open_socket(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

// Returns 0 when nobody listens, else -errno.
static int
nobody_listens(const char *path)
{
	struct sockaddr_un address;
	int fd = open_socket(path, &address), ret;

	if (fd < 0)
		return -errno;
	ret = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? EADDRINUSE : errno;
	close(fd);
	// EAGAIN: somebody listens whose backlog is full.
	return ret == ECONNREFUSED || ret == ENOENT ? 0 : ret == EAGAIN ? -EADDRINUSE : -ret;
}

static int
remove_stale(const struct vhost_arguments *arguments, char *reason, size_t reason_len)
{
	const char *path = arguments->path;
	struct stat status;
	int ret;

	if (lstat(path, &status) < 0) {
		if (errno == ENOENT)
			return 0;
		snprintf(reason, reason_len, "path %s: %s", path, strerror(errno));
		return -errno;
	}
	if (!S_ISSOCK(status.st_mode)) {
		snprintf(reason, reason_len, "path %s exists and is no socket: remove it", path);
		return -EEXIST;
	}
	if (status.st_uid != geteuid() && status.st_uid != arguments->owner) {
		snprintf(reason, reason_len, "path %s is a socket of user %u: remove it", path,
			status.st_uid);
		return -EPERM;
	}
	ret = nobody_listens(path);
	if (ret == -EADDRINUSE)
		snprintf(reason, reason_len, "path %s: another process listens there", path);
	else if (ret < 0)
		snprintf(reason, reason_len, "path %s: %s", path, strerror(-ret));
	else if (unlink(path) < 0 && errno != ENOENT) {
		ret = -errno;
		snprintf(reason, reason_len, "path %s: stale socket stays: %s", path,
			strerror(errno));
	}
	return ret;
}

// librte_vhost tells no cause when it cannot bind, and then removes whatever is at the path.
static int
try_to_bind(const char *path, char *reason, size_t reason_len)
{
	struct sockaddr_un address;
	int fd = open_socket(path, &address), ret = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		ret = -errno;
		snprintf(reason, reason_len, "path %s: no socket can be bound there: %s", path,
			strerror(errno));
	} else {
		unlink(path);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

int
vhost_path_prepare(const struct vhost_arguments *arguments, char *reason, size_t reason_len)
{
	int ret = remove_stale(arguments, reason, reason_len);

	return ret < 0 ? ret : try_to_bind(arguments->path, reason, reason_len);
}

int
vhost_path_own(const struct vhost_arguments *arguments, char *reason, size_t reason_len)
{
	const char *path = arguments->path;
	int ret;

	// -1 leaves what is there.
	if (lchown(path, (uid_t)-1, arguments->group) < 0) {
		ret = -errno;
		snprintf(reason, reason_len, "path %s: group=%u: %s", path, arguments->group,
			strerror(-ret));
		return ret;
	}
	if (chmod(path, arguments->mode) < 0) {
		ret = -errno;
		snprintf(reason, reason_len, "path %s: mode=%o: %s", path, arguments->mode,
			strerror(-ret));
		return ret;
	}
	if (lchown(path, arguments->owner, (gid_t)-1) < 0) {
		ret = -errno;
		snprintf(reason, reason_len, "path %s: owner=%u: %s", path, arguments->owner,
			strerror(-ret));
		return ret;
	}
	return 0;
}
