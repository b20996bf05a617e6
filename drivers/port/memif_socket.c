/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define FDS_MAX 8 // descriptors looked at; the kernel closes those beyond

static socklen_t
make_address(const char *path, struct sockaddr_un *address)
{
	size_t len = strnlen(path, sizeof(address->sun_path) - 1);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, len);
	if (path[0] != '@')
		return sizeof(*address);
	address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int
make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 ? fd : -errno;
}

// A socket file whose owner died refuses connections.
static bool
is_stale(const char *path)
{
	struct stat file;
	int fd;

	if (path[0] == '@' || lstat(path, &file) < 0 || !S_ISSOCK(file.st_mode))
		return false;
	fd = memif_socket_connect(path, -1);
	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

static int
bind_and_listen(int fd, const char *path)
{
	struct sockaddr_un address;
	socklen_t len = make_address(path, &address);

	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int
memif_socket_listen(const char *path, char *reason, size_t reason_len)
{
	int fd = make_socket(), error = fd;

	if (fd >= 0) {
		if (is_stale(path))
			unlink(path);
		error = bind_and_listen(fd, path);
	}
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(reason, reason_len, "cannot listen on %s: %s", path, strerror(-error));
	return error;
}

void
memif_socket_unlink(const char *path)
{
	if (is_stale(path))
		unlink(path);
}

static int
option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

int
memif_socket_check_listener(int fd, char *reason, size_t reason_len)
{
	int flags = fcntl(fd, F_GETFL);

	if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_SEQPACKET
		|| option(fd, SO_ACCEPTCONN) != 1) {
		snprintf(reason, reason_len,
			"descriptor 0 of a memif master must be a listening AF_UNIX "
			"SOCK_SEQPACKET socket");
		return -EINVAL;
	}
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		snprintf(reason, reason_len, "listening socket cannot be set up: %s",
			strerror(errno));
		return -errno;
	}
	return 0;
}

// An abstract name belongs to the network namespace in which its socket was made.
static int
make_socket_in(int netns_fd)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	if (home < 0)
		return -errno;
	fd = setns(netns_fd, CLONE_NEWNET) == 0 ? make_socket() : -errno;
	// Staying there would be wrong for every later socket of this thread.
	if (setns(home, CLONE_NEWNET) < 0 && fd >= 0) {
		close(fd);
		fd = -errno;
	}
	close(home);
	return fd;
}

int
memif_socket_connect(const char *path, int netns_fd)
{
	struct sockaddr_un address;
	socklen_t len = make_address(path, &address);
	int fd = netns_fd >= 0 && path[0] == '@' ? make_socket_in(netns_fd) : make_socket(), error;

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, len) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int
memif_socket_accept(int listener)
{
	// cppcheck-suppress nullPointer ; the peer's address is not wanted
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd >= 0 ? fd : -errno;
}

int
memif_socket_send(int socket, const struct memif_message *message, int fd)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	if (sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

static void
take_descriptors(struct msghdr *header, struct memif_packet *packet)
{
	struct cmsghdr *item;
	int fds[FDS_MAX];

	for (item = CMSG_FIRSTHDR(header); item != NULL; item = CMSG_NXTHDR(header, item)) {
		size_t n = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(item), n * sizeof(int));
		for (size_t i = 0; i < n; i++) {
			if (packet->fd < 0)
				packet->fd = fds[i];
			else
				close(fds[i]);
			packet->n_fds++;
		}
	}
}

int
memif_socket_receive(int socket, struct memif_packet *packet)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {0};
	struct iovec iov = {&packet->message, sizeof(packet->message)};
	struct msghdr header = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	packet->fd = -1;
	packet->n_fds = 0;
	if (len < 0)
		return errno == ECONNRESET ? 0 : -errno;
	take_descriptors(&header, packet);
	if ((header.msg_flags & MSG_CTRUNC) != 0)
		packet->n_fds = FDS_MAX + 1;
	packet->len = (size_t)len;
	return len > 0 || packet->n_fds > 0 ? 1 : 0;
}
