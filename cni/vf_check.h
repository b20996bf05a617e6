/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_VF_CHECK_H
#define CNI_VF_CHECK_H

#include "call.h"

// CHECK's part for a VF: what causewayd has just read from the card (endpoint's "vf") against what
// the configuration asks for. Endpoints without VF, and configurations that do not name one any
// more, have nothing to compare.
int vf_check(struct cni_call *call, const cJSON *endpoint);

#endif
