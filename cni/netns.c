/* SPDX-License-Identifier: Apache-2.0 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_own(int fd)
{
	struct stat own, other;

	return stat("/proc/self/ns/net", &own) == 0 && fstat(fd, &other) == 0
	       && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

int
netns_open(const char *path, bool override, int *fd, struct cni_error *error)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return error_set(error, CNI_ENVIRONMENT, "CNI_NETNS=%s cannot be opened: %s", path,
			strerror(errno));
	if (ioctl(*fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		error_set(error, CNI_NETNS, "CNI_NETNS=%s is no network namespace", path);
	else if (!override && is_own(*fd))
		error_set(error, CNI_NETNS,
			"CNI_NETNS=%s is the plugin's own network namespace; set "
			"CNI_NETNS_OVERRIDE=1 if "
			"that is meant",
			path);
	else
		return 0;
	close(*fd);
	*fd = -1;
	return -1;
}
