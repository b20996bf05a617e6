/* SPDX-License-Identifier: Apache-2.0 */
#include "device_info_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_info.h"
#include "device_info_pci.h"

#define FILE_MAX 65536

// The folder without a name from the runtime; NULL with error.
static const char *
usual_folder(const struct cni_call *call, struct cni_error *error)
{
	const cJSON *asked = config_find(call->config.json, "deviceInfoDir");

	if (asked == NULL)
		return DEVICE_INFO_DIR;
	if (cJSON_IsString(asked) && asked->valuestring[0] == '/')
		return asked->valuestring;
	config_refuse(error, "deviceInfoDir", asked, "an absolute path");
	return NULL;
}

int
device_info_path(const struct cni_call *call, char path[PATH_MAX], struct cni_error *error)
{
	const cJSON *runtime = config_find(call->config.json, "runtimeConfig");
	const cJSON *asked = config_find(runtime, "CNIDeviceInfoFile");
	const char *folder = usual_folder(call, error);
	int n;

	if (asked != NULL && (!cJSON_IsString(asked) || asked->valuestring[0] != '/'))
		return config_refuse(
			error, "runtimeConfig.CNIDeviceInfoFile", asked, "an absolute path");
	if (folder == NULL)
		return -1;
	if (asked != NULL)
		n = snprintf(path, PATH_MAX, "%s", asked->valuestring);
	else
		n = snprintf(path, PATH_MAX, "%s/causeway-%s-%s-device.json", folder,
			call->env.container, call->env.ifname);
	if (n < PATH_MAX)
		return 0;
	return error_set(error, CNI_CONFIG, "the path of the device-info file is too long");
}

char *
device_info_read(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd >= 0 ? malloc(FILE_MAX) : NULL;
	const ssize_t n = text != NULL ? read(fd, text, FILE_MAX - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static bool
ends_with(const char *name, const char *tail)
{
	const size_t length = strlen(name), tail_length = strlen(tail);

	return length > tail_length && strcmp(name + length - tail_length, tail) == 0;
}

// The first file of the folder with that end which is about the device.
static char *
search(const char *folder, const char *tail, const char *address)
{
	DIR *dir = opendir(folder);
	char path[PATH_MAX], *text = NULL;
	const struct dirent *entry;

	while (dir != NULL && text == NULL && (entry = readdir(dir)) != NULL) {
		if (!ends_with(entry->d_name, tail)
			|| snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name)
				   >= (int)sizeof(path))
			continue;
		text = device_info_read(path);
		if (text != NULL && !device_info_is_of(text, address)) {
			free(text);
			text = NULL;
		}
	}
	if (dir != NULL)
		closedir(dir);
	return text;
}

char *
device_info_read_plugins(const struct cni_call *call, const char *address)
{
	char folder[PATH_MAX], tail[64];
	struct cni_error ignored;
	const char *own = usual_folder(call, &ignored);

	if (own == NULL
		|| snprintf(folder, sizeof(folder), "%.*s/dp", (int)(strrchr(own, '/') - own), own)
			   >= (int)sizeof(folder))
		return NULL;
	snprintf(tail, sizeof(tail), "-%s-device.json", address);
	return search(folder, tail, address);
}

static int
make_folder_of(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

int
device_info_replace(const char *path, const char *text)
{
	const size_t length = strlen(text);
	char half[PATH_MAX + 16];
	int fd, rc = make_folder_of(path);

	if (rc < 0)
		return rc;
	snprintf(half, sizeof(half), "%s.new-%d", path, (int)getpid());
	fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != (ssize_t)length)
		rc = errno != 0 ? -errno : -EIO;
	close(fd);
	if (rc == 0 && rename(half, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(half);
	return rc;
}
