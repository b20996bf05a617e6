/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_SHOW_H
#define VF_SHOW_H

// VFs of the node for people and programs: what sysfs and the PFs say of them now.

#include <cjson/cJSON.h>

#include "vf.h"

// Member "vf" of an endpoint: which VF it has, with its settings as they are on the card.
cJSON *vf_show_endpoint(struct causewayd *d, const struct endpoint *endpoint);

// All VFs, or those of one PF (its PCI address or its interface). Returns an array.
cJSON *vf_show_list(struct causewayd *d, const char *pf);

// One VF, with what it was before its pod got it. NULL: there is no VF at this address (in the form
// of pci_address_parse()).
cJSON *vf_show(struct causewayd *d, const char *pci);

#endif
