/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail_point.h"
#include "netns.h"

static int
make_folder(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
		slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static void
mark_path(char path[PATH_MAX], const char *folder, const char *pci)
{
	snprintf(path, PATH_MAX, "%s/pci/%s", folder, pci);
}

int
vf_mark_lock(const char *folder, const char *pci, int *fd)
{
	char path[PATH_MAX];
	int ret;

	*fd = -1;
	if (folder[0] == '\0')
		return 0;
	snprintf(path, sizeof(path), "%s/pci/vf_lock", folder);
	ret = make_folder(path);
	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "%s/pci/vf_lock/%s.lock", folder, pci);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		return -errno;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	ret = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	close(*fd);
	*fd = -1;
	return ret;
}

void
vf_mark_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

// What the mark says, whether it is true or not. -ENOENT: there is none.
static int
read_mark(const char *folder, const char *pci, char *netns, size_t size)
{
	char path[PATH_MAX];
	ssize_t len;
	int fd;

	mark_path(path, folder, pci);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, netns, size - 1);
	netns[len > 0 ? len : 0] = '\0';
	netns[strcspn(netns, "\n")] = '\0';
	close(fd);
	return len < 0 ? -EIO : 0;
}

int
vf_mark_read(const char *folder, const char *pci, char *netns, size_t size)
{
	int ret, fd;

	netns[0] = '\0';
	if (folder[0] == '\0')
		return 0;
	ret = read_mark(folder, pci, netns, size);
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	// As sriov-cni has it: a mark whose namespace has gone holds nobody.
	fd = netns_open(netns);
	if (fd >= 0)
		close(fd);
	else
		netns[0] = '\0';
	return 0;
}

int
vf_mark_write(const char *folder, const char *pci, const char *netns)
{
	const size_t len = strlen(netns);
	char path[PATH_MAX];
	int fd, ret = fail_point("vf_mark");

	if (folder[0] == '\0' || ret < 0)
		return ret;
	mark_path(path, folder, pci);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, netns, len) != (ssize_t)len)
		ret = -EIO;
	close(fd);
	return ret;
}

void
vf_mark_remove(const char *folder, const char *pci, const char *netns)
{
	char path[PATH_MAX], written[PATH_MAX];

	if (folder[0] == '\0' || read_mark(folder, pci, written, sizeof(written)) < 0
		|| strcmp(written, netns) != 0)
		return;
	mark_path(path, folder, pci);
	unlink(path);
}
