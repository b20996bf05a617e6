/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_UPLINK_H
#define VF_UPLINK_H

// Which port of the switch leads to the VFs of a card.

#include "causewayd.h"
#include "sriov.h"

// The PCI device of a port (args "device=ADDRESS,..."). False: it has none.
bool port_pci_device(const struct port *port, char address[PCI_ADDRESS_LEN]);

// The port whose device is this one, or NULL.
const struct port *port_of_device(const struct causewayd *d, const char *address);

// The port whose device is the PF's representor of this VF, or NULL.
const struct port *port_of_representor(
	const struct causewayd *d, const char *pf, unsigned int index);

// The uplink on a PF: the PF itself or one of its VFs. NULL: there is none.
const struct port *vf_uplink_of(const struct causewayd *d, const char *pf);

// Whether the card lets other MACs than its own through to and from an uplink: its VF is trusted
// and not checked for spoofing. Else what passes it is routed (CW_PORT_ROUTED).
bool vf_uplink_bridges(const struct causewayd *d, const struct port *uplink);

// Gives an uplink that has no MAC the one that the PF has for its VF, where it has one.
void vf_uplink_take_mac(const struct causewayd *d, struct port *uplink);

// A VLAN for a VF that is to have one of its own: of the configured range, used neither at the
// uplink nor by another VF of the card. 0: all are used.
uint16_t vf_uplink_free_vlan(const struct causewayd *d, const struct port *uplink, const char *pf);
// Who at the uplink has a VLAN already, other than port 'but' (0: none): NULL, or the port.
const struct port *vf_uplink_vlan_owner(
	const struct causewayd *d, const struct port *uplink, uint16_t vlan, uint32_t but);

#endif
