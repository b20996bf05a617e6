/* SPDX-License-Identifier: Apache-2.0 */
#include <rte_ip.h>

#include "plane_private.h"
#include "tables/lpm.h"
#include "tables/nexthop.h"
#include "tables/vtep.h"

#define VTEP 1
#define UNDERLAY_NEXTHOP 200
#define TUNNEL_NEXTHOP 201
#define UDP_PORT 8472
#define VNI 1

void
plane_tunnel(struct plane *plane)
{
	const struct dataplane *dp = plane->dp;
	const struct cw_ip behind = plane_ip4(RTE_IPV4(10, 3, 0, 0), 16);
	const struct cw_vtep vtep = {
		.id = VTEP,
		.port = PLANE_UPLINK,
		.kind = CW_TUNNEL_VXLAN,
		.udp_port = UDP_PORT,
		.address = plane_ip4(RTE_IPV4(10, 9, 0, 1), 32),
	};
	const struct cw_nexthop underlay = {
		.id = UNDERLAY_NEXTHOP,
		.kind = CW_NEXTHOP_PORT,
		.port = PLANE_UPLINK,
		.mac = {2, 0, 0, 0, 9, 1},
	};
	const struct cw_nexthop tunnel = {
		.id = TUNNEL_NEXTHOP,
		.kind = CW_NEXTHOP_TUNNEL,
		.vtep = VTEP,
		.underlay = UNDERLAY_NEXTHOP,
		.via = plane_ip4(RTE_IPV4(10, 9, 1, 1), 32),
		.mac = {2, 0, 0, 0, 9, 2},
	};

	if (vtep_set_vni(dp->vteps, VNI, 0) != 0 || vtep_set(dp->vteps, &vtep) != 0
		|| nexthop_set(dp->nexthops, &underlay) != 0
		|| nexthop_set(dp->nexthops, &tunnel) != 0
		|| lpm_set(dp->networks[0]->routes4, behind.addr, behind.prefix, TUNNEL_NEXTHOP)
			   != 0)
		plane_fail("no tunnel");
}
