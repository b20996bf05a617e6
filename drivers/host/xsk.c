/* SPDX-License-Identifier: Apache-2.0 */
#include "xsk.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#ifndef AF_XDP
#define AF_XDP 44
#endif

#define LICENSE "Apache-2.0"
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})

// return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);
static int
load_redirect(int map)
{
	const struct bpf_insn program[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
			offsetof(struct xdp_md, rx_queue_index), 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_DROP),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "causeway_xsk", LICENSE, program,
		sizeof(program) / sizeof(program[0]), NULL);
}

static int
attach(int ifindex, int program, bool *native)
{
	int ret = bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL);

	*native = ret == 0;
	if (ret == 0)
		return 0;
	return bpf_xdp_attach(ifindex, program, XDP_FLAGS_SKB_MODE, NULL);
}

int
xsk_socket(void)
{
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int
xsk_open(int ifindex, bool *native)
{
	const unsigned int queue = 0;
	int map, program = -1, fd = -1, ret;

	map = bpf_map_create(
		BPF_MAP_TYPE_XSKMAP, "causeway_xsk", sizeof(queue), sizeof(fd), 1, NULL);
	if (map < 0)
		return map;
	ret = program = load_redirect(map);
	if (ret < 0)
		goto out;
	ret = fd = xsk_socket();
	if (ret < 0)
		goto out;
	ret = bpf_map_update_elem(map, &queue, &fd, BPF_ANY);
	if (ret < 0)
		goto out;
	xsk_detach(ifindex);
	ret = attach(ifindex, program, native);
out:
	if (program >= 0)
		close(program);
	close(map);
	if (ret < 0 && fd >= 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

int
xsk_detach(int ifindex)
{
	int ret = bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, NULL);

	if (ret == 0)
		ret = bpf_xdp_detach(ifindex, XDP_FLAGS_SKB_MODE, NULL);
	return ret == -ENOENT ? 0 : ret;
}

int
stack_detach(int ifindex)
{
	const struct bpf_insn program[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, TC_ACT_SHOT),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE);
	int fd, ret;

	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "causeway_drop", LICENSE, program,
		sizeof(program) / sizeof(program[0]), NULL);
	if (fd < 0)
		return fd;
	ret = bpf_tc_hook_create(&hook);
	if (ret == 0 || ret == -EEXIST) {
		options.prog_fd = fd;
		ret = bpf_tc_attach(&hook, &options);
	}
	close(fd);
	return ret;
}
