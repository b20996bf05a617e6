/* SPDX-License-Identifier: Apache-2.0 */

// causewayd on a machine without SR-IOV: what only a PF's driver could answer by netlink is kept in
// files, VF N's settings in $CAUSEWAY_TEST_CARD/vfN. The card's driver is in switchdev mode and
// refuses there what mlx5_core does. Everything else is causewayd as it is; the test mounts a sysfs
// of its own over /sys/bus, where VFs' interfaces are veths.

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "link.h"
#include "sysfs.h"
#include "vf/vf_host.h"

#define REFUSED (VF_VLAN | VF_TRUST | VF_LINK_STATE)
#define FORMAT "mac=%17s spoofchk=%d min=%" SCNu32 " max=%" SCNu32

static struct vf_host real;

static FILE *
open_vf(unsigned int index, const char *mode)
{
	const char *folder = getenv("CAUSEWAY_TEST_CARD");
	char path[256];

	snprintf(path, sizeof(path), "%s/vf%u", folder != NULL ? folder : ".", index);
	return fopen(path, mode);
}

static int
get(struct nl_sock *sock, int pf, unsigned int index, struct vf_settings *settings)
{
	FILE *file = open_vf(index, "r");
	char mac[18];
	int spoofchk, n;

	*settings = (struct vf_settings){.known = VF_SETTINGS_ALL, .vlan_proto = 0x8100};
	if (file == NULL)
		return -ENOENT;
	n = fscanf(file, FORMAT, mac, &spoofchk, &settings->min_tx_rate, &settings->max_tx_rate);
	fclose(file);
	if (n != 4 || !mac_parse(mac, settings->mac))
		return -EIO;
	settings->spoofchk = spoofchk != 0;
	return 0;
}

static int
put(unsigned int index, const struct vf_settings *s)
{
	FILE *file = open_vf(index, "w");

	if (file == NULL)
		return -errno;
	fprintf(file,
		"mac=%02x:%02x:%02x:%02x:%02x:%02x spoofchk=%d min=%" PRIu32 " max=%" PRIu32 "\n",
		s->mac[0], s->mac[1], s->mac[2], s->mac[3], s->mac[4], s->mac[5], s->spoofchk,
		s->min_tx_rate, s->max_tx_rate);
	return fclose(file) == 0 ? 0 : -EIO;
}

static int
set(struct nl_sock *sock, int pf, unsigned int index, const struct vf_settings *from,
	unsigned int which, enum vf_setting *refused)
{
	struct vf_settings to;
	const int ret = get(sock, pf, index, &to);

	if (ret < 0)
		return ret;
	if ((which & REFUSED) != 0) {
		if (refused != NULL)
			*refused = (enum vf_setting)(which & REFUSED);
		return -EOPNOTSUPP;
	}
	if ((which & VF_MAC) != 0)
		memcpy(to.mac, from->mac, sizeof(to.mac));
	if ((which & VF_SPOOFCHK) != 0)
		to.spoofchk = from->spoofchk;
	if ((which & VF_RATE) != 0) {
		to.min_tx_rate = from->min_tx_rate;
		to.max_tx_rate = from->max_tx_rate;
	}
	return put(index, &to);
}

static int
list(struct nl_sock *sock, int pf, struct vf_settings *all, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (get(sock, pf, i, &all[i]) < 0)
			all[i].known = 0;
	return 0;
}

// In namespaces of pods the kernel would tell by the device; a veth has none, but its number stays.
static int
netdev(struct nl_sock *sock, const char *root, const char *pci, struct link_info *info)
{
	char pattern[128];
	glob_t found;
	long ifindex = 0;
	int ret;

	if (root != NULL)
		return real.netdev(sock, root, pci, info);
	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/net/*/ifindex", pci);
	if (glob(pattern, 0, NULL, &found) != 0)
		return -ENODEV;
	ret = sysfs_read_number(found.gl_pathv[0], &ifindex);
	globfree(&found);
	return ret < 0 ? ret : link_get(sock, (int)ifindex, info);
}

__attribute__((constructor)) static void
put_card(void)
{
	real = vf_host;
	vf_host.get = get;
	vf_host.set = set;
	vf_host.list = list;
	vf_host.netdev = netdev;
}
