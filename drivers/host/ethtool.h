/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_ETHTOOL_H
#define HOST_ETHTOOL_H

// Turns checksum and segmentation offloads of a device off, so that every frame it sends is
// complete. The device is in the calling thread's namespace. Returns 0 or -errno.
int ethtool_offloads_off(const char *ifname);

#endif
