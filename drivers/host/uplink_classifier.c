/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink_classifier.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/uplink_bytes.h"
#include "bpf/uplink_maps.h"
#include "uplink_attach.h"
#include "uplink_map.h"

struct uplink_classifier {
	enum uplink_hook hook;
	int ifindex;
	struct bpf_object *object;
};

static int
map_fd(const struct uplink_classifier *classifier, const char *name)
{
	return bpf_object__find_map_fd_by_name(classifier->object, name);
}

static int
program_fd(const struct uplink_classifier *classifier, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(classifier->object, name));
}

// --- loading

// The map by which the programs in place and those to come agree stays the same, so that one may
// follow the other without a frame that both or neither take. Another size is a new map.
static int
adopt(struct uplink_classifier *classifier, const char *name, int program)
{
	struct bpf_map *map = bpf_object__find_map_by_name(classifier->object, name);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int fd, ret = 0;

	if (program < 0)
		return program == -ENOENT ? 0 : program;
	fd = uplink_program_map(program, name);
	close(program);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == bpf_map__type(map)
		&& info.key_size == bpf_map__key_size(map)
		&& info.value_size == bpf_map__value_size(map)
		&& info.max_entries == bpf_map__max_entries(map))
		ret = bpf_map__reuse_fd(map, fd);
	close(fd);
	return ret;
}

static void
choose(struct uplink_classifier *classifier, const char *program, bool wanted)
{
	bpf_program__set_autoload(
		bpf_object__find_program_by_name(classifier->object, program), wanted);
}

static int
prepare(struct uplink_classifier *classifier, unsigned int n_queues)
{
	const bool xdp = classifier->hook == UPLINK_XDP;
	struct bpf_object *object = classifier->object;
	int ret;

	choose(classifier, "uplink_xdp", xdp);
	choose(classifier, "uplink_filter", !xdp);
	choose(classifier, "uplink_drop", !xdp);
	bpf_map__set_autocreate(
		bpf_object__find_map_by_name(object, xdp ? "cw_verdict" : "cw_sockets"), false);
	if (!xdp)
		return adopt(classifier, "cw_verdict", uplink_drop_find(classifier->ifindex));
	ret = bpf_map__set_max_entries(
		bpf_object__find_map_by_name(object, "cw_sockets"), n_queues);
	return ret < 0 ? ret
		       : adopt(classifier, "cw_sockets", uplink_xdp_find(classifier->ifindex));
}

int
uplink_classifier_open(enum uplink_hook hook, int ifindex, unsigned int n_queues,
	struct uplink_classifier **classifier)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "causeway_uplink");
	struct uplink_classifier *new = calloc(1, sizeof(*new));
	int ret;

	if (new == NULL)
		return -ENOMEM;
	*new = (struct uplink_classifier){.hook = hook, .ifindex = ifindex};
	new->object = bpf_object__open_mem(uplink_bytes, uplink_bytes_len, &options);
	ret = new->object == NULL ? -errno : prepare(new, n_queues);
	if (ret == 0)
		ret = bpf_object__load(new->object);
	if (ret < 0) {
		uplink_classifier_close(new);
		return ret;
	}
	*classifier = new;
	return 0;
}

void
uplink_classifier_close(struct uplink_classifier *classifier)
{
	if (classifier == NULL)
		return;
	bpf_object__close(classifier->object);
	free(classifier);
}

// --- rules

static int
add_tunnel(struct uplink_map *map, const struct uplink_tunnel_rule *rule)
{
	struct uplink_tunnel_key key = {
		.port = rule->kind == CW_TUNNEL_IPIP ? 0 : htons(rule->udp_port),
		.vlan = htons(rule->vlan),
		.protocol = rule->kind == CW_TUNNEL_IPIP ? IPPROTO_IPIP : IPPROTO_UDP,
		.family = rule->address.family,
	};
	const struct uplink_tunnel value = {.vtep = rule->vtep, .kind = rule->kind};

	memcpy(key.address, rule->address.addr, sizeof(key.address));
	return uplink_map_add(map, &key, &value);
}

