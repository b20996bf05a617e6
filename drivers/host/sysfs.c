/* SPDX-License-Identifier: Apache-2.0 */
#include "sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sysfs_read(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	int ret;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size);
	ret = len < 0 ? -errno : 0;
	close(fd);
	if (ret < 0)
		return ret;
	for (ssize_t i = 0; i < len; i++)
		if (text[i] == '\n')
			len = i;
	if ((size_t)len == size)
		return -EOVERFLOW;
	text[len] = '\0';
	return 0;
}

int
sysfs_read_number(const char *path, long *value)
{
	char text[32], *end;
	const int ret = sysfs_read(path, text, sizeof(text));

	if (ret < 0)
		return ret;
	errno = 0;
	*value = strtol(text, &end, 0);
	return end == text || *end != '\0' || errno != 0 ? -EINVAL : 0;
}

int
sysfs_write(const char *path, const char *value)
{
	const char *text = value[0] != '\0' ? value : "\n";
	const size_t len = strlen(text);
	const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t written;
	int ret = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, text, len);
	if (written != (ssize_t)len)
		ret = written < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}

int
sysfs_link(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	const ssize_t len = readlink(path, target, sizeof(target) - 1);
	const char *last;

	if (len < 0)
		return -errno;
	target[len] = '\0';
	last = strrchr(target, '/');
	last = last != NULL ? last + 1 : target;
	return snprintf(name, size, "%s", last) < (int)size ? 0 : -EOVERFLOW;
}

static int
is_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
sysfs_each(const char *path, int (*fn)(const char *name, void *arg), void *arg)
{
	struct dirent **entries;
	const int n = scandir(path, &entries, is_entry, alphasort);
	int ret = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (ret == 0)
			ret = fn(entries[i]->d_name, arg);
		free(entries[i]);
	}
	free(entries);
	return ret;
}
