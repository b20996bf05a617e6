/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_VTEP_H
#define TABLES_VTEP_H

// Local ends of tunnels, and which network a VNI is. Writer: main thread. Readers: workers,
// lock-free; what a look-up gives is valid until the reader's next quiescent state.

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include <causeway/limits.h>
#include <causeway/wire.h>

struct dataplane;
struct vteps;

struct vtep {
	uint16_t id;
	uint16_t port; // uplink, 0: any
	uint16_t network; // of IPIP and UDP
	uint8_t kind; // cw_tunnel_kind
	uint8_t ttl; // never 0
	uint16_t flags; // cw_vtep_flag
	rte_be16_t udp_port;
	struct rte_ether_addr mac; // zero: routers' own
	struct cw_ip address;
	uint16_t n_own;
	struct cw_ip own[CW_MAX_VTEP_OWN];
};

struct vteps *vteps_create(struct dataplane *dp, int socket_id); // NULL with rte_errno
void vteps_free(struct vteps *vteps);

// Main thread. Adds or replaces. object->addresses holds n_own + n_groups. Returns 0, -EEXIST
// (another vtep has address, kind and port), -ENOMEM.
int vtep_set(struct vteps *vteps, const struct cw_vtep *object);
int vtep_del(struct vteps *vteps, uint32_t id); // 0 or -ENOENT
uint32_t vteps_count(const struct vteps *vteps);
// Main thread: vni -> network; network CW_MAX_NETWORKS takes the VNI out. Returns 0 or -ENOMEM.
int vtep_set_vni(struct vteps *vteps, uint32_t vni, uint32_t network);

// Any thread that reports quiescent states. NULL when there is none.
const struct vtep *vtep_get(const struct vteps *vteps, uint32_t id);
// Main thread. Its multicast groups. Returns how many; the vtep is there.
uint16_t vtep_groups(const struct vteps *vteps, uint32_t id, const struct cw_ip **groups);
// Workers: the vtep that an outer destination (address of its own, or a group) and UDP port belong
// to; udp_port 0 is IPIP. in_port: where the packet came from.
const struct vtep *vtep_lookup4(
	const struct vteps *vteps, uint16_t in_port, rte_be32_t dst, rte_be16_t udp_port);
const struct vtep *vtep_lookup6(
	const struct vteps *vteps, uint16_t in_port, const uint8_t dst[16], rte_be16_t udp_port);
// Workers: id of the network with this VNI, or UINT16_MAX.
uint16_t vtep_vni_network(const struct vteps *vteps, uint32_t vni);

#endif
