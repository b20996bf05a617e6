/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ADDRESS_H
#define STAGES_ADDRESS_H

// What an IP address may be used for on the router's way.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "tables/network.h"

static inline uint8_t
address4_first_byte(rte_be32_t addr)
{
	return *(const uint8_t *)&addr;
}

static inline bool
address4_is_multicast(rte_be32_t addr)
{
	return (address4_first_byte(addr) & 0xf0) == 0xe0;
}

// Whether it can name one host: not "this network" 0/8, loopback 127/8, multicast, class E or
// limited broadcast (RFC 1812, 5.3.7; RFC 6890). IPv4 link-local 169.254/16 passes: nodes serve
// metadata and DNS from there to pods by routing.
static inline bool
address4_is_host(rte_be32_t addr)
{
	uint8_t first = address4_first_byte(addr);

	return first != 0 && first != 127 && first < 0xe0;
}

static inline bool
address6_is_multicast(const uint8_t addr[16])
{
	return addr[0] == 0xff;
}

// fe80::/10 (RFC 4291, 2.5.6).
static inline bool
address6_is_link_local(const uint8_t addr[16])
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

// Whether it can name one host: not ::, ::1, an IPv4-mapped address or multicast (RFC 4291, 2.5;
// RFC 6890).
static inline bool
address6_is_host(const uint8_t addr[16])
{
	static const uint8_t zero[16], mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (address6_is_multicast(addr))
		return false;
	if (addr[0] != 0)
		return true;
	return (memcmp(addr, zero, 15) != 0 || addr[15] > 1)
	       && memcmp(addr, mapped, sizeof(mapped)) != 0;
}

static inline bool
address_is_router4(const struct network *network, rte_be32_t addr)
{
	for (uint16_t i = 0; i < network->n_addresses; i++)
		if (network->addresses[i].family == 4
			&& memcmp(network->addresses[i].addr, &addr, sizeof(addr)) == 0)
			return true;
	return false;
}

static inline bool
address_is_router6(const struct network *network, const uint8_t addr[16])
{
	for (uint16_t i = 0; i < network->n_addresses; i++)
		if (network->addresses[i].family == 6
			&& memcmp(network->addresses[i].addr, addr, 16) == 0)
			return true;
	return false;
}

// Whether the first ip->prefix bits are the same.
static inline bool
address_in_subnet(const struct cw_ip *ip, const uint8_t *addr)
{
	uint8_t bytes = ip->prefix / 8, rest = ip->prefix % 8;

	if (memcmp(ip->addr, addr, bytes) != 0)
		return false;
	return rest == 0 || ((ip->addr[bytes] ^ addr[bytes]) & (0xff00u >> rest & 0xffu)) == 0;
}

// Whether it is the broadcast address, or the all-zeros one, of a connected subnet (RFC 1812,
// 4.2.3.1 and 5.3.5.2). Point-to-point subnets have none (RFC 3021).
static inline bool
address4_is_subnet_broadcast(const struct network *network, rte_be32_t addr)
{
	for (uint16_t i = 0; i < network->n_addresses; i++) {
		const struct cw_ip *ip = &network->addresses[i];
		uint32_t host;

		if (ip->family != 4 || ip->prefix > 30
			|| !address_in_subnet(ip, (const uint8_t *)&addr))
			continue;
		host = rte_be_to_cpu_32(addr) & (UINT32_MAX >> ip->prefix);
		if (host == 0 || host == UINT32_MAX >> ip->prefix)
			return true;
	}
	return false;
}

#endif
