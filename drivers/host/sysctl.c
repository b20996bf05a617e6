/* SPDX-License-Identifier: Apache-2.0 */
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
sysctl_interface(const char *family, const char *ifname, const char *key, const char *value)
{
	const size_t len = strlen(value);
	char path[128];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, ifname, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	written = write(fd, value, len);
	if (written != (ssize_t)len) {
		const int ret = written < 0 ? -errno : -EIO;

		close(fd);
		return ret;
	}
	close(fd);
	return 0;
}
