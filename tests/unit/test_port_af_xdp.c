/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "port_fixture.h"

#define SENT 3000 // more than a queue holds
#define STRAYS 9 // what the kernel may say of its own accord, multicast reports

#ifndef AF_XDP
#define AF_XDP 44
#endif

struct device {
	struct port *port;
	int map, program, ifindex;
};

static struct bpf_insn
instruction(uint8_t code, uint8_t dst, uint8_t src, int16_t offset, int32_t value)
{
	return (struct bpf_insn){code, dst & 15u, src & 15u, offset, value};
}

// return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS);
static int
load_program(int map)
{
	const struct bpf_insn program[] = {
		instruction(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_1,
			offsetof(struct xdp_md, rx_queue_index), 0),
		instruction(BPF_LD | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map), // BPF_IMM is 0
		instruction(0, 0, 0, 0, 0),
		instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS),
		instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
		instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "redirect", "GPL", program,
		sizeof(program) / sizeof(program[0]), NULL);
}

static bool
open_device(struct port_fixture *f, struct device *device, uint32_t xdp_flags)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct port_config config;
	char args[64];
	uint32_t key = 0;
	int fd;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	device->ifindex = make_veth("cwx0");
	// What the control plane does: no metadata survives XDP, so the pod finishes its frames.
	enter_netns(f->pod_netns);
	run("ethtool -K pod0 tx off tso off gso off >/dev/null");
	enter_netns(f->host_netns);
	device->map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "sockets", 4, 4, 1, NULL);
	assert_true(device->map >= 0);
	device->program = load_program(device->map);
	assert_true(device->program >= 0);
	if (bpf_xdp_attach(device->ifindex, device->program, xdp_flags, NULL) < 0)
		return false;
	fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	config = make_config(f, CW_PORT_AF_XDP, &fd, 1);
	snprintf(args, sizeof(args), "ifindex=%d,queue=0", device->ifindex);
	config.args = args;
	device->port = open_port(&config);
	assert_int_equal(bpf_map_update_elem(device->map, &key, &fd, BPF_ANY), 0);
	return true;
}

static void
close_device(struct port_fixture *f, struct device *device)
{
	port_close(device->port);
	close(device->program);
	close(device->map);
	remove_link("cwx0");
	assert_no_leak(f);
}

static void
test_refused(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config;
	int fd;

	SKIP_UNLESS_ROOT(f);
	config = make_config(f, CW_PORT_AF_XDP, NULL, 0);
	config.args = "ifindex=1";
	assert_refused(&config, -EINVAL);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	config = make_config(f, CW_PORT_AF_XDP, &fd, 1);
	config.args = "ifindex=1";
	assert_refused(&config, -EINVAL);
	close(fd);
	fd = socket(AF_XDP, SOCK_RAW, 0);
	config.args = "queue=0";
	assert_refused(&config, -EINVAL);
	config.args = "ifindex=1,queue=many";
	assert_refused(&config, -EINVAL);
	config.args = "ifindex=1";
	config.mtu = 9000;
	assert_refused(&config, -EINVAL);
	config.mtu = 1500;
	config.args = "ifindex=99999";
	assert_refused(&config, -ENODEV);
	close(fd);
}

static void
exchange(struct port_fixture *f, uint32_t xdp_flags)
{
	struct device device;
	uint8_t bytes[2000];
	struct rte_mbuf *m;
	uint16_t udp_port;
	int fd;

	if (!open_device(f, &device, xdp_flags))
		fail_msg("XDP program cannot be attached");
	enter_netns(f->pod_netns);
	fd = udp_socket(AF_INET, &udp_port);
	enter_netns(f->host_netns);
	for (int i = 0; i < 3000; i++) { // rings go round
		udp_send(fd, (uint16_t)(100 + i % 1300), 0);
		m = receive(device.port, 0, NULL);
		assert_non_null(m);
		assert_int_equal(m->pkt_len, 142 + i % 1300);
		assert_int_equal(m->ol_flags, 0);
		rte_pktmbuf_free(m);
		transmit(device.port, make_udp4(f, udp_port, (uint16_t)(i % 1400), false, 0));
		assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), i % 1400);
	}
	close(fd);
	close_device(f, &device);
}

static void
test_exchange_generic(void **state)
{
	SKIP_UNLESS_ROOT((struct port_fixture *)*state);
	exchange(*state, XDP_FLAGS_SKB_MODE);
}

static void
test_exchange_native(void **state)
{
	SKIP_UNLESS_ROOT((struct port_fixture *)*state);
	exchange(*state, XDP_FLAGS_DRV_MODE);
}

static void
test_states(void **state)
{
	struct port_fixture *f = *state;
	char reason[128] = "";
	struct device device;
	struct port *port;

	SKIP_UNLESS_ROOT(f);
	assert_true(open_device(f, &device, XDP_FLAGS_SKB_MODE));
	port = device.port;
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_UP);
	assert_tx_stops(port, make_udp4(f, 9, 3000, false, 0), PORT_TX_REFUSED);
	run("ip link set cwx0 down");
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_DOWN);
	transmit(port, make_udp4(f, 9, 10, false, 0)); // tells the driver
	assert_tx_stops(port, make_udp4(f, 9, 10, false, 0), PORT_TX_DOWN);
	run("ip link set cwx0 up");
	transmit(port, make_udp4(f, 9, 10, false, 0));
	remove_link("cwx0");
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_GONE);
	port_close(port);
	close(device.program);
	close(device.map);
	assert_no_leak(f);
}

static void
test_overflow(void **state)
{
	struct port_fixture *f = *state;
	struct port_device_stats stats;
	unsigned int received = 0;
	struct device device;
	struct rte_mbuf *m;
	uint16_t udp_port;
	int fd;

	SKIP_UNLESS_ROOT(f);
	assert_true(open_device(f, &device, XDP_FLAGS_SKB_MODE));
	enter_netns(f->pod_netns);
	run("sysctl -qw net.ipv6.conf.pod0.disable_ipv6=1");
	fd = udp_socket(AF_INET, &udp_port);
	enter_netns(f->host_netns);
	drain(device.port);
	for (int i = 0; i < SENT; i++)
		udp_send(fd, 64, 0);
	while (port_rx(device.port, 0, &m, 1) == 1) {
		rte_pktmbuf_free(m);
		received++;
	}
	device.port->driver->device_stats(device.port, &stats);
	assert_true(stats.rx_dropped > 0);
	assert_in_range(received + stats.rx_dropped, SENT, SENT + STRAYS);
	close(fd);
	close_device(f, &device);
}

// A socket that has served cannot serve again.
static void
test_second_life(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config;
	struct device device;
	char args[64];
	int fd, again;

	SKIP_UNLESS_ROOT(f);
	assert_true(open_device(f, &device, XDP_FLAGS_SKB_MODE));
	assert_int_equal(device.port->driver->descriptors(device.port, &fd, 1), 1);
	again = dup(fd);
	config = make_config(f, CW_PORT_AF_XDP, &again, 1);
	snprintf(args, sizeof(args), "ifindex=%d", device.ifindex);
	config.args = args;
	assert_refused(&config, -EBUSY);
	close(again);
	close_device(f, &device);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_exchange_generic),
		cmocka_unit_test(test_exchange_native),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_second_life),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
