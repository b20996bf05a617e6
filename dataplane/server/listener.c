/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <causeway/limits.h>

#include "listener.h"
#include "log.h"

#define BACKLOG 16

struct listener {
	int lock_fd, fd;
	int spare_fd; // given up for a moment when no descriptor is left
	struct event *readable;
	void (*accepted)(void *arg, int fd);
	void *arg;
	struct sockaddr_un address;
};

// Who holds the lock, as it wrote there.
static int
read_holder(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;
}

static int
take_lock(const char *runtime_dir)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 16], text[16];
	int error, fd, n;

	snprintf(path, sizeof(path), "%s/dp.lock", runtime_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		error = -errno;
		return log_error(error, "lock file does not open", "path=%s error=\"%s\"", path,
			strerror(-error));
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
		log_error(error, "another causeway-dp serves this runtime directory",
			"runtime_dir=%s pid=%d", runtime_dir, read_holder(fd));
		close(fd);
		return error;
	}
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		log_line(LOG_WARNING, "lock file is not written", "path=%s", path);
	return fd;
}

// The lock is ours, so that a socket in the way is a dead instance's.
static int
bind_socket(struct listener *listener)
{
	const struct sockaddr *address = (const struct sockaddr *)&listener->address;
	const char *path = listener->address.sun_path;

	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return -errno;
	// The mode is right before anyone can connect, which takes listen().
	if (bind(listener->fd, address, sizeof(listener->address)) != 0 || chmod(path, 0660) != 0
		|| listen(listener->fd, BACKLOG) != 0)
		return -errno;
	return 0;
}

// Without a descriptor the peer would wait for ever and wake us for ever: it is refused.
static void
refuse_peer(struct listener *listener)
{
	int peer;

	close(listener->spare_fd);
	peer = accept(listener->fd, NULL, NULL);
	if (peer >= 0)
		close(peer);
	listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_line(LOG_WARNING, "peer is refused", "reason=\"no descriptors are left\"");
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	// cppcheck-suppress nullPointer ; the peer's address is not wanted
	const int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (peer >= 0)
		listener->accepted(listener->arg, peer);
	else if (errno == EMFILE || errno == ENFILE)
		refuse_peer(listener);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		log_line(LOG_WARNING, "peer is not accepted", "error=\"%s\"", strerror(errno));
}

static int
prepare(struct listener *listener, const char *runtime_dir)
{
	const int n = snprintf(listener->address.sun_path, sizeof(listener->address.sun_path),
		"%s/" CW_DP_SOCKET, runtime_dir);

	if (n < 0 || (size_t)n >= sizeof(listener->address.sun_path))
		return log_error(-ENAMETOOLONG, "runtime directory is too long for a socket",
			"runtime_dir=%s limit=%zu", runtime_dir,
			sizeof(listener->address.sun_path) - sizeof(CW_DP_SOCKET) - 1);
	listener->address.sun_family = AF_UNIX;
	if (mkdir(runtime_dir, 0755) != 0 && errno != EEXIST) {
		const int error = -errno;

		return log_error(error, "runtime directory is not made",
			"runtime_dir=%s error=\"%s\"", runtime_dir, strerror(-error));
	}
	return 0;
}

struct listener *
listener_create(struct event_base *base, const char *runtime_dir,
	void (*accepted)(void *arg, int fd), void *arg, int *error)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	*error = -ENOMEM;
	if (listener == NULL)
		return NULL;
	*listener = (struct listener){
		.lock_fd = -1, .fd = -1, .spare_fd = -1, .accepted = accepted, .arg = arg};
	*error = prepare(listener, runtime_dir);
	if (*error != 0)
		goto fail;
	listener->lock_fd = take_lock(runtime_dir);
	if (listener->lock_fd < 0) {
		*error = listener->lock_fd;
		goto fail;
	}
	*error = bind_socket(listener);
	if (*error != 0) {
		log_error(*error, "socket is not served", "path=%s error=\"%s\"",
			listener->address.sun_path, strerror(-*error));
		goto fail;
	}
	listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*error = -ENOMEM;
	listener->readable =
		event_new(base, listener->fd, EV_READ | EV_PERSIST, on_acceptable, listener);
	if (listener->readable == NULL || event_add(listener->readable, NULL) != 0)
		goto fail;
	*error = 0;
	return listener;

fail:
	listener_free(listener);
	return NULL;
}

void
listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	if (listener->readable != NULL)
		event_free(listener->readable);
	if (listener->fd >= 0) {
		unlink(listener->address.sun_path);
		close(listener->fd);
	}
	if (listener->spare_fd >= 0)
		close(listener->spare_fd);
	if (listener->lock_fd >= 0)
		close(listener->lock_fd); // gives the lock back; the file stays, as others may wait
	free(listener);
}
