/* SPDX-License-Identifier: Apache-2.0 */
#include "packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

// Protocol 0: nothing arrives before the bind.
int
packet_socket_new(void)
{
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int
packet_socket_bind(int fd, int ifindex)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex,
	};

	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int
packet_socket_open(int ifindex)
{
	const int fd = packet_socket_new();
	int ret;

	if (fd < 0)
		return fd;
	ret = packet_socket_bind(fd, ifindex);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}
