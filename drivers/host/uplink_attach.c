/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink_attach.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define XDP_NAME "uplink_xdp"
#define DROP_NAME "uplink_drop"
#define MAPS_MAX 16
// Our place at clsact's ingress: beside programs of others, before what comes with less urgency.
#define TC_HANDLE 0xca
#define TC_PRIORITY 1

// A descriptor of the program with this identifier if its name is ours, else -EBUSY.
static int
open_named(uint32_t id, const char *name)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id), ret;

	if (fd < 0)
		return fd;
	ret = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (ret == 0 && strncmp(info.name, name, BPF_OBJ_NAME_LEN) == 0)
		return fd;
	close(fd);
	return ret < 0 ? ret : -EBUSY;
}

int
uplink_program_map(int program, const char *name)
{
	uint32_t ids[MAPS_MAX], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = MAPS_MAX};
	int ret = bpf_obj_get_info_by_fd(program, &info, &len);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = {0};
		uint32_t map_len = sizeof(map);
		const int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			return fd;
		if (bpf_obj_get_info_by_fd(fd, &map, &map_len) == 0
			&& strncmp(map.name, name, BPF_OBJ_NAME_LEN) == 0)
			return fd;
		close(fd);
	}
	return -ENOENT;
}

// --- XDP

// flags: those of the mode that a program runs in, or both when there is none.
static int
find_xdp(int ifindex, uint32_t *flags)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int ret = bpf_xdp_query(ifindex, 0, &query);

	*flags = 0;
	if (ret < 0)
		return ret;
	if (query.drv_prog_id != 0) {
		*flags = XDP_FLAGS_DRV_MODE;
		return open_named(query.drv_prog_id, XDP_NAME);
	}
	if (query.skb_prog_id != 0) {
		*flags = XDP_FLAGS_SKB_MODE;
		return open_named(query.skb_prog_id, XDP_NAME);
	}
	return query.hw_prog_id != 0 ? -EBUSY : -ENOENT;
}

int
uplink_xdp_find(int ifindex)
{
	uint32_t flags;

	return find_xdp(ifindex, &flags);
}

int
uplink_xdp_attach(int ifindex, int program, bool *native)
{
	uint32_t flags;
	int former = find_xdp(ifindex, &flags), ret;

	if (former < 0 && former != -ENOENT)
		return former;
	if (former >= 0) {
		close(former);
		*native = flags == XDP_FLAGS_DRV_MODE;
		return bpf_xdp_attach(ifindex, program, flags, NULL);
	}
	ret = bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL);
	*native = ret == 0;
	return ret == 0 ? 0 : bpf_xdp_attach(ifindex, program, XDP_FLAGS_SKB_MODE, NULL);
}

int
uplink_xdp_detach(int ifindex)
{
	uint32_t flags;
	int former = find_xdp(ifindex, &flags);

	if (former == -ENOENT || former == -EBUSY)
		return 0;
	if (former < 0)
		return former;
	close(former);
	return bpf_xdp_detach(ifindex, flags, NULL);
}

// --- traffic control

int
uplink_drop_find(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	// Without clsact the kernel says EINVAL, without our filter ENOENT; libbpf would print it.
	const libbpf_print_fn_t print = libbpf_set_print(NULL);
	const int ret = bpf_tc_query(&hook, &options);

	libbpf_set_print(print);
	if (ret < 0 || options.prog_id == 0)
		return -ENOENT;
	return open_named(options.prog_id, DROP_NAME);
}

int
uplink_drop_attach(int ifindex, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		.flags = BPF_TC_F_REPLACE, .prog_fd = program);
	const libbpf_print_fn_t print = libbpf_set_print(NULL); // there may be one already
	const int ret = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	return ret == 0 || ret == -EEXIST ? bpf_tc_attach(&hook, &options) : ret;
}

// clsact itself stays: others may use it by now.
int
uplink_drop_detach(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	const int former = uplink_drop_find(ifindex);

	if (former == -ENOENT || former == -EBUSY)
		return 0;
	if (former < 0)
		return former;
	close(former);
	return bpf_tc_detach(&hook, &options);
}
