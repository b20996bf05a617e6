/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_ENDPOINT_DEL_H
#define CONTROL_ENDPOINT_DEL_H

#include "changes.h"

// Deletes an endpoint (NULL: there is none, which succeeds), its port and its device; networks that
// were made for it alone go, too. From our record only: neither the namespace nor the data plane
// need be there. The caller has its turn (changes_queue).
void endpoint_del(
	struct causewayd *d, struct endpoint *endpoint, transaction_done_fn *done, void *arg);

#endif
