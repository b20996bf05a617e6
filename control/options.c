/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "fail_point.h"
#include "mirror/filter.h"
#include "schema.h"
#include "tap.h"

#define SRIOV_CNI_DIR "/var/lib/cni/sriov"
#define ETCD_PREFIX "/coreos.com/network" // flanneld's default

static const char *const switches[] = {"off", "on", NULL};
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

// Keys of the file; each has a flag of the same name with '-' for '_'.
static const struct field fields[] = {
	{"runtime_dir", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"state_dir", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"group", FIELD_STRING, false, 1, CW_NAME_LEN - 1},
	{"tun_device", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"host_interface", FIELD_STRING, false, 1, IFNAMSIZ - 1},
	{"subnet_env", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"etcd_endpoints", FIELD_STRING, false, 1, OPTIONS_LIST_LEN - 1},
	{"etcd_prefix", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"etcd_cafile", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"etcd_certfile", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"etcd_keyfile", FIELD_STRING, false, 1, OPTIONS_PATH_LEN - 1},
	{"log_level", FIELD_CHOICE, false, 0, 0, NULL, levels},
	{"mirror", FIELD_CHOICE, false, 0, 0, NULL, switches},
	{"mirror_protocols", FIELD_STRING, false, 1, OPTIONS_LIST_LEN - 1},
	{"mirror_interfaces", FIELD_STRING, false, 1, OPTIONS_LIST_LEN - 1},
	{"mirror_audit", FIELD_INTEGER, false, 0, 86400},
	{"mirror_buffer", FIELD_INTEGER, false, 4096, 1 << 30},
	{"sriov_cni_dir", FIELD_STRING, false, 0, OPTIONS_PATH_LEN - 1},
	{"vf_vlans", FIELD_STRING, false, 1, 9},
	{0},
};

enum {
	OPTION_CONFIG = 256,
	OPTION_CHECK,
	OPTION_DRY_RUN,
	OPTION_FAIL_AT,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_KEY, // and the following: fields[value - OPTION_KEY]
};

static const struct option flags[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"check-config", no_argument, NULL, OPTION_CHECK},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"fail-at", required_argument, NULL, OPTION_FAIL_AT},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"runtime-dir", required_argument, NULL, OPTION_KEY},
	{"state-dir", required_argument, NULL, OPTION_KEY + 1},
	{"group", required_argument, NULL, OPTION_KEY + 2},
	{"tun-device", required_argument, NULL, OPTION_KEY + 3},
	{"host-interface", required_argument, NULL, OPTION_KEY + 4},
	{"subnet-env", required_argument, NULL, OPTION_KEY + 5},
	{"etcd-endpoints", required_argument, NULL, OPTION_KEY + 6},
	{"etcd-prefix", required_argument, NULL, OPTION_KEY + 7},
	{"etcd-cafile", required_argument, NULL, OPTION_KEY + 8},
	{"etcd-certfile", required_argument, NULL, OPTION_KEY + 9},
	{"etcd-keyfile", required_argument, NULL, OPTION_KEY + 10},
	{"log-level", required_argument, NULL, OPTION_KEY + 11},
	{"mirror", required_argument, NULL, OPTION_KEY + 12},
	{"mirror-protocols", required_argument, NULL, OPTION_KEY + 13},
	{"mirror-interfaces", required_argument, NULL, OPTION_KEY + 14},
	{"mirror-audit", required_argument, NULL, OPTION_KEY + 15},
	{"mirror-buffer", required_argument, NULL, OPTION_KEY + 16},
	{"sriov-cni-dir", required_argument, NULL, OPTION_KEY + 17},
	{"vf-vlans", required_argument, NULL, OPTION_KEY + 18},
	{0},
};

static const char help[] =
	"usage: causewayd [options]\n"
	"\n"
	"Control plane of Causeway: keeps what is wanted, serves control.sock, drives "
	"causeway-dp.\n"
	"\n"
	"  --config FILE          read FILE (JSON; keys as the flags below, '_' for '-')\n"
	"                         default: " CW_CONFIG_DIR "/causewayd.json when it exists\n"
	"  --runtime-dir DIR      control.sock, dp.sock, lock      default: " CW_RUNTIME_DIR "\n"
	"  --state-dir DIR        state.db                         default: " CW_STATE_DIR "\n"
	"  --group NAME           may use control.sock, as root    default: " CW_GROUP "\n"
	"  --host-interface NAME  host port of network default     default: cwhost\n"
	"  --tun-device PATH      how taps are made                default: " TAP_NODE "\n"
	"  --subnet-env FILE      flanneld's subnet.env            default: there is no Flannel\n"
	"  --mirror on|off        follow the kernel's routes       default: on\n"
	"  --mirror-protocols LIST  whose: names or numbers of rt_protos, all, !NAME\n"
	"                         default: all,!kernel,!redirect,!ra,!dhcp\n"
	"  --mirror-interfaces LIST  through which devices: patterns  default: *\n"
	"  --mirror-audit SECONDS  read all tables again, 0: never  default: 60\n"
	"  --mirror-buffer BYTES  queue of netlink messages        default: 33554432\n"
	"  --sriov-cni-dir DIR    sriov-cni's marks and locks of VFs, which are kept, too;\n"
	"                         empty: they are not         default: " SRIOV_CNI_DIR "\n"
	"  --vf-vlans FIRST-LAST  for VFs whose traffic passes the switch  default: 3000-3999\n"
	"  --etcd-endpoints URLS  follow Flannel's leases there    default: not followed\n"
	"  --etcd-prefix KEY      below this key                   default: " ETCD_PREFIX "\n"
	"  --etcd-cafile FILE     who signed etcd's certificate    default: the system's\n"
	"  --etcd-certfile FILE   our certificate                  default: none\n"
	"  --etcd-keyfile FILE    and its key                      default: none\n"
	"  --log-level LEVEL      error, warning, info or debug    default: info\n"
	"  --check-config         check flags and file, print what is in force, and exit\n"
	"  --dry-run              the same, and check the state directory; change nothing\n"
	"  --version              print the version and exit\n";

