/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/route_check.h"

#include <netinet/ip.h>

#include "packet.h"
#include "stages/address.h"

static enum route_check
check_options(const uint8_t *option, uint8_t len)
{
	while (len > 0 && option[0] != IPOPT_EOL) {
		uint8_t size = 1;

		if (option[0] == IPOPT_LSRR || option[0] == IPOPT_SSRR)
			return ROUTE_CHECK_SOURCE_ROUTE;
		if (option[0] != IPOPT_NOP) {
			if (len < 2 || option[1] < 2 || option[1] > len)
				return ROUTE_CHECK_OPTIONS;
			size = option[1];
		}
		option += size;
		len = (uint8_t)(len - size);
	}
	return ROUTE_CHECK_PASS;
}

enum route_check
route_check4(const struct rte_ipv4_hdr *ip, uint8_t len)
{
	if (unlikely(!address4_is_host(ip->src_addr)))
		return ROUTE_CHECK_SOURCE;
	if (unlikely(!address4_is_host(ip->dst_addr)))
		return address4_is_multicast(ip->dst_addr) ? ROUTE_CHECK_MULTICAST
							   : ROUTE_CHECK_DESTINATION;
	if (likely(len == sizeof(*ip)))
		return ROUTE_CHECK_PASS;
	return check_options((const uint8_t *)(ip + 1), (uint8_t)(len - sizeof(*ip)));
}

enum route_check
route_check6(const struct rte_ipv6_hdr *ip)
{
	if (unlikely(!address6_is_host(ipv6_src(ip))))
		return ROUTE_CHECK_SOURCE;
	if (likely(address6_is_host(ipv6_dst(ip))))
		return ROUTE_CHECK_PASS;
	return address6_is_multicast(ipv6_dst(ip)) ? ROUTE_CHECK_MULTICAST
						   : ROUTE_CHECK_DESTINATION;
}
