/* SPDX-License-Identifier: Apache-2.0 */
// GC (CNI specification 1.1.0, section 3): hands the request on to IPAM. Endpoints are not
// collected: causewayd keeps them until their DEL.
#include "call.h"
#include "ipam.h"

int
verb_gc(struct cni_call *call)
{
	if (call->config.version < CONFIG_1_1_0)
		return error_set(&call->error, CNI_VERSION_UNSUPPORTED,
			"GC exists since cniVersion 1.1.0, the configuration has %s",
			config_versions[call->config.version]);
	if (call->config.ipam_type == NULL)
		return 0;
	return ipam_call_if_known(&call->config, &call->env, CNI_VERB_GC, &call->error);
}
