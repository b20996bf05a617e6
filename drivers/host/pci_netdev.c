/* SPDX-License-Identifier: Apache-2.0 */
// Network interfaces of a PCI device. In switchdev mode a PF has those of its representors, too.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci_private.h"
#include "sriov.h"

// Digits behind a prefix; -1, and nothing is taken, when there are none.
static int
take_number(const char **text, const char *prefix)
{
	const size_t len = strlen(prefix);
	char *end;
	long value;

	if (strncmp(*text, prefix, len) != 0 || !isdigit((unsigned char)(*text)[len]))
		return -1;
	value = strtol(*text + len, &end, 10);
	*text = end;
	return value > 0xffff ? 0xffff : (int)value;
}

// Names as the kernel's devlink_port forms them.
bool
pci_is_representor(const char *phys_port_name, int *vf)
{
	const char *text = phys_port_name;
	const bool is_remote = take_number(&text, "c") >= 0;
	int index;

	*vf = -1;
	if (take_number(&text, "pf") < 0)
		return false;
	index = take_number(&text, "vf");
	if (index >= 0 && *text == '\0' && !is_remote)
		*vf = index;
	return true;
}

struct search {
	const char *root, *address;
	int representor; // of this VF; -1: the device's own interface
	char *ifname;
};

static int
check_netdev(const char *name, void *arg)
{
	const struct search *search = arg;
	char path[SYSFS_PATH_LEN], file[64], port_name[IFNAMSIZ] = "";
	bool is_representor;
	int vf;

	if (strlen(name) >= IFNAMSIZ)
		return 0;
	snprintf(file, sizeof(file), "net/%s/phys_port_name", name);
	pci_path(path, search->root, search->address, file);
	if (sysfs_read(path, port_name, sizeof(port_name)) < 0)
		port_name[0] = '\0'; // the driver names no ports
	is_representor = pci_is_representor(port_name, &vf);
	if (search->representor < 0 ? is_representor : vf != search->representor)
		return 0;
	snprintf(search->ifname, IFNAMSIZ, "%s", name);
	return 1;
}

static int
find(struct search *search)
{
	char path[SYSFS_PATH_LEN];
	int ret;

	pci_path(path, search->root, search->address, "net");
	ret = pci_errno(search->root, search->address, sysfs_each(path, check_netdev, search));
	return ret == 0 ? -ENOENT : ret;
}

int
pci_netdev(const char *root, const char *address, char ifname[IFNAMSIZ])
{
	struct search search = {root, address, -1, ifname};
	const int ret = find(&search);

	return ret > 0 ? 0 : ret == -ENOENT ? -ENODEV : ret;
}

int
sriov_representor(const char *root, const char *pf, unsigned int index, char ifname[IFNAMSIZ])
{
	struct search search = {root, pf, (int)index, ifname};
	const int ret = find(&search);

	return ret > 0 ? 0 : ret == -ENOENT ? -EOPNOTSUPP : ret;
}
