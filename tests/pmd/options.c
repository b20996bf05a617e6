/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ethdev_driver.h>
#include <rte_kvargs.h>

#include "log.h"

static int
refuse(const char *key, const char *value)
{
	PMD_LOG(ERR, "argument %s=%s is not valid", key, value != NULL ? value : "");
	return -EINVAL;
}

static int
read_number(const char *key, const char *value, uint32_t max, uint32_t *number)
{
	unsigned long long n;
	char *end;

	if (value == NULL || !isdigit((unsigned char)value[0]))
		return refuse(key, value);
	n = strtoull(value, &end, 10);
	if (*end != '\0' || n > max)
		return refuse(key, value);
	*number = (uint32_t)n;
	return 0;
}

static int
read_text(const char *key, const char *value, char *text, size_t room)
{
	if (value == NULL || value[0] == '\0' || strlen(value) >= room)
		return refuse(key, value);
	snprintf(text, room, "%s", value);
	return 0;
}

static int
read_vf(const char *key, const char *value, struct options *options)
{
	uint32_t number = 0;

	if (read_number(key, key + 2, OPTIONS_MAX_VFS - 1, &number) < 0)
		return -EINVAL;
	return read_text(key, value, options->vf[number], sizeof(options->vf[number]));
}

static int
read_wrong(const char *key, const char *value, struct options *options)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} names[] = {{"ttl", WRONG_TTL}, {"port", WRONG_PORT}, {"mac", WRONG_MAC},
		{"vni", WRONG_VNI}, {"match", WRONG_MATCH}, {"checksum", WRONG_CHECKSUM}};

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		if (value != NULL && strcmp(value, names[i].name) == 0) {
			options->wrong |= names[i].bit;
			return 0;
		}
	}
	return refuse(key, value);
}

static int
read_one(const char *key, const char *value, void *arg)
{
	struct options *options = arg;
	uint32_t number = 0;
	int ret;

	if (strcmp(key, "representor") == 0)
		return 0; // read_representors()
	if (strcmp(key, "wire") == 0 || strcmp(key, "iface") == 0)
		return read_text(key, value, options->wire, sizeof(options->wire));
	if (strcmp(key, "kernel") == 0)
		return read_text(key, value, options->kernel, sizeof(options->kernel));
	if (strcmp(key, "vfs") == 0) {
		ret = read_number(key, value, OPTIONS_MAX_VFS, &number);
		options->n_vfs = (uint8_t)number;
		return ret;
	}
	if (strcmp(key, "async") == 0) {
		ret = read_number(key, value, 1, &number);
		options->async = number != 0;
		return ret;
	}
	if (strcmp(key, "table") == 0)
		return read_number(key, value, OPTIONS_NONE, &options->table);
	if (strcmp(key, "late") == 0)
		return read_number(key, value, OPTIONS_NONE, &options->late);
	if (strcmp(key, "wrong") == 0)
		return read_wrong(key, value, options);
	if (strcmp(key, "refuse") == 0) {
		if (options->n_refused == OPTIONS_MAX_REFUSED)
			return refuse(key, value);
		return read_text(key, value, options->refused[options->n_refused++],
			sizeof(options->refused[0]));
	}
	if (strncmp(key, "vf", 2) == 0)
		return read_vf(key, value, options);
	PMD_LOG(ERR, "unknown argument %s", key);
	return -EINVAL;
}

int
options_represent(const char *arguments, struct options *options)
{
	struct rte_eth_devargs devargs;

	if (rte_eth_devargs_parse(arguments, &devargs) < 0)
		return -EINVAL;
	if (devargs.type == RTE_ETH_REPRESENTOR_NONE)
		return 0;
	if (devargs.type != RTE_ETH_REPRESENTOR_VF) {
		PMD_LOG(ERR, "representors of VFs only");
		return -EINVAL;
	}
	for (unsigned int i = 0; i < devargs.nb_representor_ports; i++) {
		if (devargs.representor_ports[i] >= options->n_vfs) {
			PMD_LOG(ERR, "representor of vf%u, but vfs=%u",
				devargs.representor_ports[i], options->n_vfs);
			return -EINVAL;
		}
		options->represented[devargs.representor_ports[i]] = true;
	}
	return 0;
}

// All at first; a list leaves those that it names.
static int
read_representors(const char *arguments, bool all, struct options *options)
{
	bool *represented = options->represented;
	const int ret = options_represent(arguments, options);

	if (ret == 0 && all && memchr(represented, true, sizeof(options->represented)) == NULL)
		memset(represented, true, options->n_vfs);
	return ret;
}

int
options_read(const char *arguments, bool all, struct options *options)
{
	struct rte_kvargs *list;
	int ret;

	*options = (struct options){.n_vfs = 1, .table = OPTIONS_NONE, .late = OPTIONS_NONE};
	if (arguments == NULL)
		arguments = "";
	list = rte_kvargs_parse(arguments, NULL);
	if (list == NULL) {
		PMD_LOG(ERR, "arguments cannot be read: %s", arguments);
		return -EINVAL;
	}
	ret = rte_kvargs_process(list, NULL, read_one, options);
	rte_kvargs_free(list);
	for (unsigned int i = options->n_vfs; ret == 0 && i < OPTIONS_MAX_VFS; i++) {
		if (options->vf[i][0] != '\0') {
			PMD_LOG(ERR, "vf%u=%s, but vfs=%u", i, options->vf[i], options->n_vfs);
			ret = -EINVAL;
		}
	}
	return ret < 0 ? -EINVAL : read_representors(arguments, all, options);
}

bool
options_refuse(const struct options *options, const char *name)
{
	for (unsigned int i = 0; i < options->n_refused; i++)
		if (strcasecmp(options->refused[i], name) == 0)
			return true;
	return false;
}
