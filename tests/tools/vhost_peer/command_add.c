/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "text.h"
#include "vhost_user_proto.h"

// The index of a word in a list, or -1; 0 when it is not given.
static int
choice(const cJSON *arguments, const char *key, const char *const *words, int n)
{
	const char *word = string_of(arguments, key);

	for (int i = 0; word != NULL && i < n; i++) {
		if (strcmp(word, words[i]) == 0)
			return i;
	}
	return word == NULL ? 0 : -1;
}

static const char *
read_choices(const cJSON *arguments, struct port_options *o)
{
	static const char *const kicks[] = {"auto", "never", "always"};
	static const char *const modes[] = {"report", "count", "hold"};
	int kick = choice(arguments, "kick", kicks, 3), rx = choice(arguments, "rx", modes, 3);

	if (kick < 0 || rx < 0)
		return "kick is auto, never or always; rx is report, count or hold";
	o->kick = (enum port_kick)kick;
	o->rx = (enum port_rx_mode)rx;
	return NULL;
}

static const char *
read_options(const cJSON *a, struct port_options *o)
{
	*o = (struct port_options){
		.connects = number_of(a, "connects", 0) != 0,
		.resume = number_of(a, "resume", 0) != 0,
		.acknowledge = number_of(a, "acknowledge", 1) != 0,
		.pairs = (uint16_t)number_of(a, "pairs", 0),
		.enabled = (uint16_t)number_of(a, "enabled", 0),
		.size = (uint16_t)number_of(a, "size", 0),
		.rx_buffer = (uint32_t)number_of(a, "rx_buffer", 0),
		.tx_buffer = (uint32_t)number_of(a, "tx_buffer", 0),
		.rx_buffers = (uint16_t)number_of(a, "rx_buffers", 0),
		.tx_buffers = (uint16_t)number_of(a, "tx_buffers", 0),
		.rx_chain = (uint16_t)number_of(a, "rx_chain", 0),
		.rx_indirect = number_of(a, "rx_indirect", 0) != 0,
		.regions = (uint16_t)number_of(a, "regions", 0),
		.mtu = (uint16_t)number_of(a, "mtu", 0),
	};
	if (!features_from_json(cJSON_GetObjectItemCaseSensitive(a, "features"), &o->features))
		return "unknown feature";
	if (o->pairs > PORT_PAIRS_MAX || o->regions > VU_REGIONS_MAX
		|| o->rx_chain > RING_SEGMENTS_MAX)
		return "at most 32 queue pairs, 8 regions, 32 descriptors";
	return read_choices(a, o);
}

// Paths of several ports hold one %u.
static bool
write_path(char *path, size_t room, const char *pattern, unsigned number)
{
	const char *mark = strstr(pattern, "%u");
	int n = mark == NULL ? snprintf(path, room, "%s", pattern)
			     : snprintf(path, room, "%.*s%u%s", (int)(mark - pattern), pattern,
				     number, mark + 2);

	return n > 0 && (size_t)n < room;
}

const char *
command_add(const cJSON *arguments, cJSON *result)
{
	unsigned first = (unsigned)number_of(arguments, "port", 0);
	unsigned count = (unsigned)number_of(arguments, "count", 1);
	const char *pattern = string_of(arguments, "path");
	struct port_options options;
	const char *wrong = read_options(arguments, &options);

	if (wrong != NULL || pattern == NULL)
		return wrong != NULL ? wrong : "path is missing";
	for (unsigned number = first; number < first + count; number++) {
		struct port *port;
		int error;

		if (peer_find(number) != NULL)
			return "port exists";
		if (!write_path(options.path, sizeof(options.path), pattern, number))
			return "path is too long";
		port = port_open(number, &options, &error);
		if (port == NULL)
			return strerror(-error);
		error = peer_add(port);
		if (error != 0) {
			port_close(port);
			return strerror(-error);
		}
	}
	return NULL;
}
