/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_ADMIN_H
#define VF_ADMIN_H

// Settings of a VF that only its PF can give ("ip link set PF vf N ..."): one request each, so that
// a refusal names its setting, and read back, because drivers have been seen to accept and ignore.

#include "failure.h"
#include "vf_record.h"

// Whom to ask.
struct vf_admin {
	struct nl_sock *sock;
	int pf_ifindex;
	unsigned int index; // of the VF
	const char *pf_name, *driver; // of the PF, for messages
};

// Gives the VF what is asked for; what is not stays: of rates, each by itself. original is what it
// has now. Returns 0, or a negative number with failure; what was set stays set.
int vf_admin_apply(const struct vf_admin *admin, const struct endpoint_vf *vf,
	const struct vf_settings *original, struct failure *failure);

// Puts back those of 'which' but the MAC that are not as they were, and goes on past what is
// refused. Returns 0 or the first -errno, with a sentence in reason.
int vf_admin_restore(const struct vf_admin *admin, const struct vf_settings *original,
	unsigned int which, char reason[VF_REASON_LEN]);

#endif
