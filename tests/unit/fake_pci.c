/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_pci.h"
#include "sysfs.h"

#define DEVICES "/sys/bus/pci/devices/"

static void
make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

void
fake_pci_put(const char *root, const char *path, const char *content)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	make_folders(full);
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

void
fake_pci_link(const char *root, const char *path, const char *target)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	make_folders(full);
	(void)unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	return remove(path);
}

void
fake_pci_remove(const char *root, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(nftw(full, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *
fake_pci_get(const char *root, const char *address, const char *file)
{
	static char text[128];
	char full[512];

	snprintf(full, sizeof(full), "%s" DEVICES "%s/%s", root, address, file);
	assert_int_equal(sysfs_read(full, text, sizeof(text)), 0);
	return text;
}

static void
put_device(const char *root, const char *address, const char *device)
{
	const struct {
		const char *file, *content;
	} files[] = {
		{"vendor", "0x8086\n"},
		{"device", device},
		{"subsystem_vendor", "0x8086\n"},
		{"subsystem_device", "0xa02b\n"},
		{"class", "0x020000\n"},
		{"numa_node", "-1\n"},
		{"driver_override", "(null)\n"},
	};
	char path[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), DEVICES "%s/%s", address, files[i].file);
		fake_pci_put(root, path, files[i].content);
	}
}

static void
put_vf(const char *root, unsigned int index, const char *address)
{
	char path[128], target[64];

	put_device(root, address, "0x10ca\n");
	snprintf(path, sizeof(path), DEVICES "%s/physfn", address);
	fake_pci_link(root, path, "../" FAKE_PF);
	snprintf(path, sizeof(path), DEVICES FAKE_PF "/virtfn%u", index);
	snprintf(target, sizeof(target), "../%s", address);
	fake_pci_link(root, path, target);
}

static void
put_pfs(const char *root)
{
	put_device(root, FAKE_PF, "0x10c9\n");
	put_device(root, FAKE_PF_B, "0x10c9\n");
	fake_pci_put(root, DEVICES FAKE_PF "/sriov_totalvfs", "7\n");
	fake_pci_put(root, DEVICES FAKE_PF "/sriov_numvfs", "3\n");
	fake_pci_put(root, DEVICES FAKE_PF "/sriov_drivers_autoprobe", "0\n");
	fake_pci_put(root, DEVICES FAKE_PF "/net/eth0/ifindex", "5\n");
	fake_pci_put(root, DEVICES FAKE_PF_B "/net/eth1/ifindex", "6\n");
	fake_pci_link(root, DEVICES FAKE_PF "/driver", "../../drivers/igb");
	fake_pci_link(root, DEVICES FAKE_PF_B "/driver", "../../drivers/igb");
}

int
fake_pci_setup(void **state)
{
	char *root = strdup("/tmp/cw-pci-XXXXXX");

	if (root == NULL || mkdtemp(root) == NULL)
		return -1;
	*state = root;
	fake_pci_put(root, "/sys/bus/pci/drivers_probe", "");
	fake_pci_put(root, "/sys/bus/pci/drivers/igb/unbind", "");
	fake_pci_put(root, "/sys/bus/pci/drivers/igbvf/unbind", "");
	fake_pci_put(root, "/sys/bus/pci/drivers/vfio-pci/unbind", "");
	put_pfs(root);
	put_vf(root, 0, FAKE_VF0);
	put_vf(root, 1, FAKE_VF1);
	put_vf(root, 2, FAKE_VF2);
	return 0;
}

int
fake_pci_teardown(void **state)
{
	fake_pci_remove(*state, "");
	free(*state);
	return 0;
}

// ---- the kernel's part

static bool
may_probe(const char *device, const char *override)
{
	char path[512];
	long value;

	if (override[0] != '\0')
		return true;
	snprintf(path, sizeof(path), "%s/physfn/sriov_drivers_autoprobe", device);
	return sysfs_read_number(path, &value) < 0 || value != 0;
}

// A device that is there is probed: 0 whether or not a driver takes it. A driver with a file
// "refuses" takes none.
static int
probe(const char *bus, const char *address)
{
	char device[384], path[640], driver[64], target[128];

	snprintf(device, sizeof(device), "%s/devices/%s", bus, address);
	if (access(device, F_OK) != 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "%s/driver_override", device);
	if (sysfs_read(path, driver, sizeof(driver)) < 0 || strcmp(driver, "(null)") == 0)
		driver[0] = '\0';
	if (!may_probe(device, driver))
		return 0;
	snprintf(target, sizeof(target), "../../drivers/%s", driver[0] ? driver : "igbvf");
	snprintf(path, sizeof(path), "%s/%s/refuses", device, target);
	if (access(path, F_OK) == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/driver", device);
	return symlink(target, path) == 0 || errno == EEXIST ? 0 : -errno;
}

int __real_sysfs_write(const char *path, const char *value);
int __wrap_sysfs_write(const char *path, const char *value);

int
__wrap_sysfs_write(const char *path, const char *value)
{
	char folder[256];
	char *end;

	snprintf(folder, sizeof(folder), "%s", path);
	end = strstr(folder, "/drivers_probe");
	if (end != NULL) {
		*end = '\0';
		return probe(folder, value);
	}
	end = strstr(folder, "/driver/unbind");
	if (end != NULL) {
		end[strlen("/driver")] = '\0';
		return unlink(folder) == 0 ? 0 : -errno;
	}
	return __real_sysfs_write(path, value);
}
