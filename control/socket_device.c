/* SPDX-License-Identifier: Apache-2.0 */
#include "socket_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "device.h"
#include "fail_point.h"
#include "pod_folder.h"

#define BACKLOG 16

static socklen_t
fill_address(const struct port *port, struct sockaddr_un *address)
{
	const size_t len = strlen(port->socket.path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, port->socket.path, len);
	if (port->socket.path[0] != '@')
		return sizeof(*address);
	address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static bool
is_socket(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

static uid_t
owner_of(const struct port *port)
{
	const char *owner = port->socket.owner;

	return owner[0] != '\0' ? (uid_t)strtoul(owner, NULL, 10) : (uid_t)-1;
}

// A socket that nobody listens to, and that is as we would have made it, is the rest of a dead
// process of ours. Anything else is left alone.
static int
remove_stale(const struct port *port)
{
	const char *path = port->socket.path;
	struct sockaddr_un address;
	const socklen_t len = fill_address(port, &address);
	struct stat status;
	int fd, ret;

	if (path[0] == '@' || lstat(path, &status) < 0)
		return path[0] == '@' || errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	if (status.st_uid != geteuid() && status.st_uid != owner_of(port))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)&address, len) == 0 ? 0 : errno;
	close(fd);
	if (ret != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int
dress(const struct port *port)
{
	const struct port_socket *socket = &port->socket;
	const gid_t group =
		socket->group[0] != '\0' ? (gid_t)strtoul(socket->group, NULL, 10) : (gid_t)-1;
	const uid_t owner = owner_of(port);
	const mode_t mode = socket->mode[0] != '\0' ? (mode_t)strtoul(socket->mode, NULL, 8) : 0660;

	if (socket->path[0] == '@')
		return 0;
	if (lchown(socket->path, owner, group) < 0 || chmod(socket->path, mode) < 0)
		return -errno;
	return 0;
}

// Nobody can connect before listen(), so that owner and permissions are right by then.
static int
bind_and_listen(const struct port *port)
{
	struct sockaddr_un address;
	const socklen_t len = fill_address(port, &address);
	int fd, ret = remove_stale(port);

	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, len) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = dress(port);
	if (ret == 0 && listen(fd, BACKLOG) < 0)
		ret = -errno;
	if (ret == 0)
		return fd;
	close(fd);
	if (port->socket.path[0] != '@')
		unlink(port->socket.path);
	return ret;
}

// The listening socket, in the namespace that an abstract name belongs to.
static int
open_listener(const struct port *port, int netns)
{
	struct netns_guard guard;
	int fd;

	if (port->socket.path[0] != '@' || netns < 0)
		return bind_and_listen(port);
	fd = netns_enter(&guard, netns);
	if (fd < 0)
		return fd;
	fd = bind_and_listen(port);
	netns_leave(&guard);
	return fd;
}

static int
open_descriptor(const struct port *port, int netns)
{
	const int failed = fail_point("socket");
	int fd;

	if (failed < 0)
		return failed;
	if (port->socket.role == PORT_MASTER)
		return open_listener(port, netns);
	fd = netns >= 0 ? fcntl(netns, F_DUPFD_CLOEXEC, 0)
			: open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
keep(struct causewayd *d, const struct port *port, int netns)
{
	const int fd = open_descriptor(port, netns);

	if (fd < 0)
		return fd;
	device_keep(d, port->id, &fd, 1);
	d->devices[port->id].holds_netns = netns >= 0 && port->socket.path[0] == '@';
	return 0;
}

static int
say(const struct port *port, int error, struct failure *failure)
{
	const char *path = port->socket.path;

	if (error == -EEXIST)
		return failure_set(failure, CW_RPC_REFUSED, "socket", path,
			"remove it, or choose another path", "%s exists and is %s", path,
			is_socket(path) ? "another user's" : "no socket");
	if (error == -EADDRINUSE)
		return failure_set(failure, CW_RPC_REFUSED, "socket", path,
			"end that process, or choose another path", "another process listens on %s",
			path);
	if (error == -ENOENT)
		return failure_set(failure, CW_RPC_REFUSED, "socket", path, "make the folder first",
			"the folder of %s does not exist", path);
	return failure_errno(failure, error, "socket %s cannot be made", path);
}

int
socket_device_make(struct causewayd *d, const struct port *port, const struct endpoint *endpoint,
	int netns, struct failure *failure)
{
	const bool in_folder = endpoint != NULL && pod_folder_holds(d, endpoint, port);
	int ret = 0;

	if (in_folder)
		ret = pod_folder_make(d, endpoint, port);
	if (ret == 0 && port_needs_descriptors(port))
		ret = keep(d, port, netns);
	if (ret == 0)
		return 0;
	if (in_folder)
		pod_folder_remove(d, endpoint, port);
	return say(port, ret, failure);
}

int
socket_device_reopen(struct causewayd *d, const struct port *port, const struct endpoint *endpoint)
{
	int netns = -1, ret;

	if (endpoint != NULL) {
		netns = netns_reopen(endpoint->netns, &endpoint->netns_id);
		if (netns < 0)
			return netns == -ENOENT ? -ENODEV : netns;
		if (pod_folder_holds(d, endpoint, port))
			pod_folder_make(d, endpoint, port);
	}
	ret = keep(d, port, netns);
	if (netns >= 0)
		close(netns);
	return ret;
}

bool
socket_device_is_gone(const struct port *port, const struct endpoint *endpoint)
{
	int netns;

	if (endpoint == NULL)
		return false;
	netns = netns_reopen(endpoint->netns, &endpoint->netns_id);
	if (netns < 0)
		return netns == -ENOENT;
	close(netns);
	return false;
}

int
socket_device_remove(struct causewayd *d, const struct port *port, const struct endpoint *endpoint)
{
	const bool made = port->kind == CW_PORT_MEMIF && port->socket.role == PORT_MASTER;

	device_forget(d, port->id);
	if (endpoint != NULL && pod_folder_holds(d, endpoint, port))
		return pod_folder_remove(d, endpoint, port);
	return made ? remove_stale(port) : 0;
}
