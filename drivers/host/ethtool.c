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

int
ethtool_offloads_off(const char *ifname)
{
	// TSO and UDP segmentation need the checksum offload and go with it.
	static const unsigned int commands[] = {
		ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM, ETHTOOL_SSG};
	struct ethtool_value value = {0};
	struct ifreq request = {.ifr_data = (char *)&value};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, ifname, strnlen(ifname, IFNAMSIZ - 1));
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		value.cmd = commands[i];
		if (ioctl(fd, SIOCETHTOOL, &request) < 0 && errno != EOPNOTSUPP) {
			ret = -errno;
			break;
		}
	}
	close(fd);
	return ret;
}
