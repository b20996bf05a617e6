/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_VF_MESSAGE_H
#define HOST_VF_MESSAGE_H

// The settings of VFs as rtnetlink carries them (linux/if_link.h, IFLA_VFINFO_LIST).

#include <netlink/msg.h>

#include "vf_link.h"

// The request that sets one setting of a VF. NULL: no memory. The caller's, for nlmsg_free().
struct nl_msg *vf_message_set(int pf_ifindex, unsigned int index,
	const struct vf_settings *settings, enum vf_setting setting);

// Reads an RTM_NEWLINK into list[index] for indexes below n; entries of others are left alone.
// Attributes that are too short or unknown are passed over. Returns how many VFs it told of; *num
// is how many the PF has (IFLA_NUM_VF).
unsigned int vf_message_parse(
	struct nlmsghdr *message, struct vf_settings *list, unsigned int n, unsigned int *num);

#endif
