/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_NIC_PRIVATE_H
#define DRIVERS_PORT_NIC_PRIVATE_H

// What the nic*.c files share. Main thread, but for what says otherwise.

#include <stdatomic.h>

#include "ethdev_device.h"
#include "nic_args.h"
#include "nic_device.h"

#define NIC_VLANS 4096

enum nic_event {
	NIC_RESET = 1u << 0, // the device works on after a reset only
	NIC_LOST = 1u << 1, // the device goes, or has gone
};

struct nic {
	struct ethdev_device ethdev; // first: see ethdev_device.h
	atomic_bool running; // workers may use the device; writer: main thread
	_Atomic uint32_t events; // nic_event; the interrupt thread sets, the main thread clears
	int event_fd;
	struct nic_device *device; // NULL: there is none now
	struct nic_args args;
	struct port_config config; // without its texts: for coming back
	uint64_t again_tsc; // when the next try to bring the device back is due
	unsigned int tries; // without success
	uint64_t started_tsc;
	bool link_lost; // since then
	unsigned int doubts; // a VF that was reset is reset again so often, while it hears nothing
	uint64_t heard; // packets until it was started
	uint64_t vlans[NIC_VLANS / 64]; // tags that are let in
	struct rte_ether_addr groups[PORT_GROUPS]; // likewise
	unsigned int n_groups; // more than PORT_GROUPS: all
	char reason[128]; // why it is not running
};

// nic_setup.c
// Configures and starts a device that is stopped. Returns 0, or -errno and a sentence.
int nic_setup(struct port *port, struct nic *nic, char *reason, size_t reason_len);

// nic_filters.c
// Lets what was set below into a device that was just started. Returns 0 or -errno.
int nic_filter(const struct nic *nic, uint8_t kind);
// As in struct port_driver.
int nic_set_vlans(struct nic *nic, const uint16_t *vlans, unsigned int n);
int nic_set_groups(
	struct nic *nic, uint8_t kind, const struct rte_ether_addr *groups, unsigned int n);

// nic_events.c
// From now on what happens to the device sets nic->events and makes nic->event_fd readable.
// Returns 0 or -errno.
int nic_events_start(struct nic *nic);
void nic_events_stop(struct nic *nic);

// nic_probe.c
// Has EAL take the device from its bus, with a sentence that says why not.
int nic_probe(const struct nic_args *args, char *reason, size_t reason_len);
const char *nic_bus(bool is_pci);
// Whether a device that is not there, or was not, may be taken now.
bool nic_may_probe(const struct nic_args *args);

#endif
