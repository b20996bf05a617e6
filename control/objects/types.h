/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_TYPES_H
#define OBJECTS_TYPES_H

// The objects of the desired state. References are identifiers: they stay valid while the object
// that they name is replaced.

#include <net/if.h>

#include "endpoint_vf.h"
#include "netns.h"
#include "object.h"

#define CONTAINER_LEN 256
#define NETNS_LABEL_LEN 512
#define POD_TEXT_LEN 256
#define CNI_NETWORK_LEN 256
#define ENDPOINT_ROUTES_MAX 64

struct network {
	struct object object;
	uint32_t id;
	uint32_t vni;
	uint16_t mtu;
	uint16_t n_subnets;
	uint32_t learn_age, learn_limit; // seconds, addresses; 0: the data plane's default
	uint32_t table; // of the kernel, whose routes are mirrored into it; 0: none
	bool learning;
	bool resolve; // the switch asks for neighbours itself, see CW_NETWORK_RESOLVE
	bool host; // has a host port
	bool automatic; // NAME.VLAN, made for an endpoint; goes with its last port
	uint8_t router_mac[6];
	char name[CW_NAME_LEN];
	struct cw_ip subnets[CW_MAX_SUBNETS]; // router address and prefix length
};

enum port_origin {
	PORT_OF_USER, // port.add
	PORT_OF_ENDPOINT,
	PORT_OF_HOST, // the host port of a network
};

enum port_role {
	PORT_CLIENT, // vhost-user: the switch connects to the peer's socket
	PORT_SERVER, // vhost-user: the switch makes the socket
	PORT_MASTER, // memif: the switch makes the socket
	PORT_SLAVE, // memif: the switch connects to the peer's socket
	PORT_ROLES, // number of roles, not a role
};

enum port_choice {
	PORT_DRIVERS_CHOICE,
	PORT_OFF,
	PORT_ON,
};

#define SOCKET_PATH_LEN 108 // sun_path, with the terminating zero
#define SOCKET_SECRET_LEN 24 // of memif, with the terminating zero

// What ports of kind vhost-user and memif have beyond the others; all zero for those. Numbers that
// may be absent are text, empty when they are.
struct port_socket {
	char path[SOCKET_PATH_LEN]; // "@name" is abstract (memif)
	char owner[12], group[12], mode[5]; // of what we make: user, group, octal permissions
	char secret[SOCKET_SECRET_LEN];
	uint8_t role; // port_role
	uint8_t iommu, packed; // port_choice
	uint32_t memif_id;
	uint32_t ring, buffer; // memif: slots, bytes; 0: the driver's default
};

#define PORT_DRIVER_LEN 32

struct port {
	struct object object;
	uint32_t id;
	uint32_t network;
	uint8_t kind; // cw_port_kind
	uint8_t origin; // port_origin
	uint16_t mtu;
	uint16_t vlan;
	uint16_t queues;
	uint32_t flags, guard;
	uint32_t parent; // of a sub-port, whose frames travel through its device; 0: none
	uint8_t mac[6];
	uint16_t n_trunk;
	uint64_t generation;
	char name[CW_NAME_LEN];
	char ifname[CW_NAME_LEN]; // of the device that our descriptors belong to
	char args[CW_ARGS_LEN];
	// nic, vf: driver that the device is given, and what it had before (see nic_port.h).
	char bind[PORT_DRIVER_LEN], former_driver[PORT_DRIVER_LEN],
		former_override[PORT_DRIVER_LEN];
	struct port_socket socket;
	struct cw_tag trunk[CW_MAX_TRUNK];
};

struct endpoint_ip {
	struct cw_ip address; // with the prefix length of its subnet
	struct cw_ip gateway; // family 0: none
};

struct endpoint_route {
	struct cw_ip destination, gateway; // gateway: family 0: the gateway of that family
	uint32_t mtu, priority;
};

