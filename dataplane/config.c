/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <causeway/sizing.h>

#include "cpus.h"
#include "log.h"
#include "worker.h"

#define CONFIG_FILE CW_CONFIG_DIR "/causeway-dp.json" // read when it exists and --config is absent
#define CONFIG_FILE_MAX (1 << 20)

enum key_type { KEY_TEXT, KEY_BOOL, KEY_NUMBER, KEY_LIST };

struct key {
	const char *name; // with '-' as a flag, with '_' in the file, there with 's' for a list
	enum key_type type;
	size_t offset, size; // in struct config; of a list, the size of a text
	uint64_t min, max;
	const char *argument, *help;
};

#define TEXT(field) KEY_TEXT, offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define NUMBER(field) KEY_NUMBER, offsetof(struct config, field), sizeof(uint64_t)

static const struct key keys[] = {
	{"runtime-dir", TEXT(runtime_dir), 0, 0, "DIR", "where dp.sock is (" CW_RUNTIME_DIR ")"},
	{"cores", TEXT(cores), 0, 0, "LIST",
		"CPUs for workers, one each: \"2-5,8\" (isolated ones, else all but CPU 0)"},
	{"idle", TEXT(idle), 0, 0, "MODE",
		"\"adaptive\" sleeps when idle, \"poll\" never (adaptive)"},
	{"burst", NUMBER(burst), 1, WORKER_BURST, "N", "frames taken from a queue at a time (64)"},
	{"log-level", TEXT(log_level), 0, 0, "LEVEL", "error, warning, info or debug (info)"},
	{"huge", KEY_BOOL, offsetof(struct config, huge), sizeof(bool), 0, 1, "BOOL",
		"packets in hugepages; \"false\" is for tests only (true)"},
	{"mbufs", NUMBER(mbufs), 1023, 1 << 22, "N", "packet buffers of 2 KiB a NUMA node (16383)"},
	{"jumbos", NUMBER(jumbos), 63, 1 << 16, "N", "buffers of 64 KiB for super-frames (511)"},
	{"fdb-entries", NUMBER(fdb_entries), 64, 1 << 22, "N",
		"MAC addresses, all networks (65536)"},
	{"neighbors", NUMBER(neighbors), 64, 1 << 22, "N", "IP neighbours, all networks (65536)"},
	{"route-memory", NUMBER(route_memory), 1, 4096, "MIB",
		"most memory for routes; used as they come (1024)"},
	{"driver", KEY_LIST, offsetof(struct config, drivers), CONFIG_PATH, 0, CONFIG_DRIVERS,
		"FILE",
		"one more DPDK driver (.so), may be repeated; \"drivers\" in the file, a list"},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

enum { OPTION_CONFIG = 256, OPTION_CHECK, OPTION_DRY_RUN };

static void
set_defaults(struct config *config)
{
	*config = (struct config){
		.runtime_dir = CW_RUNTIME_DIR,
		.idle = "adaptive",
		.burst = WORKER_BURST,
		.log_level = "info",
		.huge = true,
		.mbufs = CW_MBUFS_DEFAULT,
		.jumbos = CW_JUMBOS_DEFAULT,
		.fdb_entries = CW_FDB_ENTRIES_DEFAULT,
		.neighbors = CW_NEIGHBORS_DEFAULT,
		.route_memory = 1024,
	};
}

static int
refuse(const struct key *key, const char *value, const char *why)
{
	return log_error(-EINVAL, why, "key=%s value=%s", key->name, value);
}

static int
set_text(struct config *config, const struct key *key, const char *value)
{
	if (strlen(value) >= key->size)
		return refuse(key, value, "value is too long");
	strcpy((char *)config + key->offset, value);
	return 0;
}

static int
add_text(struct config *config, const struct key *key, const char *value)
{
	char *at = (char *)config + key->offset;
	uint64_t n = 0;

	while (n < key->max && at[n * key->size] != '\0')
		n++;
	if (n == key->max)
		return refuse(key, value, "too many values");
	if (*value == '\0')
		return refuse(key, value, "value is empty");
	if (strlen(value) >= key->size)
		return refuse(key, value, "value is too long");
	strcpy(at + n * key->size, value);
	return 0;
}

static int
set_number(struct config *config, const struct key *key, double value, const char *text)
{
	uint64_t whole;

	if (!(value >= (double)key->min && value <= (double)key->max) || floor(value) != value) {
		char why[96];

		snprintf(why, sizeof(why), "value must be a whole number from %llu to %llu",
			(unsigned long long)key->min, (unsigned long long)key->max);
		return refuse(key, text, why);
	}
	whole = (uint64_t)value;
	memcpy((char *)config + key->offset, &whole, sizeof(whole));
	return 0;
}

static int
set_from_flag(struct config *config, const struct key *key, const char *value)
{
	bool *flag = (bool *)((char *)config + key->offset);
	char *end;
	double number;

	switch (key->type) {
	case KEY_TEXT:
		return set_text(config, key, value);
	case KEY_LIST:
		return add_text(config, key, value);
	case KEY_NUMBER:
		number = strtod(value, &end);
		return set_number(config, key, *value == '\0' || *end != '\0' ? -1 : number, value);
	case KEY_BOOL:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return refuse(key, value, "value must be true or false");
		*flag = strcmp(value, "true") == 0;
		return 0;
	}
	return -EINVAL;
}

static int
add_from_json(struct config *config, const struct key *key, const cJSON *list)
{
	const cJSON *value;
	int error = 0;

	cJSON_ArrayForEach (value, list) {
		if (!cJSON_IsString(value))
			return refuse(key, "?", "value must be a list of strings");
		error = add_text(config, key, value->valuestring);
		if (error != 0)
			break;
	}
	return error;
}

static int
set_from_json(struct config *config, const struct key *key, const cJSON *value)
{
	char *text = cJSON_PrintUnformatted(value);
	int error = -EINVAL;

	if (key->type == KEY_TEXT && cJSON_IsString(value))
		error = set_text(config, key, value->valuestring);
	else if (key->type == KEY_NUMBER && cJSON_IsNumber(value))
		error = set_number(config, key, value->valuedouble, text != NULL ? text : "?");
	else if (key->type == KEY_BOOL && cJSON_IsBool(value))
		error = set_from_flag(config, key, cJSON_IsTrue(value) ? "true" : "false");
	else if (key->type == KEY_LIST && cJSON_IsArray(value))
		error = add_from_json(config, key, value);
	else
		refuse(key, text != NULL ? text : "?", "value is of the wrong type");
	free(text);
	return error;
}

// '_' in the file is '-' in the flag.
static const struct key *
find_key(const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		const char *a = keys[i].name, *b = name;

		while (*a != '\0' && (*a == *b || (*a == '-' && *b == '_'))) {
			a++;
			b++;
		}
		if (*a == '\0' && strcmp(b, keys[i].type == KEY_LIST ? "s" : "") == 0)
			return &keys[i];
	}
	return NULL;
}

