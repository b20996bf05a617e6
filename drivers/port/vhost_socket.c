/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost_socket.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LIMIT_US 200000
#define NEAR 64

typedef int (*get_name)(int fd, struct sockaddr *address, socklen_t *len);

static bool
has_name(int fd, get_name get, const char *path)
{
	struct sockaddr_un address = {0};
	socklen_t len = sizeof(address);

	return get(fd, (struct sockaddr *)&address, &len) == 0 && address.sun_family == AF_UNIX
	       && strncmp(address.sun_path, path, sizeof(address.sun_path)) == 0;
}

static bool
is_new(int fd)
{
	struct timeval limit = {0};
	socklen_t len = sizeof(limit);
	int listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &len) < 0 || limit.tv_usec != 0)
		return false;
	len = sizeof(listens);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens == 0;
}

// Returns true when fd was a connection that had no limit yet.
static bool
limit_one(int fd, const char *path)
{
	const struct timeval limit = {.tv_usec = LIMIT_US};

	// The peer's name when we connected, our own when it did.
	if (!has_name(fd, getpeername, path) && !has_name(fd, getsockname, path))
		return false;
	if (!is_new(fd))
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return true;
}

// A socket that was just made is the last descriptor below the first hole, or, when other threads
// opened or closed some meanwhile, near it. All of them are many: /proc needs 14 us for each port.
static bool
limit_near(const char *path)
{
	int hole = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (hole < 0)
		return false;
	close(hole);
	for (int i = 1; i <= NEAR; i++)
		if (limit_one(hole - i, path))
			return true;
	for (int i = 0; i < NEAR; i++)
		if (limit_one(hole + i, path))
			return true;
	return false;
}

void
vhost_socket_limit(const char *path)
{
	const struct dirent *entry;
	DIR *folder;

	if (limit_near(path))
		return;
	folder = opendir("/proc/self/fd");
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' && limit_one(atoi(entry->d_name), path))
			break;
	if (folder != NULL)
		closedir(folder);
}
