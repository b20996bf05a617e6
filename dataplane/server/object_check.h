/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OBJECT_CHECK_H
#define SERVER_OBJECT_CHECK_H

// What the judges of single items share. Each returns 0, or -EINVAL with a sentence that names the
// key and the value. Main thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <causeway/wire.h>

#include "reason.h"

int check_range(const char *key, uint64_t value, uint64_t low, uint64_t high, struct reason *why);
int check_text(const char *key, const char *text, size_t size, bool required, struct reason *why);
int check_unicast(const char *key, const uint8_t mac[6], struct reason *why);
// An address or prefix of a family that exists.
int check_ip(const char *key, const struct cw_ip *ip, struct reason *why);
// An address that one host can have; check_host_ips: each once.
int check_host_ip(const char *key, const struct cw_ip *ip, struct reason *why);
int check_host_ips(const char *key, const struct cw_ip *ips, uint16_t n, struct reason *why);
// The same, with all bits as prefix.
int check_whole_ip(const char *key, const struct cw_ip *ip, struct reason *why);
bool ip_is_multicast(const struct cw_ip *ip);

// object_check_way.c: what leads to other hosts.
int check_fdb(const struct cw_fdb *fdb, struct reason *why);
int check_neighbor(const struct cw_neighbor *neighbor, struct reason *why);
int check_nexthop(const struct cw_nexthop *nexthop, struct reason *why);
int check_route(const struct cw_route *route, struct reason *why);
int check_vtep(const struct cw_vtep *vtep, struct reason *why);
int check_flood(const struct cw_flood *flood, struct reason *why);

#endif
