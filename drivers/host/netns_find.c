/* SPDX-License-Identifier: Apache-2.0 */
#include "netns_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

int
netns_find(const struct netns_id *id)
{
	DIR *processes = opendir("/proc");
	struct dirent *process;
	char path[300];
	struct stat st;
	int fd = -ENOENT;

	if (processes == NULL)
		return -errno;
	while (fd == -ENOENT && (process = readdir(processes)) != NULL) {
		if (!isdigit((unsigned char)process->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", process->d_name);
		if (stat(path, &st) < 0 || st.st_dev != id->device || st.st_ino != id->inode)
			continue;
		fd = netns_reopen(path, id); // the process may have ended since
	}
	closedir(processes);
	return fd;
}
