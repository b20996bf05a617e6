/* SPDX-License-Identifier: Apache-2.0 */
#include "tombstone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define TOMBSTONE_VERSION 1
#define TOMBSTONE_BYTES_MAX 65536
#define TOMBSTONE_NAME_LEN 32
#define HALF_WRITTEN_PREFIX ".new-"
#define HALF_WRITTEN_AGE_S 600

// Container IDs have any length, file names have not: FNV-1a of "container/ifname".
static void
file_name(char name[TOMBSTONE_NAME_LEN], const char *container, const char *ifname)
{
	const char *const parts[] = {container, "/", ifname};
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < 3; i++)
		for (const char *c = parts[i]; *c != '\0'; c++)
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
	snprintf(name, TOMBSTONE_NAME_LEN, "%016" PRIx64 ".json", hash);
}

static int
make_folder(const char *path)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	strcpy(part, path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

// Returns a descriptor of the folder or -errno.
static int
open_folder(const char *state_dir, bool make)
{
	char path[PATH_MAX];
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/" TOMBSTONE_FOLDER, state_dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		rc = make_folder(path);
		if (rc < 0)
			return rc;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static char *
format(const char *container, const char *ifname)
{
	cJSON *object = cJSON_CreateObject();
	char *text = NULL;

	if (cJSON_AddNumberToObject(object, "version", TOMBSTONE_VERSION)
		&& cJSON_AddStringToObject(object, "container", container)
		&& cJSON_AddStringToObject(object, "ifname", ifname)
		&& cJSON_AddNumberToObject(object, "time", (double)time(NULL)))
		text = cJSON_PrintUnformatted(object);
	cJSON_Delete(object);
	return text;
}

static int
write_all(int fd, const char *text, size_t length)
{
	ssize_t written;

	while (length > 0) {
		written = write(fd, text, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int
tombstone_write(const char *state_dir, const char *container, const char *ifname)
{
	char name[TOMBSTONE_NAME_LEN], half[TOMBSTONE_NAME_LEN];
	int folder, fd = -1, rc;
	char *text;

	folder = open_folder(state_dir, true);
	if (folder < 0)
		return folder;
	file_name(name, container, ifname);
	snprintf(half, sizeof(half), HALF_WRITTEN_PREFIX "%d", (int)getpid());
	text = format(container, ifname);
	if (text == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	fd = openat(folder, half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		rc = -errno;
		goto out;
	}
	rc = write_all(fd, text, strlen(text));
	if (rc == 0 && (renameat(folder, half, folder, name) < 0 || fsync(folder) < 0))
		rc = -errno;
	if (rc < 0)
		unlinkat(folder, half, 0);
	close(fd);
out:
	cJSON_free(text);
	close(folder);
	return rc;
}

int
tombstone_remove(const char *state_dir, const char *container, const char *ifname)
{
	char name[TOMBSTONE_NAME_LEN];
	int folder, rc = 0;

	folder = open_folder(state_dir, false);
	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	file_name(name, container, ifname);
	if (unlinkat(folder, name, 0) < 0)
		rc = errno == ENOENT ? 0 : -errno;
	else if (fsync(folder) < 0)
		rc = -errno;
	close(folder);
	return rc;
}

static cJSON *
read_tombstone(int folder, const char *name)
{
	char text[TOMBSTONE_BYTES_MAX];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return cJSON_ParseWithOpts(text, NULL, true);
}

// Returns 1 when fn dealt with it.
static int
replay_one(int folder, const char *name, tombstone_fn fn, void *arg)
{
	cJSON *tombstone = read_tombstone(folder, name);
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(tombstone, "version");
	const cJSON *container = cJSON_GetObjectItemCaseSensitive(tombstone, "container");
	const cJSON *ifname = cJSON_GetObjectItemCaseSensitive(tombstone, "ifname");
	int done = 0;

	if (cJSON_IsNumber(version) && version->valueint == TOMBSTONE_VERSION
		&& cJSON_IsString(container) && cJSON_IsString(ifname)
		&& fn(container->valuestring, ifname->valuestring, arg) == 0)
		done = unlinkat(folder, name, 0) == 0;
	cJSON_Delete(tombstone);
	return done;
}

static void
remove_half_written(int folder, const char *name)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0
		&& status.st_mtime + HALF_WRITTEN_AGE_S < time(NULL))
		unlinkat(folder, name, 0);
}

int
tombstone_replay(const char *state_dir, tombstone_fn fn, void *arg)
{
	int folder = open_folder(state_dir, false), n = 0;
	struct dirent *entry;
	const char *dot;
	DIR *entries;

	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	entries = fdopendir(folder);
	if (entries == NULL) {
		n = -errno;
		close(folder);
		return n;
	}
	while ((entry = readdir(entries)) != NULL) {
		dot = strrchr(entry->d_name, '.');
		if (strncmp(entry->d_name, HALF_WRITTEN_PREFIX, strlen(HALF_WRITTEN_PREFIX)) == 0)
			remove_half_written(folder, entry->d_name);
		else if (dot != NULL && dot != entry->d_name && strcmp(dot, ".json") == 0)
			n += replay_one(folder, entry->d_name, fn, arg);
	}
	if (n > 0)
		fsync(folder);
	closedir(entries);
	return n;
}
