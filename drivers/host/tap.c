/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TAP_FLAGS (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE)

int
tap_usable(const char *node)
{
	unsigned int features;
	int fd = open(node, O_RDWR | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, TUNGETFEATURES, &features) < 0)
		ret = -errno;
	else if ((features & TAP_FLAGS) != TAP_FLAGS)
		ret = -EOPNOTSUPP;
	close(fd);
	return ret;
}

// Opens one queue; flags beyond those that all our queues have.
static int
queue_open(const char *node, char name[IFNAMSIZ], int flags)
{
	struct ifreq request = {0};
	int fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK), ret;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	request.ifr_flags = (short)(TAP_FLAGS | flags);
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return fd;
}

static void
close_all(const int *fds, unsigned int n)
{
	while (n > 0)
		close(fds[--n]);
}

static int
queues_open(const char *node, char name[IFNAMSIZ], unsigned int n, int *fds, int first_flags)
{
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = queue_open(node, name, i == 0 ? first_flags : 0);
		if (fds[i] < 0) {
			const int ret = fds[i];

			close_all(fds, i);
			return ret;
		}
	}
	return 0;
}

int
tap_create(const char *node, char name[IFNAMSIZ], unsigned int n, int *fds)
{
	return queues_open(node, name, n, fds, IFF_TUN_EXCL);
}

int
tap_attach(const char *node, const char *name, unsigned int n, int *fds)
{
	char found[IFNAMSIZ] = {0};
	struct ifreq request = {0};
	int ret;

	memcpy(found, name, strnlen(name, IFNAMSIZ - 1));
	ret = queues_open(node, found, n, fds, 0);
	if (ret < 0)
		return ret;
	// The kernel makes a device when there is none: such a one is not persistent, and goes
	// again.
	if (ioctl(fds[0], TUNGETIFF, &request) < 0 || (request.ifr_flags & IFF_PERSIST) == 0) {
		close_all(fds, n);
		return -ENODEV;
	}
	return 0;
}

int
tap_persist(int fd, bool persistent)
{
	return ioctl(fd, TUNSETPERSIST, persistent ? 1L : 0L) < 0 ? -errno : 0;
}

int
tap_name(int fd, char name[IFNAMSIZ])
{
	struct ifreq request = {0};

	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return errno == EBADFD ? -ENODEV : -errno;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return 0;
}

int
tap_netns(int fd)
{
	const int netns = ioctl(fd, TUNGETDEVNETNS);

	// EINVAL: the namespace is being destroyed, and the device with it.
	if (netns < 0)
		return errno == EBADFD || errno == EINVAL ? -ENODEV : -errno;
	return netns;
}