struct endpoint {
	struct object object;
	uint32_t port;
	uint32_t network;
	uint16_t mtu;
	uint16_t n_ips, n_routes;
	uint8_t mac[6];
	struct netns_id netns_id;
	char container[CONTAINER_LEN];
	char ifname[IFNAMSIZ]; // in the pod
	char host_ifname[IFNAMSIZ]; // our end of a veth pair; empty for taps
	char netns[NETNS_LABEL_LEN]; // where the namespace was found: only a label
	char why[128]; // this kind of port
	char cni_network[CNI_NETWORK_LEN]; // whose CNI configuration made it; empty: none did
	char pod_namespace[POD_TEXT_LEN], pod_name[POD_TEXT_LEN], pod_uid[POD_TEXT_LEN];
	struct endpoint_vf vf; // of kind vf; else its pci is empty
	struct endpoint_ip ips[CW_MAX_IPS];
	struct endpoint_route routes[ENDPOINT_ROUTES_MAX];
};

struct nexthop {
	struct object object;
	uint32_t id;
	uint32_t network;
	uint32_t port;
	uint8_t kind; // cw_nexthop_kind
	bool automatic; // made for routes that describe their next hop inline
	uint8_t mac[6];
	struct cw_ip via; // PORT: the gateway that mac is of, when known; TUNNEL: the remote vtep
	bool of_tunnels; // GROUP with members of kind TUNNEL
	uint32_t vtep, underlay, vni; // TUNNEL, as in cw_nexthop
	// What takes the place of underlay 0: found by following the kernel's tables, not stored.
	uint32_t found_underlay;
	uint8_t found_mac[6]; // PORT: the same for mac zero, the neighbour's with address via
	uint16_t path_mtu; // 0: not known
	uint32_t n_members;
	struct cw_member members[];
};

struct route {
	struct object object;
	uint32_t network;
	uint32_t nexthop;
	struct cw_ip prefix;
};

struct neighbor {
	struct object object;
	uint32_t network;
	uint32_t port; // 0: nexthop says where
	uint32_t nexthop; // TUNNEL
	struct cw_ip ip;
	uint8_t mac[6];
};

// With mac zero an entry of the flood list (cw_flood): then nexthop belongs to the key.
struct fdb {
	struct object object;
	uint32_t network;
	uint32_t port; // 0: nexthop says where
	uint32_t nexthop; // TUNNEL
	uint8_t mac[6];
};

// Local end of a tunnel, see cw_vtep.
struct vtep {
	struct object object;
	uint32_t id;
	uint32_t port, network;
	uint8_t kind; // cw_tunnel_kind
	uint8_t ttl;
	uint16_t flags; // cw_vtep_flag
	uint16_t udp_port;
	uint8_t mac[6];
	uint16_t n_own, n_groups;
	struct cw_ip address;
	struct cw_ip own[CW_MAX_VTEP_OWN];
	struct cw_ip groups[CW_MAX_VTEP_GROUPS];
	char name[CW_NAME_LEN];
};

// The kernel's routing table that a network of this name follows unless it says otherwise: the main
// one for network "default", none for others.
uint32_t network_table(const char *name);
size_t nexthop_size(uint32_t n_members);
// Order by content, identifier and origin aside: inline next hops are deduplicated by it.
int nexthop_compare_content(const void *a, const void *b);
// Whether the kind of a port is opened from descriptors of ours.
bool port_needs_descriptors(const struct port *port);
bool port_is_tap(const struct port *port);
// A pod's VF on a card that the switch has no uplink on, and its endpoint: the data plane does not
// hear of them.
bool port_is_card_only(const struct port *port);
bool object_is_card_only(const struct object *object);
bool port_has_socket(const struct port *port); // vhost-user, memif
// Whether the pod has an interface of the kernel's by it (a VF for DPDK is none).
bool endpoint_has_interface(const struct endpoint *endpoint);
// Whether our duplicates of its descriptors outlive the data plane's session.
bool port_keeps_descriptors(const struct port *port);

#endif
