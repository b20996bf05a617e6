/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_BPF_UPLINK_BYTES_H
#define HOST_BPF_UPLINK_BYTES_H

// The object file made of uplink.bpf.c.
extern const unsigned char uplink_bytes[];
extern const unsigned int uplink_bytes_len;

#endif
