/* SPDX-License-Identifier: Apache-2.0 */
// VERSION (CNI specification 1.1.0, section 3).
#include <stdio.h>

#include "call.h"

int
verb_version(const char *text, struct cni_error *error)
{
	cJSON *input = cJSON_ParseWithOpts(text, NULL, false);
	const cJSON *asked = config_find(input, "cniVersion");
	cJSON *answer = cJSON_CreateObject(), *versions = NULL;
	char *printed = NULL;
	int rc = -1;

	if (cJSON_AddStringToObject(answer, "cniVersion",
		    cJSON_IsString(asked) ? asked->valuestring : config_versions[CONFIG_1_1_0]))
		versions = cJSON_CreateStringArray(config_versions, CONFIG_VERSIONS);
	if (cJSON_AddItemToObject(answer, "supportedVersions", versions))
		printed = cJSON_Print(answer);
	if (printed == NULL)
		error_set(error, CNI_INTERNAL, "out of memory");
	else if (printf("%s\n", printed) < 0 || fflush(stdout) != 0)
		error_set(error, CNI_IO, "the answer cannot be written");
	else
		rc = 0;
	cJSON_free(printed);
	cJSON_Delete(answer);
	cJSON_Delete(input);
	return rc;
}
