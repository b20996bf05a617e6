/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 // a line is one write: other calls append to the same file

static const char *const levels[] = {"panic", "error", "warning", "info", "debug"};

#define N_LEVELS (int)(sizeof(levels) / sizeof(levels[0]))

struct line {
	char text[LINE_MAX_BYTES];
	size_t length;
};

static const struct cni_env *caller;
static int lowest = -1; // no level: nothing is written
static int descriptor = STDERR_FILENO;

// The value of a key of text; NULL when it is absent or empty.
static const char *
text_key(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(config_find(json, key));

	return text != NULL && text[0] != '\0' ? text : NULL;
}

static int
level_by_name(const char *name)
{
	for (int level = 0; level < N_LEVELS; level++)
		if (strcasecmp(name, levels[level]) == 0)
			return level;
	return -1;
}

int
log_check(const cJSON *json, struct cni_error *error)
{
	const cJSON *level = config_find(json, "logLevel"), *file = config_find(json, "logFile");
	const char *name = text_key(json, "logLevel"), *path = text_key(json, "logFile");

	if ((level != NULL && !cJSON_IsString(level)) || (name != NULL && level_by_name(name) < 0))
		return config_refuse(error, "logLevel", level,
			"\"panic\", \"error\", \"warning\", \"info\" or \"debug\"");
	if ((file != NULL && !cJSON_IsString(file)) || (path != NULL && path[0] != '/'))
		return config_refuse(error, "logFile", file, "an absolute path");
	return 0;
}

void
log_open(const struct cni_call *call)
{
	const char *name = text_key(call->config.json, "logLevel");
	const char *path = text_key(call->config.json, "logFile");
	int fd;

	if (name == NULL && path == NULL)
		return;
	caller = &call->env;
	lowest = name != NULL ? level_by_name(name) : LOG_INFO;
	if (lowest < 0)
		lowest = LOG_INFO;
	if (path == NULL || path[0] != '/')
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd >= 0)
		descriptor = fd;
	else
		fprintf(stderr, "causeway-cni: logFile %s cannot be opened: %s; stderr instead\n",
			path, strerror(errno));
}

static void
put(struct line *line, const char *text)
{
	const size_t length = strlen(text), room = sizeof(line->text) - 1 - line->length;
	const size_t n = length < room ? length : room; // the last byte is the line's end

	memcpy(line->text + line->length, text, n);
	line->length += n;
}

static void
put_escaped(struct line *line, char c)
{
	char text[3] = {c, '\0', '\0'};

	if (c == '"' || c == '\\' || c == '\n') {
		text[0] = '\\';
		text[1] = c == '\n' ? 'n' : c;
	}
	put(line, text);
}

static void
put_pair(struct line *line, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	if (line->length > 0)
		put(line, " ");
	put(line, key);
	put(line, "=\"");
	for (; *value != '\0'; value++)
		put_escaped(line, *value);
	put(line, "\"");
}

static void
put_time(struct line *line)
{
	const time_t now = time(NULL);
	char text[32];
	struct tm utc;

	if (gmtime_r(&now, &utc) != NULL
		&& strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		put_pair(line, "time", text);
}

void
log_write(enum log_level level, const char *message, const struct log_pair *pairs)
{
	struct line line = {.length = 0};

	if ((int)level > lowest)
		return;
	put_time(&line);
	put_pair(&line, "level", levels[level]);
	put_pair(&line, "msg", message);
	put_pair(&line, "cniName", "causeway-cni");
	put_pair(&line, "containerID", caller->container);
	put_pair(&line, "netns", caller->netns);
	put_pair(&line, "ifname", caller->ifname);
	for (; pairs->key != NULL; pairs++)
		put_pair(&line, pairs->key, pairs->value);
	line.text[line.length++] = '\n';
	if (write(descriptor, line.text, line.length) < 0)
		return; // nobody is left to tell
}

void
log_json(const char *message, const char *key, const cJSON *value)
{
	char *text = lowest >= LOG_DEBUG && value != NULL ? cJSON_PrintUnformatted(value) : NULL;

	log_write(LOG_DEBUG, message, (const struct log_pair[]){{key, text}, {NULL, NULL}});
	cJSON_free(text);
}