static int
apply_object(struct config *config, const cJSON *object, const char *path)
{
	const cJSON *value;

	if (!cJSON_IsObject(object))
		return log_error(-EINVAL, "file holds no JSON object", "file=%s", path);
	cJSON_ArrayForEach (value, object) {
		const struct key *key = find_key(value->string);
		int error;

		if (key == NULL)
			return log_error(-EINVAL, "unknown key; causeway-dp --help lists them all",
				"key=%s file=%s", value->string, path);
		error = set_from_json(config, key, value);
		if (error != 0)
			return error;
	}
	return 0;
}

static int
load_file(struct config *config, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	cJSON *object = NULL;
	size_t n;
	int error;

	if (file == NULL)
		return log_error(-errno, "cannot open configuration", "file=%s error=%s", path,
			strerror(errno));
	text = malloc(CONFIG_FILE_MAX + 1);
	n = text != NULL ? fread(text, 1, CONFIG_FILE_MAX, file) : 0;
	if (text == NULL || ferror(file)) {
		error = log_error(-EIO, "cannot read configuration", "file=%s", path);
		goto out;
	}
	text[n] = '\0';
	object = cJSON_ParseWithOpts(text, NULL, true);
	if (object == NULL) {
		const char *at = cJSON_GetErrorPtr();

		error = log_error(-EINVAL, "configuration is not valid JSON", "file=%s near=%.20s",
			path, at != NULL ? at : "");
		goto out;
	}
	error = apply_object(config, object, path);
out:
	cJSON_Delete(object);
	free(text);
	fclose(file);
	return error;
}

