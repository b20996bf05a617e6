/* SPDX-License-Identifier: Apache-2.0 */

// libFuzzer target: what a memif peer says. The first byte chooses our role, then each record is
// one packet: a byte that chooses descriptor (0 none, 1 memory, 2 eventfd, 3 another file) and
// length, and 128 bytes.

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memif_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct memif_end ends[] = {
	{.id = 1, .secret = "", .name = "m0", .n_queues = 2, .control_fd = -1},
	{.is_slave = true,
		.secret = "",
		.name = "s0",
		.n_queues = 2,
		.log2_ring_size = 5,
		.buffer_size = 256,
		.control_fd = -1},
};

static const struct memif_end *
choose(void *arg, uint32_t id, const char **why)
{
	*why = "no interface has this id";
	return id <= 1 ? &ends[0] : NULL;
}

static int
make_descriptor(uint8_t kind)
{
	int fd = -1;

	if (kind == 1) {
		fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd >= 0 && ftruncate(fd, 1 << 16) < 0)
			return fd;
	} else if (kind == 2) {
		fd = eventfd(0, EFD_CLOEXEC);
	} else if (kind == 3) {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memif_session session;
	struct memif_message message;
	struct memif_reply reply;

	if (size == 0)
		return 0;
	if ((data[0] & 1) != 0)
		memif_session_start_slave(&session, &ends[1]);
	else
		memif_session_start_master(&session, 2, choose, NULL, &reply);
	for (data++, size--; size > sizeof(message); size -= 1 + sizeof(message)) {
		int fd = make_descriptor(data[0] & 3);
		size_t len = (data[0] & 0x80) != 0 ? data[0] : sizeof(message);

		memcpy(&message, data + 1, sizeof(message));
		memif_session_receive(&session, &message, len, fd, fd >= 0, &reply);
		data += 1 + sizeof(message);
	}
	memif_session_release(&session);
	return 0;
}
