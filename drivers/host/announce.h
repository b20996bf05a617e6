/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_ANNOUNCE_H
#define HOST_ANNOUNCE_H

// Tells a link, unasked, which MAC an address has now: by an ARP announcement (RFC 5227, 3) or an
// unsolicited neighbour advertisement (RFC 4861, 7.2.6), so that nobody goes on with what he
// remembers of a former owner.

#include <stdint.h>

#include <causeway/wire.h>

// Sends it by a device of the calling thread's namespace. Returns 0 or -errno. Needs CAP_NET_RAW.
int announce_address(const char *ifname, const uint8_t mac[6], const struct cw_ip *ip);

#endif
