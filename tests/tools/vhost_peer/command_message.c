/* SPDX-License-Identifier: Apache-2.0 */
// Messages that no front end would send.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "text.h"
#include "vhost_user_proto.h"

static int
short_memory(void)
{
	int fd = memfd_create("short", MFD_CLOEXEC);

	return fd >= 0 && ftruncate(fd, 4096) == 0 ? fd : -1;
}

// A blocking one whose counter takes no more.
static int
full_event(void)
{
	const uint64_t most = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_CLOEXEC);

	return fd >= 0 && write(fd, &most, sizeof(most)) == sizeof(most) ? fd : -1;
}

// A descriptor of our own to send; the copy is the caller's.
static int
descriptor(const struct port *port, const char *what)
{
	if (strcmp(what, "memory") == 0)
		return dup(port->memory.fd);
	if (strcmp(what, "event") == 0)
		return eventfd(0, EFD_CLOEXEC); // blocking, as not all front ends do it
	if (strcmp(what, "full") == 0)
		return full_event();
	if (strcmp(what, "short") == 0)
		return short_memory();
	if (strcmp(what, "empty") == 0)
		return memfd_create("empty", MFD_CLOEXEC);
	if (strcmp(what, "directory") == 0)
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (strcmp(what, "socket") == 0)
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strcmp(what, "zero") == 0)
		return open("/dev/zero", O_RDWR | O_CLOEXEC);
	return -1;
}

static const char *
add_answer(struct port *port, cJSON *result)
{
	struct vu_message message;
	char text[2 * sizeof(message.payload) + 1];
	int error = vu_receive(port->fd, &message);

	if (error != 0)
		return strerror(-error);
	cJSON_AddNumberToObject(result, "request", message.request);
	cJSON_AddNumberToObject(result, "flags", message.flags);
	hex_encode(text, &message.payload, message.size);
	cJSON_AddStringToObject(result, "data", text);
	return NULL;
}

// {"data": hex of the whole, "fds": [what], "answer": bool}
const char *
command_message(const cJSON *arguments, cJSON *result)
{
	const char *data = string_of(arguments, "data");
	struct port *port;
	const char *wrong = argument_port(arguments, &port);
	const cJSON *what;
	int fds[VU_FDS_MAX], error;
	unsigned n_fds = 0;
	uint8_t *bytes;
	size_t len;

	if (wrong != NULL || port->fd < 0 || data == NULL)
		return wrong != NULL ? wrong : data == NULL ? "data is missing" : "not connected";
	bytes = hex_decode(data, &len);
	if (bytes == NULL)
		return "data is hexadecimal";
	cJSON_ArrayForEach (what, cJSON_GetObjectItemCaseSensitive(arguments, "fds")) {
		int fd = n_fds < VU_FDS_MAX ? descriptor(port, what->valuestring) : -1;

		if (fd >= 0)
			fds[n_fds++] = fd;
	}
	error = vu_send_raw(port->fd, bytes, len, fds, n_fds);
	free(bytes);
	while (n_fds > 0)
		close(fds[--n_fds]);
	if (error != 0)
		return strerror(-error);
	return number_of(arguments, "answer", 0) != 0 ? add_answer(port, result) : NULL;
}
