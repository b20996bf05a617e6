/* SPDX-License-Identifier: Apache-2.0 */
// DEL (CNI specification 1.1.0, section 3): succeeds whatever is gone already, the namespace and
// causewayd included. Of the configuration it needs the IPAM plugin and the sockets only: what was
// attached is in causewayd's own record.
#include "call.h"
#include "endpoint.h"
#include "ipam.h"

int
verb_del(struct cni_call *call)
{
	struct cni_error ipam_error = {0};
	int rc, ipam_rc = 0;

	// The address is given back last, when no port holds it any more, but in every case.
	rc = endpoint_release(call, &call->error);
	if (call->config.ipam_type != NULL)
		ipam_rc = ipam_call(&call->config, &call->env, CNI_VERB_DEL, NULL, &ipam_error);
	if (rc == 0 && ipam_rc < 0) {
		call->error = ipam_error;
		rc = ipam_rc;
	}
	if (rc < 0)
		error_reword(&call->error);
	return rc;
}
