/* SPDX-License-Identifier: Apache-2.0 */
#include "far_side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ether.h>

#define RECEIVE_BUFFER (16 << 20)
#define ADDRESSES 12 // bytes in front of the EtherType

static int
open_interface(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd, one = 1, room = RECEIVE_BUFFER, error;

	address.sll_ifindex = (int)if_nametoindex(name);
	if (address.sll_ifindex == 0)
		return -1;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) == 0
		&& setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) == 0
		&& bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
far_side_open(const char *name)
{
	if (strncmp(name, "fd:", 3) == 0)
		return fcntl(atoi(name + 3), F_DUPFD_CLOEXEC, 0);
	return open_interface(name);
}

// The kernel takes the outer tag out of the frame.
static void
restore_tag(struct frame *frame, const struct tpacket_auxdata *aux)
{
	struct rte_vlan_hdr *tag;
	uint16_t tpid = RTE_ETHER_TYPE_VLAN;

	if (!(aux->tp_status & TP_STATUS_VLAN_VALID) || frame->length < ADDRESSES
		|| !frame_push(frame, sizeof(*tag)))
		return;
	if (aux->tp_status & TP_STATUS_VLAN_TPID_VALID)
		tpid = aux->tp_vlan_tpid;
	memmove(frame->data, frame->data + sizeof(*tag), ADDRESSES);
	tpid = htons(tpid);
	memcpy(frame->data + ADDRESSES, &tpid, sizeof(tpid));
	tpid = htons(aux->tp_vlan_tci);
	memcpy(frame->data + ADDRESSES + sizeof(tpid), &tpid, sizeof(tpid));
}

struct frame *
far_side_receive(int fd)
{
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct frame *frame = frame_new();
	struct msghdr message = {.msg_iovlen = 1};
	struct iovec part;
	ssize_t n;

	if (frame == NULL)
		return NULL;
	part = (struct iovec){.iov_base = frame->data, .iov_len = FRAME_MAX};
	message.msg_iov = &part;
	message.msg_control = control;
	message.msg_controllen = sizeof(control);
	n = recvmsg(fd, &message, MSG_DONTWAIT);
	if (n < RTE_ETHER_HDR_LEN || (message.msg_flags & MSG_TRUNC) != 0) {
		frame_free(frame);
		return NULL;
	}
	frame->length = (size_t)n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		restore_tag(frame, &aux);
	}
	return frame;
}

int
far_side_send(int fd, const void *data, size_t length)
{
	return send(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}
