/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_SYSCTL_H
#define HOST_SYSCTL_H

// Writes net.<family>.conf.<ifname>.<key> in the calling thread's namespace; family is "ipv4" or
// "ipv6". Returns 0 or -errno; -ENOENT: the kernel has no such key (IPv6 may be left out).
int sysctl_interface(const char *family, const char *ifname, const char *key, const char *value);

#endif