static void
copy(char *to, size_t size, const cJSON *json, const char *key)
{
	const char *text = schema_string(json, key);

	if (text != NULL)
		snprintf(to, size, "%s", text);
}

// Takes what a checked object says.
static void
apply(struct options *options, const cJSON *json)
{
	const char *level = schema_string(json, "log_level");

	copy(options->runtime_dir, sizeof(options->runtime_dir), json, "runtime_dir");
	copy(options->state_dir, sizeof(options->state_dir), json, "state_dir");
	copy(options->group, sizeof(options->group), json, "group");
	copy(options->tun_device, sizeof(options->tun_device), json, "tun_device");
	copy(options->host_interface, sizeof(options->host_interface), json, "host_interface");
	copy(options->subnet_env, sizeof(options->subnet_env), json, "subnet_env");
	copy(options->mirror_protocols, sizeof(options->mirror_protocols), json,
		"mirror_protocols");
	copy(options->mirror_interfaces, sizeof(options->mirror_interfaces), json,
		"mirror_interfaces");
	if (schema_string(json, "mirror") != NULL)
		options->mirror = strcmp(schema_string(json, "mirror"), "on") == 0;
	options->mirror_audit =
		(uint32_t)schema_integer(json, "mirror_audit", options->mirror_audit);
	options->mirror_buffer =
		(uint32_t)schema_integer(json, "mirror_buffer", options->mirror_buffer);
	copy(options->sriov_cni_dir, sizeof(options->sriov_cni_dir), json, "sriov_cni_dir");
	copy(options->vf_vlans, sizeof(options->vf_vlans), json, "vf_vlans");
	copy(options->etcd_endpoints, sizeof(options->etcd_endpoints), json, "etcd_endpoints");
	copy(options->etcd_prefix, sizeof(options->etcd_prefix), json, "etcd_prefix");
	copy(options->etcd_cafile, sizeof(options->etcd_cafile), json, "etcd_cafile");
	copy(options->etcd_certfile, sizeof(options->etcd_certfile), json, "etcd_certfile");
	copy(options->etcd_keyfile, sizeof(options->etcd_keyfile), json, "etcd_keyfile");
	if (level != NULL)
		log_level_by_name(level, &options->log_level);
}

static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		return NULL;
	// Up to the first zero byte, which no JSON text has.
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = ferror(file) ? NULL : strdup("");
	}
	fclose(file);
	return text;
}

static int
read_config(struct options *options, const char *path, bool must_exist)
{
	struct failure failure;
	const char *end = NULL;
	char *text = read_file(path);
	cJSON *json;
	int ret = -EINVAL;

	if (text == NULL) {
		if (errno == ENOENT && !must_exist)
			return 0;
		log_error("configuration cannot be read: %s file=%s", strerror(errno), path);
		return -EINVAL;
	}
	json = cJSON_ParseWithOpts(text, &end, true);
	if (json == NULL)
		log_error("configuration is no JSON file=%s byte=%td", path, end - text);
	else if (schema_check(json, fields, &failure) < 0)
		log_error("configuration: %s key=%s value=%s file=%s", failure.message, failure.key,
			failure.value, path);
	else
		ret = 0;
	if (ret == 0)
		apply(options, json);
	cJSON_Delete(json);
	free(text);
	return ret;
}

static void
give(cJSON *given, const struct field *field, const char *value)
{
	char *end = NULL;
	const double number = strtod(value, &end);

	cJSON_DeleteItemFromObjectCaseSensitive(given, field->name);
	if (field->type == FIELD_INTEGER && end != value && *end == '\0')
		cJSON_AddNumberToObject(given, field->name, number);
	else
		cJSON_AddStringToObject(given, field->name, value);
}

