/* SPDX-License-Identifier: Apache-2.0 */
#include "object.h"

#include <string.h>

#include "object_tables.h"

static const struct param stats_params[] = {
	{"port", PARAM_STRING, "get", "only this port", "@port"},
	{"interval", PARAM_NUMBER, "watch", "seconds between two looks (1)", NULL},
	{"count", PARAM_NUMBER, "watch", "looks, then end (for ever)", NULL},
	{0},
};

static const struct param trace_params[] = {
	{"count", PARAM_NUMBER, NULL, "packets, then end (10)", NULL},
	{"port", PARAM_STRING, NULL, "only what comes in by this port", "@port"},
	{"network", PARAM_STRING, NULL, "only this network", "@network"},
	{"src", PARAM_STRING, NULL, "only from this address or prefix", NULL},
	{"dst", PARAM_STRING, NULL, "only to this address or prefix", NULL},
	{"ether_type", PARAM_NUMBER, NULL, "only this EtherType, e.g. 2054 for ARP", NULL},
	{"ip_proto", PARAM_NUMBER, NULL, "only this protocol: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6",
		NULL},
	{"l4_src", PARAM_NUMBER, NULL, "only from this TCP or UDP port", NULL},
	{"l4_dst", PARAM_NUMBER, NULL, "only to this TCP or UDP port", NULL},
	{0},
};

static const struct param no_params[] = {{0}};

static const struct object node = {
	.name = "node",
	.help = "versions, workers, ports and memory of the data plane",
	.verbs = "get",
	.params = no_params,
};

static const struct object health = {
	.name = "health",
	.help = "whether all parts work",
	.verbs = "get watch",
	.params = no_params,
};

static const struct object mirror = {
	.name = "mirror",
	.help = "what is followed of the kernel's routes, neighbours and tunnels",
	.verbs = "get",
	.params = no_params,
};

static const struct object stats = {
	.name = "stats",
	.help = "counters and rates of ports and workers, drops by name",
	.verbs = "get watch",
	.keys = "port",
	.params = stats_params,
	.example = "stats watch interval=2",
};

static const struct object trace = {
	.name = "trace",
	.help = "the stages that chosen packets take",
	.verbs = "watch",
	.params = trace_params,
	.example = "trace count=5 ip_proto=1\n"
		   "trace port=cwhost dst=10.1.0.0/16",
};

const struct object *const objects[] = {&network_object, &port_object, &endpoint_object, &vf_object,
	&flow_object, &vtep_object, &route_object, &nexthop_object, &neighbor_object, &fdb_object,
	&node, &health, &mirror, &stats, &trace, NULL};

const struct object *
object_find(const char *name)
{
	for (const struct object *const *object = objects; *object != NULL; object++)
		if (strcmp((*object)->name, name) == 0)
			return *object;
	return NULL;
}

bool
has_word(const char *list, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = list; at != NULL && *at != '\0'; at += strspn(at, " ")) {
		if (strcspn(at, " ") == length && strncmp(at, word, length) == 0)
			return true;
		at += strcspn(at, " ");
	}
	return false;
}

const struct param *
object_param(const struct object *object, const char *verb, const char *name)
{
	for (const struct param *param = object->params; param->name != NULL; param++)
		if (strcmp(param->name, name) == 0
			&& (param->verbs == NULL || has_word(param->verbs, verb)))
			return param;
	return NULL;
}

const char *
object_default_verb(const struct object *object)
{
	if (has_word(object->verbs, "list"))
		return "list";
	return has_word(object->verbs, "get") ? "get" : "watch";
}
