/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_ETHTOOL_H
#define HOST_ETHTOOL_H

// Turns checksum and segmentation offloads of a device off, so that every frame it sends is
// complete. The device is in the calling thread's namespace. Returns 0 or -errno.
int ethtool_offloads_off(const char *ifname);

// The device leaves VLAN tags in the frames that it receives, where XDP programs find them. Returns
// 0 or -errno; a device that never takes them out is no error.
int ethtool_vlan_receive_off(const char *ifname);

// Rx queues that the device uses now; 1 when it does not say.
unsigned int ethtool_receive_queues(const char *ifname);

#endif
