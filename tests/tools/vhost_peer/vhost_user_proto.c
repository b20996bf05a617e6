/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost_user_proto.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int
unix_socket(const char *path, struct sockaddr_un *address)
{
	int fd;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int
close_with_errno(int fd)
{
	int error = -errno;

	close(fd);
	return error;
}

static int
limit_waiting(int fd)
{
	const struct timeval limit = {.tv_sec = VU_TIMEOUT_S};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0
		|| setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
		return close_with_errno(fd);
	return fd;
}

int
vu_listen(const char *path)
{
	struct sockaddr_un address;
	int fd = unix_socket(path, &address);

	if (fd < 0)
		return fd;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
		return close_with_errno(fd);
	return fd;
}

int
vu_accept(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	return fd < 0 ? -errno : limit_waiting(fd);
}

int
vu_connect(const char *path)
{
	struct sockaddr_un address;
	int fd = unix_socket(path, &address);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return close_with_errno(fd);
	return limit_waiting(fd);
}

int
vu_send_raw(int fd, const void *bytes, size_t len, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(VU_FDS_MAX * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (n_fds > VU_FDS_MAX)
		return -E2BIG;
	if (n_fds > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
	}
	sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? 0 : -EIO;
}

static void
close_received(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			close(fd);
		}
	}
}

static int
receive_bytes(int fd, void *bytes, size_t len)
{
	char control[CMSG_SPACE(VU_FDS_MAX * sizeof(int))];
	struct iovec part = {.iov_base = bytes, .iov_len = len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t got;

	while (part.iov_len > 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ECONNRESET;
		close_received(&message);
		part.iov_base = (uint8_t *)part.iov_base + got;
		part.iov_len -= (size_t)got;
	}
	return 0;
}

int
vu_receive(int fd, struct vu_message *message)
{
	int error = receive_bytes(fd, message, VU_HEADER_LEN);

	if (error != 0)
		return error;
	if (message->size > sizeof(message->payload))
		return -EMSGSIZE;
	return receive_bytes(fd, &message->payload, message->size);
}

static int
answer(int fd, uint32_t request, uint64_t *value)
{
	struct vu_message message;
	int error = vu_receive(fd, &message);

	if (error != 0)
		return error;
	if (message.request != request || (message.flags & VU_REPLY) == 0
		|| message.size != sizeof(*value))
		return -EPROTO;
	*value = message.payload.value;
	return 0;
}

int
vu_set(int fd, uint32_t request, const void *payload, size_t size, const int *fds, unsigned n_fds,
	bool ack)
{
	struct vu_message message = {
		.request = request,
		.flags = VU_VERSION | (ack ? VU_NEED_REPLY : 0),
		.size = (uint32_t)size,
	};
	uint64_t refused;
	int error;

	if (size > sizeof(message.payload))
		return -EMSGSIZE;
	if (size > 0)
		memcpy(&message.payload, payload, size);
	error = vu_send_raw(fd, &message, VU_HEADER_LEN + size, fds, n_fds);
	if (error != 0 || !ack)
		return error;
	error = answer(fd, request, &refused);
	if (error != 0)
		return error;
	return refused != 0 ? -EREMOTEIO : 0;
}

int
vu_get(int fd, uint32_t request, uint64_t *value)
{
	int error = vu_set(fd, request, NULL, 0, NULL, 0, false);

	return error != 0 ? error : answer(fd, request, value);
}
