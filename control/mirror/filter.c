/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/filter.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t protocol;
} names[] = {
	{"redirect", RTPROT_REDIRECT},
	{"kernel", RTPROT_KERNEL},
	{"boot", RTPROT_BOOT},
	{"static", RTPROT_STATIC},
	{"ra", RTPROT_RA},
	{"zebra", RTPROT_ZEBRA},
	{"bird", RTPROT_BIRD},
	{"dhcp", RTPROT_DHCP},
	{"bgp", RTPROT_BGP},
	{"isis", RTPROT_ISIS},
	{"ospf", RTPROT_OSPF},
	{"rip", RTPROT_RIP},
	{"eigrp", RTPROT_EIGRP},
};

static bool
parse_one(const char *text, bool protocols[PLAN_PROTOCOLS])
{
	const bool wanted = text[0] != '!';
	char *end = NULL;
	unsigned long number;

	if (!wanted)
		text++;
	if (strcmp(text, "all") == 0) {
		memset(protocols, wanted, PLAN_PROTOCOLS);
		return true;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i].name) == 0) {
			protocols[names[i].protocol] = wanted;
			return true;
		}
	number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number >= PLAN_PROTOCOLS)
		return false;
	protocols[number] = wanted;
	return true;
}

bool
filter_parse_protocols(const char *text, bool protocols[PLAN_PROTOCOLS])
{
	char list[OPTIONS_LIST_LEN], *rest = NULL;

	if (snprintf(list, sizeof(list), "%s", text) >= (int)sizeof(list))
		return false;
	for (const char *one = strtok_r(list, ",", &rest); one != NULL;
		one = strtok_r(NULL, ",", &rest))
		if (!parse_one(one, protocols))
			return false;
	return true;
}

struct plan_filter
filter_of_options(const struct options *options)
{
	struct plan_filter filter = plan_default_filter();

	if (options->mirror_protocols[0] != '\0') {
		memset(filter.protocols, false, sizeof(filter.protocols));
		filter_parse_protocols(options->mirror_protocols, filter.protocols);
	}
	if (options->mirror_interfaces[0] != '\0')
		snprintf(filter.interfaces, sizeof(filter.interfaces), "%s",
			options->mirror_interfaces);
	return filter;
}
