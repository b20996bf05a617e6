/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static int
say_who(int fd, const char *directory)
{
	char pid[16] = "";

	if (pread(fd, pid, sizeof(pid) - 1, 0) < 0)
		pid[0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	log_error("another causewayd runs here: stop it or choose another directory pid=%s "
		  "directory=%s",
		pid[0] != '\0' ? pid : "?", directory);
	return -EBUSY;
}

int
instance_lock(const char *directory, const char *name, unsigned int mode)
{
	char path[256], pid[16];
	int fd, ret;

	if (mkdir(directory, mode) < 0 && errno != EEXIST) {
		ret = -errno;
		log_error("directory cannot be made: %s directory=%s", strerror(-ret), directory);
		return ret;
	}
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		ret = -errno;
		log_error("lock cannot be opened: %s path=%s", strerror(-ret), path);
		return ret;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ret = say_who(fd, directory);
		close(fd);
		return ret;
	}
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		log_warning("lock cannot be written: %s path=%s", strerror(errno), path);
	return fd;
}
