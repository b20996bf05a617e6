/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_GUARD_SOURCE_H
#define STAGES_GUARD_SOURCE_H

// Which sources are an endpoint's own: shared by guard and express.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tables/ports.h"

// UDP ports, RFC 2131, 4.1 and RFC 8415, 7.2.
enum {
	DHCP_SERVER = 67,
	DHCP_CLIENT = 68,
	DHCP6_CLIENT = 546,
	DHCP6_SERVER = 547,
};

static inline bool
guard_owns4(const struct dp_port *port, rte_be32_t addr)
{
	for (uint16_t i = 0; i < port->n_ips; i++)
		if (port->ips[i].family == 4 && memcmp(port->ips[i].addr, &addr, sizeof(addr)) == 0)
			return true;
	return false;
}

static inline bool
guard_owns6(const struct dp_port *port, const uint8_t addr[16])
{
	for (uint16_t i = 0; i < port->n_ips; i++)
		if (port->ips[i].family == 6 && memcmp(port->ips[i].addr, addr, 16) == 0)
			return true;
	return false;
}

#endif
