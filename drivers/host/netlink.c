/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/socket.h>

#include "netns.h"

static const int errnos[] = {
	[NLE_INTR] = EINTR,
	[NLE_BAD_SOCK] = EBADF,
	[NLE_AGAIN] = EAGAIN,
	[NLE_NOMEM] = ENOMEM,
	[NLE_EXIST] = EEXIST,
	[NLE_INVAL] = EINVAL,
	[NLE_RANGE] = ERANGE,
	[NLE_MSGSIZE] = EMSGSIZE,
	[NLE_OPNOTSUPP] = EOPNOTSUPP,
	[NLE_AF_NOSUPPORT] = EAFNOSUPPORT,
	[NLE_OBJ_NOTFOUND] = ENOENT,
	[NLE_NOATTR] = ENODATA,
	[NLE_MISSING_ATTR] = EINVAL,
	[NLE_NOADDR] = EADDRNOTAVAIL,
	[NLE_PERM] = EPERM,
	[NLE_NOACCESS] = EACCES,
	[NLE_BUSY] = EBUSY,
	[NLE_NODEV] = ENODEV,
	[NLE_IMMUTABLE] = EPERM,
	[NLE_DUMP_INTR] = EINTR,
	[NLE_PROTO_MISMATCH] = EPROTONOSUPPORT,
	[NLE_MSG_OVERFLOW] = ENOBUFS,
};

int
netlink_errno(int nl_error)
{
	const int code = nl_error < 0 ? -nl_error : nl_error;

	if (nl_error >= 0)
		return 0;
	if (code < (int)(sizeof(errnos) / sizeof(errnos[0])) && errnos[code] != 0)
		return -errnos[code];
	return -EIO;
}

int
netlink_open(struct nl_sock **sock)
{
	struct nl_sock *made = nl_socket_alloc();
	int ret;

	if (made == NULL)
		return -ENOMEM;
	ret = nl_connect(made, NETLINK_ROUTE);
	if (ret < 0) {
		nl_socket_free(made);
		return netlink_errno(ret);
	}
	*sock = made;
	return 0;
}

int
netlink_open_in(int netns, struct nl_sock **sock)
{
	struct netns_guard guard;
	int ret = netns_enter(&guard, netns);

	if (ret < 0)
		return ret;
	ret = netlink_open(sock);
	netns_leave(&guard);
	return ret;
}

void
netlink_close(struct nl_sock *sock)
{
	if (sock != NULL)
		nl_socket_free(sock);
}

struct nl_addr *
netlink_addr(const struct cw_ip *ip)
{
	struct nl_addr *addr = nl_addr_build(
		ip->family == 4 ? AF_INET : AF_INET6, ip->addr, ip->family == 4 ? 4 : 16);

	if (addr != NULL)
		nl_addr_set_prefixlen(addr, ip->prefix);
	return addr;
}

bool
netlink_ip(const struct nl_addr *addr, struct cw_ip *ip)
{
	const int family = nl_addr_get_family(addr);
	const unsigned int len = family == AF_INET ? 4 : 16;

	if ((family != AF_INET && family != AF_INET6) || nl_addr_get_len(addr) != len)
		return false;
	*ip = (struct cw_ip){
		.family = family == AF_INET ? 4 : 6,
		.prefix = (uint8_t)nl_addr_get_prefixlen(addr),
	};
	memcpy(ip->addr, nl_addr_get_binary_addr(addr), len);
	return true;
}

int
netlink_watch(uint32_t groups)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	const int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
	const int fd = socket(AF_NETLINK, type, NETLINK_ROUTE);
	int ret;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

// What the messages say is asked for anew by whoever watches: an overflow loses nothing.
void
netlink_watch_read(int fd)
{
	char message[1];

	while (recv(fd, message, sizeof(message), MSG_TRUNC) >= 0 || errno == ENOBUFS)
		;
}
