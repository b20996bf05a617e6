/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_host.h"

#include <errno.h>

#include "pci.h"

static int
find_netdev(struct nl_sock *sock, const char *root, const char *pci, struct link_info *info)
{
	char name[IFNAMSIZ];
	int ret;

	if (root == NULL)
		return link_of_device(sock, pci, info);
	ret = pci_netdev(root, pci, name);
	return ret < 0 ? ret : link_find(sock, name, info);
}

struct vf_host vf_host = {
	.pf = vf_link_pf,
	.get = vf_link_get,
	.set = vf_link_set,
	.list = vf_link_list,
	.netdev = find_netdev,
	.bind = pci_bind,
	.reset = pci_reset,
};

static uint64_t waited_us;

uint64_t
vf_host_waited_us(void)
{
	return waited_us;
}

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int
timed(uint64_t started_us, int ret)
{
	waited_us += now_us() - started_us;
	return ret;
}

void
vf_host_wait(const struct timespec *pause)
{
	const uint64_t start = now_us();

	nanosleep(pause, NULL);
	timed(start, 0);
}

int
vf_host_pf(struct nl_sock *sock, const char *root, const char *pf, struct link_info *info)
{
	return vf_host.pf(sock, root, pf, info);
}

int
vf_host_get(struct nl_sock *sock, int pf_ifindex, unsigned int index, struct vf_settings *settings)
{
	const uint64_t start = now_us();

	return timed(start, vf_host.get(sock, pf_ifindex, index, settings));
}

int
vf_host_set(struct nl_sock *sock, int pf_ifindex, unsigned int index,
	const struct vf_settings *settings, unsigned int which, enum vf_setting *refused)
{
	const uint64_t start = now_us();

	return timed(start, vf_host.set(sock, pf_ifindex, index, settings, which, refused));
}

int
vf_host_netdev(struct nl_sock *sock, const char *root, const char *pci, struct link_info *info)
{
	return vf_host.netdev(sock, root, pci, info);
}

int
vf_host_bind(const char *root, const char *pci, const char *driver)
{
	const uint64_t start = now_us();

	return timed(start, vf_host.bind(root, pci, driver));
}

int
vf_host_reset(const char *root, const char *pci)
{
	const uint64_t start = now_us();

	return timed(start, vf_host.reset(root, pci));
}

int
vf_host_change(struct nl_sock *sock, int ifindex, const struct link_settings *settings)
{
	const uint64_t start = now_us();

	return timed(start, link_change(sock, ifindex, settings));
}

int
vf_host_move(struct nl_sock *sock, int ifindex, int netns, const char *name)
{
	const uint64_t start = now_us();

	return timed(start, link_move(sock, ifindex, netns, name));
}
