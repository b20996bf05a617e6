/* SPDX-License-Identifier: Apache-2.0 */
#include "ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int
request(const char *ifname, void *value)
{
	struct ifreq ifreq = {.ifr_data = value};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	memcpy(ifreq.ifr_name, ifname, strnlen(ifname, IFNAMSIZ - 1));
	ret = ioctl(fd, SIOCETHTOOL, &ifreq) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int
ethtool_offloads_off(const char *ifname)
{
	// TSO and UDP segmentation need the checksum offload and go with it.
	static const unsigned int commands[] = {
		ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM, ETHTOOL_SSG};
	struct ethtool_value value = {0};
	int ret = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && ret == 0; i++) {
		value.cmd = commands[i];
		ret = request(ifname, &value);
		if (ret == -EOPNOTSUPP)
			ret = 0;
	}
	return ret;
}

int
ethtool_vlan_receive_off(const char *ifname)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
	int ret = request(ifname, &value);

	if (ret == -EOPNOTSUPP || (ret == 0 && (value.data & ETH_FLAG_RXVLAN) == 0))
		return 0;
	value.cmd = ETHTOOL_SFLAGS;
	value.data &= ~(unsigned int)ETH_FLAG_RXVLAN;
	return ret == 0 ? request(ifname, &value) : ret;
}

unsigned int
ethtool_receive_queues(const char *ifname)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (request(ifname, &channels) < 0)
		return 1;
	return channels.rx_count + channels.combined_count;
}
