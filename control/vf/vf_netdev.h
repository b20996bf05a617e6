/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_NETDEV_H
#define VF_NETDEV_H

// The interface of a VF that the kernel drives: into the pod and back.

#include "causewayd.h"
#include "vf_record.h"

// What it is now, into the record, with the alternative names that are in the way of endpoint's
// interface in the pod. pod: socket in its namespace. Returns 0, or a negative number with failure.
int vf_netdev_record(struct causewayd *d, struct vf_record *record, const struct endpoint *endpoint,
	struct nl_sock *pod, struct failure *failure);

// Moves it, with its new name, by one request: there is no moment in which it has another's name.
// Then MTU and MAC. Returns its ifindex in the pod, or a negative number with failure.
int vf_netdev_move(struct causewayd *d, const struct vf_record *record,
	const struct endpoint *endpoint, int netns, struct nl_sock *pod, struct failure *failure);

// Brings it back, down and by its former name, from the pod or from where the kernel has put it.
// Returns 0 with info; -ENODEV: there is no such interface any more (its driver was taken away);
// or -errno with a sentence in reason.
int vf_netdev_fetch(struct causewayd *d, const struct vf_record *record, struct link_info *info,
	char reason[VF_REASON_LEN]);

// Gives it a MAC and looks whether it took it: some drivers (igbvf) take what the PF has set only
// when they come up, others (iavf) refuse while they reset. Returns 0 or -errno.
int vf_netdev_set_mac(struct nl_sock *sock, int ifindex, const uint8_t mac[6]);

// What else it was, when MAC and all are back: MTU, alternative names, up.
int vf_netdev_finish(struct causewayd *d, const struct vf_record *record, int ifindex,
	char reason[VF_REASON_LEN]);

#endif
