/* SPDX-License-Identifier: Apache-2.0 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NETNS_OWN "/proc/thread-self/ns/net"

int
netns_check(int fd)
{
	const int type = ioctl(fd, NS_GET_NSTYPE);

	if (type < 0)
		return errno == EBADF ? -EBADF : -EINVAL;
	return type == CLONE_NEWNET ? 0 : -EINVAL;
}

int
netns_open(const char *path)
{
	// O_NONBLOCK: the path may be a FIFO somebody left there.
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int ret;

	if (fd < 0)
		return -errno;
	ret = netns_check(fd);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int
netns_identify(int fd, struct netns_id *id)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*id = (struct netns_id){.device = st.st_dev, .inode = st.st_ino};
	return 0;
}

int
netns_own(struct netns_id *id)
{
	struct stat st;

	if (stat(NETNS_OWN, &st) < 0)
		return -errno;
	*id = (struct netns_id){.device = st.st_dev, .inode = st.st_ino};
	return 0;
}

bool
netns_equal(const struct netns_id *a, const struct netns_id *b)
{
	return a->device == b->device && a->inode == b->inode;
}

int
netns_reopen(const char *path, const struct netns_id *id)
{
	struct netns_id found;
	int fd = netns_open(path), ret;

	if (fd < 0)
		return fd == -EINVAL ? -ENOENT : fd;
	ret = netns_identify(fd, &found);
	if (ret == 0 && !netns_equal(&found, id))
		ret = -ENOENT;
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int
netns_enter(struct netns_guard *guard, int fd)
{
	int ret;

	guard->own = open(NETNS_OWN, O_RDONLY | O_CLOEXEC);
	if (guard->own < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) == 0)
		return 0;
	ret = -errno;
	close(guard->own);
	guard->own = -1;
	return ret;
}

void
netns_leave(struct netns_guard *guard)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	const int saved = errno;

	// Only a lack of memory can keep us from going home, and nothing may run until we are.
	while (setns(guard->own, CLONE_NEWNET) < 0)
		nanosleep(&pause, NULL);
	close(guard->own);
	guard->own = -1;
	errno = saved;
}
