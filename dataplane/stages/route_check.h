/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ROUTE_CHECK_H
#define STAGES_ROUTE_CHECK_H

// What the router refuses before it looks for a route, by the header alone.

#include <stdint.h>

#include <rte_ip.h>

enum route_check {
	ROUTE_CHECK_PASS = 0,
	ROUTE_CHECK_SOURCE, // cannot be a host's (RFC 1812, 5.3.7; RFC 4291, 2.5)
	ROUTE_CHECK_DESTINATION,
	ROUTE_CHECK_MULTICAST, // there is no multicast routing
	ROUTE_CHECK_SOURCE_ROUTE, // RFC 791, 3.1; refused as RFC 7126, 4.3 and 4.4 advise
	ROUTE_CHECK_OPTIONS, // an option runs over the header's end
};

// len: of the header with its options, at least 20 and all of it readable.
enum route_check route_check4(const struct rte_ipv4_hdr *ip, uint8_t len);
enum route_check route_check6(const struct rte_ipv6_hdr *ip);

#endif