static int
set_tunnels(struct uplink_classifier *classifier, const struct uplink_rules *rules)
{
	struct uplink_map map;
	int ret = 0;

	uplink_map_init(&map, sizeof(struct uplink_tunnel_key), sizeof(struct uplink_tunnel),
		UPLINK_TUNNELS_MAX);
	for (unsigned int i = 0; i < rules->n_tunnels && ret == 0; i++)
		ret = add_tunnel(&map, &rules->tunnels[i]);
	if (ret == 0)
		ret = uplink_map_write(&map, map_fd(classifier, "cw_tunnels"));
	uplink_map_free(&map);
	return ret;
}

static int
set_own(struct uplink_classifier *classifier, const struct uplink_rules *rules)
{
	const uint32_t value = 1;
	struct uplink_map map;
	int ret = 0;

	uplink_map_init(&map, sizeof(struct uplink_own_key), sizeof(value), UPLINK_OWN_MAX);
	for (unsigned int i = 0; i < rules->n_own && ret == 0; i++) {
		struct uplink_own_key key = {
			.vtep = rules->own[i].vtep, .family = rules->own[i].address.family};

		memcpy(key.address, rules->own[i].address.addr, sizeof(key.address));
		ret = uplink_map_add(&map, &key, &value);
	}
	if (ret == 0)
		ret = uplink_map_write(&map, map_fd(classifier, "cw_own"));
	uplink_map_free(&map);
	return ret;
}

// Keys of the trie are compared whole here, so that bits behind the prefix must be zero.
static void
mask(uint8_t address[16], unsigned int bits)
{
	for (unsigned int i = 0; i < 16; i++) {
		const unsigned int left = bits > i * 8 ? bits - i * 8 : 0;

		if (left < 8)
			address[i] &= (uint8_t)(0xff00u >> left);
	}
}

static int
set_prefixes(struct uplink_classifier *classifier, const struct uplink_rules *rules)
{
	struct uplink_map map;
	int ret = 0;

	uplink_map_init(
		&map, sizeof(struct uplink_prefix_key), sizeof(uint32_t), UPLINK_PREFIXES_MAX);
	for (unsigned int i = 0; i < rules->n_prefixes && ret == 0; i++) {
		const struct uplink_prefix_rule *rule = &rules->prefixes[i];
		const uint32_t verdict = rule->take ? UPLINK_TAKE : UPLINK_PASS;
		struct uplink_prefix_key key = {
			.bits = UPLINK_PREFIX_BITS + rule->prefix.prefix,
			.vlan = htons(rule->vlan),
			.family = rule->prefix.family,
		};

		memcpy(key.address, rule->prefix.addr, sizeof(key.address));
		mask(key.address, rule->prefix.prefix);
		ret = uplink_map_add(&map, &key, &verdict);
	}
	if (ret == 0)
		ret = uplink_map_write(&map, map_fd(classifier, "cw_prefixes"));
	uplink_map_free(&map);
	return ret;
}

int
uplink_classifier_set(struct uplink_classifier *classifier, const struct uplink_rules *rules)
{
	struct uplink_settings settings = {0};
	const uint32_t zero = 0;
	int ret;

	memcpy(settings.mac, rules->mac, sizeof(settings.mac));
	ret = bpf_map_update_elem(map_fd(classifier, "cw_settings"), &zero, &settings, BPF_ANY);
	if (ret == 0)
		ret = set_own(classifier, rules);
	if (ret == 0)
		ret = set_tunnels(classifier, rules);
	if (ret == 0)
		ret = set_prefixes(classifier, rules);
	return ret;
}

// --- sockets and device

int
uplink_classifier_add(struct uplink_classifier *classifier, unsigned int queue, int fd)
{
	int filter;

	if (classifier->hook == UPLINK_XDP)
		return bpf_map_update_elem(map_fd(classifier, "cw_sockets"), &queue, &fd, BPF_ANY);
	filter = program_fd(classifier, "uplink_filter");
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)) < 0 ? -errno : 0;
}

int
uplink_classifier_attach(struct uplink_classifier *classifier, bool *native)
{
	*native = false;
	if (classifier->hook == UPLINK_XDP)
		return uplink_xdp_attach(
			classifier->ifindex, program_fd(classifier, "uplink_xdp"), native);
	return uplink_drop_attach(classifier->ifindex, program_fd(classifier, "uplink_drop"));
}

int
uplink_classifier_detach(int ifindex)
{
	const int xdp = uplink_xdp_detach(ifindex), drop = uplink_drop_detach(ifindex);

	return xdp < 0 ? xdp : drop;
}
