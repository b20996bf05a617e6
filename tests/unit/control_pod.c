/* SPDX-License-Identifier: Apache-2.0 */
#include "control_pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
pod_setup(void **state)
{
	struct pod *pod = calloc(1, sizeof(*pod));
	void *c;

	assert_non_null(pod);
	control_setup(&c);
	pod->c = c;
	pod->netns = namespace_new();
	snprintf(pod->path, sizeof(pod->path), "/proc/self/fd/%d", pod->netns);
	*state = pod;
	return 0;
}

int
pod_teardown(void **state)
{
	struct pod *pod = *state;
	void *c = pod->c;

	if (pod->netns >= 0)
		close(pod->netns);
	free(pod);
	return control_teardown(&c);
}

cJSON *
pod_add(struct pod *pod, const char *params)
{
	char text[2048];

	snprintf(text, sizeof(text), "{\"netns_fd\":0,\"netns\":\"%s\",%s}", pod->path, params);
	return control_call_fd(pod->c, "endpoint.add", text, pod->netns);
}

cJSON *
pod_add_ok(struct pod *pod, const char *params)
{
	cJSON *answer = pod_add(pod, params);
	cJSON *result = cJSON_DetachItemFromObject(answer, "result");

	if (result == NULL)
		fail_msg("%s", cJSON_PrintUnformatted(answer));
	cJSON_Delete(answer);
	return result;
}
