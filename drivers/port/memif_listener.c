/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memif_connection.h"
#include "memif_socket.h"

#define WAITING_MAX 64 // connections without INIT; more are closed at once
#define PAUSE_MS 1000 // without descriptors nothing can be accepted

struct memif_listener {
	struct memif_source source; // first
	char path[MEMIF_PATH_LEN]; // "" when the descriptor was given
	ino_t inode; // of the socket, the same for its duplicates
	uint64_t paused_ms; // until then; 0: accepting
	LIST_HEAD(, memif_interface) interfaces;
	LIST_ENTRY(memif_listener) link;
};

static LIST_HEAD(, memif_listener) listeners = LIST_HEAD_INITIALIZER(listeners);

static uint16_t
most_queues(const struct memif_listener *listener)
{
	const struct memif_interface *interface;
	uint16_t n = 1;

	LIST_FOREACH (interface, &listener->interfaces, listener_link)
		if (interface->end.n_queues > n)
			n = interface->end.n_queues;
	return n;
}

static void
accept_one(struct memif_source *source)
{
	struct memif_listener *listener = (struct memif_listener *)(void *)source;
	int fd = memif_socket_accept(source->fd);

	if (fd >= 0) {
		if (memif_connections_waiting(listener) >= WAITING_MAX)
			close(fd);
		else
			memif_connection_open(fd, NULL, listener, most_queues(listener));
		return;
	}
	if (fd == -EAGAIN || fd == -ECONNABORTED || fd == -EINTR)
		return;
	memif_loop_remove(source);
	listener->paused_ms = memif_loop_now() + PAUSE_MS;
	memif_loop_at(listener->paused_ms);
}

uint64_t
memif_listeners_tick(uint64_t now_ms)
{
	struct memif_listener *listener;
	uint64_t next = UINT64_MAX;

	LIST_FOREACH (listener, &listeners, link) {
		if (listener->paused_ms == 0)
			continue;
		if (listener->paused_ms <= now_ms && memif_loop_add(&listener->source) == 0)
			listener->paused_ms = 0;
		else
			next = now_ms + PAUSE_MS;
	}
	return next;
}

static struct memif_listener *
find_listener(const char *path, ino_t inode)
{
	struct memif_listener *listener;

	LIST_FOREACH (listener, &listeners, link)
		if (inode != 0 ? listener->inode == inode
			       : path[0] != '\0' && strcmp(listener->path, path) == 0)
			return listener;
	return NULL;
}

static int
open_socket(const struct memif_interface *interface, char *reason, size_t reason_len)
{
	int fd;

	if (interface->listen_fd < 0)
		return memif_socket_listen(interface->path, reason, reason_len);
	fd = fcntl(interface->listen_fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		return fd;
	snprintf(reason, reason_len, "listening socket: %s", strerror(errno));
	return -errno;
}

static int
make_listener(const struct memif_interface *interface, ino_t inode, struct memif_listener **made,
	char *reason, size_t reason_len)
{
	int fd = open_socket(interface, reason, reason_len), error;
	struct memif_listener *listener;

	if (fd < 0)
		return fd;
	listener = calloc(1, sizeof(*listener));
	error = listener != NULL ? 0 : -ENOMEM;
	if (error == 0) {
		listener->source = (struct memif_source){fd, accept_one};
		listener->inode = inode;
		if (inode == 0)
			snprintf(listener->path, sizeof(listener->path), "%s", interface->path);
		error = memif_loop_add(&listener->source);
	}
	if (error == 0) {
		LIST_INSERT_HEAD(&listeners, listener, link);
		*made = listener;
		return 0;
	}
	free(listener);
	close(fd);
	if (inode == 0)
		memif_socket_unlink(interface->path);
	snprintf(reason, reason_len, "listening socket: %s", strerror(-error));
	return error;
}

int
memif_listener_join(struct memif_interface *interface, char *reason, size_t reason_len)
{
	struct memif_listener *listener;
	const struct memif_interface *other;
	struct stat file = {0};
	int error;

	if (interface->listen_fd >= 0 && fstat(interface->listen_fd, &file) < 0)
		return -errno;
	listener = find_listener(interface->path, file.st_ino);
	if (listener == NULL) {
		error = make_listener(interface, file.st_ino, &listener, reason, reason_len);
		if (error < 0)
			return error;
	}
	LIST_FOREACH (other, &listener->interfaces, listener_link)
		if (other->end.id == interface->end.id) {
			snprintf(reason, reason_len, "id %u is taken on this socket by port %s",
				other->end.id, other->end.name);
			return -EEXIST;
		}
	LIST_INSERT_HEAD(&listener->interfaces, interface, listener_link);
	interface->listener = listener;
	return 0;
}

void
memif_listener_leave(struct memif_interface *interface)
{
	struct memif_listener *listener = interface->listener;

	LIST_REMOVE(interface, listener_link);
	interface->listener = NULL;
	if (!LIST_EMPTY(&listener->interfaces))
		return;
	memif_connections_of_listener_close(listener);
	LIST_REMOVE(listener, link);
	memif_loop_remove(&listener->source);
	close(listener->source.fd);
	if (listener->path[0] != '\0')
		memif_socket_unlink(listener->path);
	free(listener);
}

struct memif_interface *
memif_listener_find(const struct memif_listener *listener, uint32_t id, const char **why)
{
	struct memif_interface *interface;

	LIST_FOREACH (interface, &listener->interfaces, listener_link) {
		if (interface->end.id != id)
			continue;
		if (interface->connection == NULL)
			return interface;
		*why = "already connected";
		return NULL;
	}
	*why = "no interface has this id";
	return NULL;
}

int
memif_listener_fd(const struct memif_listener *listener)
{
	return listener->source.fd;
}