// One flag: into an object as a file would have it, so that both are checked alike.
static int
take_flag(struct options *options, cJSON *given, int flag, const char **config)
{
	switch (flag) {
	case OPTION_CONFIG:
		*config = optarg;
		return 0;
	case OPTION_CHECK:
		options->check_config = true;
		return 0;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		return 0;
	case OPTION_FAIL_AT:
		if (fail_point_set(optarg))
			return 0;
		log_error("there is no such step step=%s", optarg);
		return -EINVAL;
	case OPTION_HELP:
		fputs(help, stdout);
		return 1;
	case OPTION_VERSION:
		puts("causewayd " CW_VERSION);
		return 1;
	case '?':
		return -EINVAL;
	default:
		give(given, &fields[flag - OPTION_KEY], optarg);
		return 0;
	}
}

static int
check_protocols(const struct options *options)
{
	bool protocols[PLAN_PROTOCOLS];

	if (filter_parse_protocols(options->mirror_protocols, protocols))
		return 0;
	log_error("mirror_protocols: give names of /etc/iproute2/rt_protos or numbers up to 255, "
		  "separated by commas value=%s",
		options->mirror_protocols);
	return -EINVAL;
}

static int
check_vlans(struct options *options)
{
	const char *text = options->vf_vlans;
	int end = 0;

	if (sscanf(text, "%hu-%hu%n", &options->vf_vlan_first, &options->vf_vlan_last, &end) == 2
		&& text[end] == '\0' && options->vf_vlan_first >= 1
		&& options->vf_vlan_first <= options->vf_vlan_last && options->vf_vlan_last <= 4094)
		return 0;
	log_error("vf_vlans: give the first and the last VLAN, from 1 to 4094, like 3000-3999 "
		  "value=%s",
		text);
	return -EINVAL;
}

int
options_read(struct options *options, int argc, char **argv)
{
	cJSON *given = cJSON_CreateObject();
	const char *config = NULL;
	struct failure failure;
	int flag, ret = 0;

	*options = (struct options){
		.runtime_dir = CW_RUNTIME_DIR,
		.state_dir = CW_STATE_DIR,
		.group = CW_GROUP,
		.tun_device = TAP_NODE,
		.host_interface = "cwhost",
		.etcd_prefix = ETCD_PREFIX,
		.sriov_cni_dir = SRIOV_CNI_DIR,
		.vf_vlans = "3000-3999",
		.log_level = LOG_INFO,
		.mirror = true,
		.mirror_audit = 60,
		.mirror_buffer = 32 << 20,
	};
	while (ret == 0 && (flag = getopt_long(argc, argv, "", flags, NULL)) != -1)
		ret = take_flag(options, given, flag, &config);
	if (ret == 0 && optind < argc) {
		log_error("unexpected argument argument=%s", argv[optind]);
		ret = -EINVAL;
	}
	if (ret == 0 && schema_check(given, fields, &failure) < 0) {
		log_error("flag: %s key=%s value=%s", failure.message, failure.key, failure.value);
		ret = -EINVAL;
	}
	if (ret == 0)
		ret = read_config(options,
			config != NULL ? config : CW_CONFIG_DIR "/causewayd.json", config != NULL);
	if (ret == 0) {
		apply(options, given);
		ret = check_protocols(options);
		if (ret == 0)
			ret = check_vlans(options);
	}
	cJSON_Delete(given);
	return ret;
}

static void
print_text(cJSON *json, const char *key, const char *text)
{
	if (text[0] != '\0')
		cJSON_AddStringToObject(json, key, text);
}

void
options_print(const struct options *options)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(json, "runtime_dir", options->runtime_dir);
	cJSON_AddStringToObject(json, "state_dir", options->state_dir);
	cJSON_AddStringToObject(json, "group", options->group);
	cJSON_AddStringToObject(json, "tun_device", options->tun_device);
	cJSON_AddStringToObject(json, "host_interface", options->host_interface);
	cJSON_AddStringToObject(json, "mirror", switches[options->mirror]);
	print_text(json, "mirror_protocols", options->mirror_protocols);
	print_text(json, "mirror_interfaces", options->mirror_interfaces);
	cJSON_AddNumberToObject(json, "mirror_audit", options->mirror_audit);
	cJSON_AddNumberToObject(json, "mirror_buffer", options->mirror_buffer);
	cJSON_AddStringToObject(json, "sriov_cni_dir", options->sriov_cni_dir);
	print_text(json, "vf_vlans", options->vf_vlans);
	print_text(json, "subnet_env", options->subnet_env);
	print_text(json, "etcd_endpoints", options->etcd_endpoints);
	print_text(json, "etcd_prefix", options->etcd_prefix);
	print_text(json, "etcd_cafile", options->etcd_cafile);
	print_text(json, "etcd_certfile", options->etcd_certfile);
	print_text(json, "etcd_keyfile", options->etcd_keyfile);
	cJSON_AddStringToObject(json, "log_level", levels[options->log_level]);
	text = cJSON_Print(json);
	puts(text != NULL ? text : "{}");
	cJSON_free(text);
	cJSON_Delete(json);
}