static void
print_help(void)
{
	printf("causeway-dp %s: the data plane of Causeway\n\n"
	       "Usage: causeway-dp [--config FILE] [--KEY VALUE ...]\n\n"
	       "Owns the ports of this node and forwards between them; causewayd tells it how, "
	       "over\n"
	       "dp.sock. Every key can stand in the JSON file (with _ for -) or as a flag; flags "
	       "win,\n"
	       "those of a list are added.\n\n",
		CW_VERSION);
	for (size_t i = 0; i < N_KEYS; i++)
		printf("  --%s %-*s %s\n", keys[i].name, 18 - (int)strlen(keys[i].name),
			keys[i].argument, keys[i].help);
	printf("\n  --config FILE        JSON file with these keys (" CONFIG_FILE " if it exists)\n"
	       "  --check-config       say whether the configuration is valid, and stop\n"
	       "  --dry-run            check the machine, too, and say what would be done\n"
	       "  --version, --help\n");
}

static int
check(const struct config *config)
{
	cpu_set_t set;

	if (cpus_parse(config->cores, &set) != 0)
		return log_error(-EINVAL, "not a list of CPUs, such as 2-5,8", "key=cores value=%s",
			config->cores);
	if (CPU_COUNT(&set) > CW_MAX_WORKERS)
		return log_error(-EINVAL, "too many workers", "key=cores value=%s limit=%d",
			config->cores, CW_MAX_WORKERS);
	if (strcmp(config->idle, "adaptive") != 0 && strcmp(config->idle, "poll") != 0)
		return log_error(
			-EINVAL, "must be adaptive or poll", "key=idle value=%s", config->idle);
	if (log_level_by_name(config->log_level) < 0)
		return log_error(-EINVAL, "must be error, warning, info or debug",
			"key=log-level value=%s", config->log_level);
	if (strlen(config->runtime_dir) + sizeof("/" CW_DP_SOCKET) > CONFIG_TEXT)
		return log_error(-ENAMETOOLONG, "a socket below it would exceed 107 bytes",
			"key=runtime-dir value=%s", config->runtime_dir);
	return 0;
}

static void
make_options(struct option *options)
{
	for (size_t i = 0; i < N_KEYS; i++)
		options[i] = (struct option){keys[i].name, required_argument, NULL, (int)i};
	options[N_KEYS] = (struct option){"config", required_argument, NULL, OPTION_CONFIG};
	options[N_KEYS + 1] = (struct option){"check-config", no_argument, NULL, OPTION_CHECK};
	options[N_KEYS + 2] = (struct option){"dry-run", no_argument, NULL, OPTION_DRY_RUN};
	options[N_KEYS + 3] = (struct option){"help", no_argument, NULL, 'h'};
	options[N_KEYS + 4] = (struct option){"version", no_argument, NULL, 'V'};
	options[N_KEYS + 5] = (struct option){0};
}

// First pass: what to do, and the file. Returns a config_action or -errno.
static int
load_file_of_flags(int argc, char **argv, const struct option *options, struct config *config)
{
	int option, action = CONFIG_RUN, error = 0;
	const char *path = access(CONFIG_FILE, F_OK) == 0 ? CONFIG_FILE : NULL;

	optind = 0; // glibc: start anew
	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		if (option == '?')
			return -EINVAL;
		if (option == 'h' || option == 'V') {
			option == 'h' ? print_help() : (void)puts("causeway-dp " CW_VERSION);
			return CONFIG_EXIT;
		}
		if (option == OPTION_CHECK)
			action = CONFIG_CHECK;
		else if (option == OPTION_DRY_RUN)
			action = CONFIG_DRY_RUN;
		else if (option == OPTION_CONFIG)
			path = optarg;
	}
	if (optind < argc)
		return log_error(-EINVAL, "unexpected argument; see causeway-dp --help",
			"argument=%s", argv[optind]);
	if (path != NULL)
		error = load_file(config, path);
	return error != 0 ? error : action;
}

// Second pass: flags win.
static int
load_keys_of_flags(int argc, char **argv, const struct option *options, struct config *config)
{
	int option, error = 0;

	optind = 0;
	while (error == 0 && (option = getopt_long(argc, argv, "hV", options, NULL)) != -1)
		if (option < (int)N_KEYS)
			error = set_from_flag(config, &keys[option], optarg);
	return error;
}

int
config_load(int argc, char **argv, struct config *config)
{
	struct option options[N_KEYS + 6];
	int action, error;

	make_options(options);
	set_defaults(config);
	action = load_file_of_flags(argc, argv, options, config);
	if (action < 0 || action == CONFIG_EXIT)
		return action;
	error = load_keys_of_flags(argc, argv, options, config);
	if (error == 0)
		error = check(config);
	if (error != 0)
		return error;
	log_set_level((enum log_level)log_level_by_name(config->log_level));
	return action;
}
