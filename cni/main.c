/* SPDX-License-Identifier: Apache-2.0 */
// causeway-cni: the CNI plugin of type "causeway". stdout carries one JSON object and nothing else.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "log.h"

#define INPUT_MAX (16u << 20)

// Descriptors opened later must not become stdin, stdout or stderr by chance.
static void
keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

// All of stdin as a terminated string. Returns NULL with error filled in.
static char *
read_input(size_t *length, struct cni_error *error)
{
	size_t size = 16384;
	char *text = malloc(size), *grown;
	ssize_t n;

	*length = 0;
	while (text != NULL) {
		n = read(STDIN_FILENO, text + *length, size - *length - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_set(error, CNI_IO, "stdin cannot be read: %s", strerror(errno));
			break;
		}
		*length += (size_t)n;
		text[*length] = '\0';
		if (n == 0)
			return text;
		if (*length + 1 < size)
			continue;
		if (size >= INPUT_MAX) {
			error_set(error, CNI_IO, "the configuration on stdin exceeds %u bytes",
				INPUT_MAX);
			break;
		}
		size *= 2;
		grown = realloc(text, size);
		if (grown == NULL) {
			error_set(error, CNI_INTERNAL, "out of memory");
			break;
		}
		text = grown;
	}
	if (text == NULL)
		error_set(error, CNI_INTERNAL, "out of memory");
	free(text);
	return NULL;
}

static void
log_end(const struct cni_call *call, int rc)
{
	const char *verb = env_verb_name(call->env.verb);
	char code[16];

	snprintf(code, sizeof(code), "%d", call->error.code);
	if (rc == 0)
		log_write(
			LOG_INFO, "done", (const struct log_pair[]){{"verb", verb}, {NULL, NULL}});
	else
		log_write(LOG_ERROR, call->error.message,
			(const struct log_pair[]){{"verb", verb}, {"code", code},
				{"details", call->error.details}, {NULL, NULL}});
}

static int
run_verb(struct cni_call *call, char *text, size_t length)
{
	static int (*const verbs[CNI_VERBS])(struct cni_call *) = {
		[CNI_VERB_ADD] = verb_add,
		[CNI_VERB_DEL] = verb_del,
		[CNI_VERB_CHECK] = verb_check,
		[CNI_VERB_GC] = verb_gc,
		[CNI_VERB_STATUS] = verb_status,
	};
	int rc;

	if (call->env.verb == CNI_VERB_VERSION) {
		rc = verb_version(text, &call->error);
		free(text);
		return rc;
	}
	rc = config_read(&call->config, text, length, &call->error);
	log_open(call);
	log_write(LOG_DEBUG, "called",
		(const struct log_pair[]){{"verb", env_verb_name(call->env.verb)},
			{"network", call->config.name}, {NULL, NULL}});
	if (rc == 0)
		rc = verbs[call->env.verb](call);
	log_end(call, rc);
	return rc;
}

static int
run(struct cni_call *call)
{
	size_t length;
	char *text;

	if (env_read(&call->env, &call->error) < 0)
		return -1;
	text = read_input(&length, &call->error);
	return text != NULL ? run_verb(call, text, length) : -1;
}

// The version to answer in: the configuration's, when it was readable and supported.
static const char *
answer_version(const struct cni_call *call)
{
	const cJSON *version = config_find(call->config.json, "cniVersion");

	if (!cJSON_IsString(version) || config_version_by_name(version->valuestring) < 0)
		return NULL;
	return version->valuestring;
}

int
main(void)
{
	static struct cni_call call;
	int rc;

	keep_standard_descriptors();
	if (getenv("CNI_COMMAND") == NULL) {
		fprintf(stderr,
			"causeway-cni " CW_VERSION ": CNI plugin, run by container runtimes\n"
			"supported CNI versions: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = run(&call);
	if (rc < 0)
		error_print(&call.error, answer_version(&call));
	config_free(&call.config);
	return rc < 0 ? 1 : 0;
}
