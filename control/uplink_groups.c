/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink_groups.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address_text.h"
#include "log.h"

struct update {
	struct uplink_groups *groups;
	const struct port *port;
	int ifindex;
	unsigned int failed;
};

// One socket a group: Linux lets a socket be a member of 20.
static int
join(const struct cw_ip *ip, int ifindex)
{
	struct group_req request = {.gr_interface = (uint32_t)ifindex};
	const int family = ip->family == 4 ? AF_INET : AF_INET6;
	const int level = ip->family == 4 ? IPPROTO_IP : IPPROTO_IPV6;
	const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	request.gr_group.ss_family = (sa_family_t)family;
	if (ip->family == 4)
		memcpy(&((struct sockaddr_in *)&request.gr_group)->sin_addr, ip->addr, 4);
	else
		memcpy(&((struct sockaddr_in6 *)&request.gr_group)->sin6_addr, ip->addr, 16);
	if (setsockopt(fd, level, MCAST_JOIN_GROUP, &request, sizeof(request)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static struct uplink_group *
find(struct uplink_groups *groups, const struct cw_ip *ip)
{
	for (unsigned int i = 0; i < groups->n; i++)
		if (groups->groups[i].ip.family == ip->family
			&& memcmp(groups->groups[i].ip.addr, ip->addr, sizeof(ip->addr)) == 0)
			return &groups->groups[i];
	return NULL;
}

static int
add(struct uplink_groups *groups, const struct cw_ip *ip, int ifindex)
{
	struct uplink_group *grown =
		realloc(groups->groups, (groups->n + 1) * sizeof(groups->groups[0]));
	int fd;

	if (grown == NULL)
		return -ENOMEM;
	groups->groups = grown;
	fd = join(ip, ifindex);
	if (fd < 0)
		return fd;
	groups->groups[groups->n++] = (struct uplink_group){.ip = *ip, .fd = fd, .wanted = true};
	return 0;
}

static void
want(struct update *update, const struct cw_ip *ip)
{
	struct uplink_group *group = find(update->groups, ip);
	char text[IP_TEXT_LEN];
	int ret;

	if (group != NULL) {
		group->wanted = true;
		return;
	}
	ret = add(update->groups, ip, update->ifindex);
	if (ret == 0)
		return;
	update->failed++;
	ip_format(ip, text);
	log_warning("multicast group cannot be joined: %s group=%s ifname=%s", strerror(-ret), text,
		update->port->ifname);
}

static int
want_groups(void *arg, struct object *object)
{
	const struct vtep *vtep = (const struct vtep *)object;
	struct update *update = arg;

	if (vtep->port == 0 || vtep->port == update->port->id)
		for (unsigned int i = 0; i < vtep->n_groups; i++)
			want(update, &vtep->groups[i]);
	return 0;
}

unsigned int
uplink_groups_update(struct uplink_groups *groups, const struct objects *objects,
	const struct port *port, int ifindex)
{
	struct update update = {.groups = groups, .port = port, .ifindex = ifindex};
	unsigned int kept = 0;

	for (unsigned int i = 0; i < groups->n; i++)
		groups->groups[i].wanted = false;
	objects_each(objects, OBJECT_VTEP, want_groups, &update);
	for (unsigned int i = 0; i < groups->n; i++) {
		if (groups->groups[i].wanted)
			groups->groups[kept++] = groups->groups[i];
		else
			close(groups->groups[i].fd);
	}
	groups->n = kept;
	return update.failed;
}

void
uplink_groups_free(struct uplink_groups *groups)
{
	while (groups->n > 0)
		close(groups->groups[--groups->n].fd);
	free(groups->groups);
	groups->groups = NULL;
}
