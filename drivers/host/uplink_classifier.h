/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_UPLINK_CLASSIFIER_H
#define HOST_UPLINK_CLASSIFIER_H

// Shares a device of the node between the switch and the kernel, by the programs of
// bpf/uplink.bpf.c: sockets get tunnel packets and packets to pods, the kernel everything else, and
// everything as long as there is no socket. Programs and rules stay with the device when this
// process ends; another one takes over without a gap. Devices are those of the calling thread's
// namespace. Needs CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN. One thread at a time.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <causeway/wire.h>

struct uplink_classifier;

enum uplink_hook {
	UPLINK_XDP, // AF_XDP sockets
	UPLINK_PACKET, // AF_PACKET sockets, and traffic control's ingress for the kernel's copy
};

// Packets to a local end of a tunnel.
struct uplink_tunnel_rule {
	struct cw_ip address; // outer destination: the vtep's, or a group
	uint32_t vtep; // id
	uint8_t kind; // cw_tunnel_kind
	uint16_t udp_port; // host order
	uint16_t vlan; // of the underlay on this device, 0: untagged
};

// An inner destination that is the kernel's even so.
struct uplink_own_rule {
	struct cw_ip address;
	uint32_t vtep; // id
};

// Destinations of packets without a tunnel. The longest prefix decides.
struct uplink_prefix_rule {
	struct cw_ip prefix; // bits behind it may be set
	uint16_t vlan; // 0: untagged
	bool take; // false: the kernel's
};

struct uplink_rules {
	uint8_t mac[6]; // of the device: other unicast destinations are the kernel's
	unsigned int n_tunnels, n_own, n_prefixes;
	const struct uplink_tunnel_rule *tunnels;
	const struct uplink_own_rule *own;
	const struct uplink_prefix_rule *prefixes;
};

// Loads programs for a device; nothing is attached yet. n_queues: rx queues of the device, for XDP.
// Returns 0 or -errno.
int uplink_classifier_open(enum uplink_hook hook, int ifindex, unsigned int n_queues,
	struct uplink_classifier **classifier);
// What is attached stays. Accepts NULL.
void uplink_classifier_close(struct uplink_classifier *classifier);

// Makes the rules these, whatever they were. Returns 0 or -errno; -E2BIG: more than there is room
// for.
int uplink_classifier_set(struct uplink_classifier *classifier, const struct uplink_rules *rules);

// The device's queue gives its frames to this socket, which is filtered (UPLINK_PACKET) or looked
// up (UPLINK_XDP) by our programs until it is closed. Returns 0 or -errno.
int uplink_classifier_add(struct uplink_classifier *classifier, unsigned int queue, int fd);

// Attaches to the device, in place of an earlier program of this kind at once. *native: XDP runs in
// the driver. Returns 0 or -errno; -EBUSY: somebody else's XDP program is there.
int uplink_classifier_attach(struct uplink_classifier *classifier, bool *native);

// Takes our programs away from a device, others stay. Returns 0 or -errno; none there is no error.
int uplink_classifier_detach(int ifindex);

#endif
