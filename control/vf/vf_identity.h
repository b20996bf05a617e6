/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_IDENTITY_H
#define VF_IDENTITY_H

#include "vf_record.h"

// Who the VF at an address is now. Returns 0, -ENODEV (there is no such device) or -errno.
int vf_identify(const char *root, const char *pci, struct vf_identity *identity);

// Whether the VF of a record is still there and still the same one. 0; or, with a sentence in
// reason, -ENODEV: it has gone with its PF or with the number of VFs; -ESTALE: there is another one
// at its address, or it is another one of its PF. Nothing of ours is at either.
int vf_identity_check(const char *root, const struct vf_record *record, char reason[VF_REASON_LEN]);

#endif
