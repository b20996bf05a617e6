/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/connection.h"
#include "log.h"

#define MAX_CONNECTIONS 512
#define MAX_GROUPS 1024

struct api *
api_create(struct causewayd *d)
{
	struct api *api = calloc(1, sizeof(*api));

	if (api == NULL)
		return NULL;
	api->d = d;
	api->fd = -1;
	LIST_INIT(&api->connections);
	LIST_INIT(&api->requests);
	snprintf(api->path, sizeof(api->path), "%s/" CW_CONTROL_SOCKET, d->options.runtime_dir);
	return api;
}

void
api_close(struct api *api)
{
	if (api == NULL)
		return;
	while (!LIST_EMPTY(&api->connections))
		connection_free(LIST_FIRST(&api->connections));
	if (api->acceptable != NULL)
		event_free(api->acceptable);
	api->acceptable = NULL;
	if (api->fd >= 0) {
		close(api->fd);
		unlink(api->path);
	}
	api->fd = -1;
}

void
api_free(struct api *api)
{
	if (api == NULL)
		return;
	while (!LIST_EMPTY(&api->requests))
		request_free(LIST_FIRST(&api->requests));
	free(api);
}

static bool
find_group(const struct api *api, gid_t *gid)
{
	struct group found, *result = NULL;
	char text[16384];

	if (getgrnam_r(api->d->options.group, &found, text, sizeof(text), &result) != 0
		|| result == NULL)
		return false;
	*gid = found.gr_gid;
	return true;
}

// Root, whoever runs us, and members of the group, by their main group or any other.
static bool
is_allowed(struct api *api, int fd, struct ucred *peer)
{
	socklen_t len = sizeof(*peer);
	gid_t groups[MAX_GROUPS], gid;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) < 0)
		return false;
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	if (!find_group(api, &gid))
		return false;
	if (peer->gid == gid)
		return true;
	len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static void
deny(struct api *api, struct connection *connection, const struct ucred *peer)
{
	char message[128];

	snprintf(message, sizeof(message), "only root and members of group %s may use control.sock",
		api->d->options.group);
	log_warning("peer refused uid=%u gid=%u pid=%d", peer->uid, peer->gid, peer->pid);
	request_refuse_line(connection, CW_RPC_DENIED, message);
	connection_end(connection);
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct api *api = arg;
	struct connection *connection;
	struct ucred peer = {0};
	// cppcheck-suppress nullPointer ; the peer's address is not wanted
	const int accepted = accept4(api->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (accepted < 0)
		return;
	connection = connection_new(api, accepted);
	if (connection == NULL) {
		close(accepted);
		return;
	}
	if (!is_allowed(api, accepted, &peer)) {
		deny(api, connection, &peer);
	} else if (api->n_connections > MAX_CONNECTIONS) {
		request_refuse_line(connection, CW_RPC_EXHAUSTED, "there are too many connections");
		connection_end(connection);
	}
}

int
api_adopt(struct api *api, int fd)
{
	evutil_make_socket_nonblocking(fd);
	return connection_new(api, fd) != NULL ? 0 : -ENOMEM;
}

// Root and the group may connect; without such a group root alone.
static void
set_permissions(struct api *api)
{
	gid_t gid;

	if (!find_group(api, &gid)) {
		log_info("there is no such group: control.sock is root's alone group=%s",
			api->d->options.group);
		return;
	}
	if (chown(api->path, (uid_t)-1, gid) < 0 || chmod(api->path, 0660) < 0)
		log_warning("control.sock stays root's alone: %s", strerror(errno));
}

int
api_listen(struct api *api)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int ret;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", api->path);
	api->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (api->fd < 0)
		goto fail;
	// The lock on the runtime directory is ours: what is there is a dead instance's.
	unlink(api->path);
	mask = umask(0177);
	ret = bind(api->fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (ret < 0)
		goto fail;
	set_permissions(api);
	if (listen(api->fd, 128) < 0)
		goto fail;
	api->acceptable =
		event_new(api->d->base, api->fd, EV_READ | EV_PERSIST, on_acceptable, api);
	if (api->acceptable != NULL && event_add(api->acceptable, NULL) == 0)
		return 0;
	errno = ENOMEM;
fail:
	ret = -errno;
	log_error("control.sock cannot be served: %s path=%s", strerror(-ret), api->path);
	return ret;
}
