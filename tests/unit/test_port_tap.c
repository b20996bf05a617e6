/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#include "port_fixture.h"

#define SENT 3000 // more than a queue holds
#define STRAYS 9 // what the kernel may say of its own accord, multicast reports

static struct port *
open_tap(struct port_fixture *f, uint16_t n_queues)
{
	int fds[CW_MAX_QUEUES];
	struct port_config config = make_config(f, CW_PORT_TAP, fds, n_queues);

	make_tap("cwt0", fds, n_queues);
	return open_port(&config);
}

static void
close_tap(struct port_fixture *f, struct port *port)
{
	port_close(port);
	remove_link("cwt0"); // it was persistent: closing left it
	assert_no_leak(f);
}

static void
test_refused(void **state)
{
	struct port_fixture *f = *state;
	struct ifreq request = {.ifr_name = "cwt1", .ifr_flags = IFF_TAP | IFF_NO_PI};
	int pipes[2], many[CW_MAX_QUEUES + 1] = {0}, fd;
	struct port_config config;

	SKIP_UNLESS_ROOT(f);
	config = make_config(f, CW_PORT_TAP, NULL, 0);
	assert_refused(&config, -EINVAL);
	assert_int_equal(pipe(pipes), 0);
	config = make_config(f, CW_PORT_TAP, pipes, 1);
	assert_refused(&config, -EINVAL);
	config = make_config(f, CW_PORT_TAP, many, CW_MAX_QUEUES + 1);
	assert_refused(&config, -EINVAL);
	config = make_config(f, CW_PORT_VIRTIO_USER, pipes, 1);
	assert_refused(&config, -EPROTONOSUPPORT);
	config = make_config(f, 200, pipes, 1);
	assert_refused(&config, -EPROTONOSUPPORT);

	fd = open("/dev/net/tun", O_RDWR);
	config = make_config(f, CW_PORT_HOST, &fd, 1);
	assert_refused(&config, -ENODEV); // not attached
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	assert_refused(&config, -EINVAL); // no vnet header
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_capabilities(void **state)
{
	struct port_fixture *f = *state;
	struct port *port;
	char names[128];
	int fds[4];

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 2);
	assert_int_equal(port->n_rx, 2);
	assert_int_equal(port->n_tx, 2);
	port_capability_names(port->capabilities, names, sizeof(names));
	assert_non_null(strstr(names, "checksum,tso4,tso6"));
	assert_non_null(strstr(names, "chains,edge,shared"));
	port_capability_names(port->capabilities, names, 12);
	assert_string_equal(names, "checksum,ts"); // cut, terminated
	assert_int_equal(port->driver->descriptors(port, fds, 4), 2);
	assert_int_equal(fds[1], port->driver->wake_fd(port, 1));
	close_tap(f, port);
}

static void
test_udp_both_ways(void **state)
{
	struct port_fixture *f = *state;
	struct port *port;
	struct rte_mbuf *m;
	uint8_t bytes[2000];
	uint16_t udp_port;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	fd = udp_socket(AF_INET, &udp_port);
	udp_send(fd, 1000, 0);
	m = receive(port, 0, NULL);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 1042);
	assert_int_equal(m->nb_segs, 1);
	assert_checksum_completes(m);
	rte_pktmbuf_free(m);

	transmit(port, make_udp4(f, udp_port, 1000, false, 0));
	assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 1000);
	transmit(port, make_udp4(f, udp_port, 1400, true, 0));
	assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 1400);
	assert_int_equal(bytes[100], (uint8_t)(100 * 7));
	close(fd);
	close_tap(f, port);
}

static bool
is_udp6(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	return frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == IPPROTO_UDP;
}

static void
test_udp_super_frames(void **state)
{
	struct port_fixture *f = *state;
	uint8_t bytes[2000];
	struct port *port;
	struct rte_mbuf *m;
	uint16_t udp_port;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	if ((port->capabilities & PORT_TX_USO) == 0) {
		close_tap(f, port);
		print_message("skipped: this kernel's tun has no UDP super-frames\n");
		skip();
	}
	fd = udp_socket(AF_INET, &udp_port);
	udp_send(fd, 50000, 1400);
	m = receive(port, 0, NULL);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 50042);
	assert_int_equal(m->nb_segs, 2);
	assert_true((m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0);
	assert_int_equal(m->tso_segsz, 1400);
	assert_checksum_completes(m);
	rte_pktmbuf_free(m);

	transmit(port, make_udp4(f, udp_port, 14000, true, 1400));
	for (int i = 0; i < 10; i++)
		assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 1400);
	close(fd);

	fd = udp_socket(AF_INET6, &udp_port);
	udp_send(fd, 50000, 1300);
	m = receive(port, 0, is_udp6);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 50062);
	assert_int_equal(m->tso_segsz, 1300);
	assert_checksum_completes(m);
	rte_pktmbuf_free(m);
	close(fd);
	close_tap(f, port);
}

// A burst ends early when its frames are long, and says that there is more.
static void
test_burst_bytes(void **state)
{
	struct port_fixture *f = *state;
	struct rte_mbuf *pkts[PORT_BURST];
	struct port *port;
	uint16_t udp_port, n, total = 0, bursts = 0;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	run("sysctl -qw net.ipv6.conf.cwt0.disable_ipv6=1");
	fd = udp_socket(AF_INET, &udp_port);
	drain(port);
	for (int i = 0; i < 12; i++)
		udp_send(fd, 50000, (port->capabilities & PORT_TX_USO) != 0 ? 1400 : 0);
	for (;; bursts++) {
		n = port_rx(port, 0, pkts, PORT_BURST);
		rte_pktmbuf_free_bulk(pkts, n);
		total = (uint16_t)(total + n);
		if (n == 0)
			break;
		assert_true(port->driver->rx_arm(port, 0) || total >= 12);
	}
	assert_false(port->driver->rx_arm(port, 0));
	assert_true(total >= 12);
	assert_true(bursts >= 4);
	close(fd);
	close_tap(f, port);
}

static void
test_tcp(void **state)
{
	struct port_fixture *f = *state;
	struct port *port;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	tcp_super_frames(f, port, -1);
	close_tap(f, port);
}

static bool
is_icmp_echo(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	return frame[12] == 8 && frame[13] == 0 && frame[23] == IPPROTO_ICMP
	       && frame[34] == RTE_IP_ICMP_ECHO_REPLY;
}

// The kernel answers a ping that we send.
static void
test_ping(void **state)
{
	struct port_fixture *f = *state;
	uint8_t *frame;
	struct rte_icmp_hdr *icmp;
	struct rte_ipv4_hdr *ip;
	struct port *port;
	struct rte_mbuf *m;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	m = make_udp4(f, 1, 56, false, 0);
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	ip = (void *)(frame + 14);
	icmp = (void *)(frame + 34);
	ip->next_proto_id = IPPROTO_ICMP;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memset(icmp, 0, sizeof(*icmp));
	icmp->icmp_type = RTE_IP_ICMP_ECHO_REQUEST;
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, 64);
	transmit(port, m);
	m = receive(port, 0, is_icmp_echo);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	close_tap(f, port);
}

static void
test_vlan(void **state)
{
	struct port_fixture *f = *state;
	const uint8_t frame[64] = {2, 0, 0, 0, 9, 2, 2, 0, 0, 0, 9, 1, 0x81, 0, 0x20, 0x64, 8, 6};
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_halen = 6};
	struct port *port;
	struct rte_mbuf *m;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	address.sll_ifindex = (int)if_nametoindex("cwt0");
	assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (void *)&address, sizeof(address)),
		sizeof(frame));
	m = receive(port, 0, NULL);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, sizeof(frame));
	assert_memory_equal(flat(m), frame, sizeof(frame));
	rte_pktmbuf_free(m);
	close(fd);
	close_tap(f, port);
}

static void
test_states(void **state)
{
	struct port_fixture *f = *state;
	char reason[128] = "";
	struct port *port;
	struct rte_mbuf *m;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_UP);
	run("ip link set cwt0 down");
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_DOWN);
	assert_non_null(strstr(reason, "cwt0"));
	assert_tx_stops(port, make_udp4(f, 9, 10, false, 0), PORT_TX_DOWN);
	remove_link("cwt0");
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_GONE);
	assert_tx_stops(port, make_udp4(f, 9, 10, false, 0), PORT_TX_DOWN);
	assert_int_equal(port_rx(port, 0, &m, 1), 0);
	port_close(port);
	assert_no_leak(f);
}

// The device says no to one frame and takes the next.
static void
test_tx_refused(void **state)
{
	struct port_fixture *f = *state;
	struct rte_mbuf *m, *part;
	struct port *port;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	m = make_udp4(f, 9, 100, true, 0);
	m->l2_len = 127; // checksum field beyond the frame
	m->l3_len = 500;
	assert_tx_stops(port, m, PORT_TX_REFUSED);

	m = make_udp4(f, 9, 100, false, 0);
	for (int i = 0; i < 80; i++) {
		part = rte_pktmbuf_alloc(f->mbufs);
		rte_pktmbuf_append(part, 1);
		assert_int_equal(rte_pktmbuf_chain(m, part), 0);
	}
	assert_tx_stops(port, m, PORT_TX_REFUSED);
	transmit(port, make_udp4(f, 9, 100, false, 0));
	close_tap(f, port);
}

static unsigned int
take_all(struct rte_mempool *pool, struct rte_mbuf **taken, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && (taken[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	return n;
}

// Without mbufs nothing is lost and the queue does not pass for empty; without jumbos only what
// needs one is lost, and counted.
static void
test_starvation(void **state)
{
	struct port_fixture *f = *state;
	static struct rte_mbuf *taken[4096];
	struct port_device_stats stats;
	struct port *port;
	struct rte_mbuf *m;
	uint16_t udp_port;
	unsigned int n;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	fd = udp_socket(AF_INET, &udp_port);
	drain(port);
	udp_send(fd, 100, 0);
	n = take_all(f->mbufs, taken, RTE_DIM(taken));
	assert_int_equal(port_rx(port, 0, &m, 1), 0);
	assert_true(port->driver->rx_arm(port, 0));
	rte_pktmbuf_free_bulk(taken, n);
	m = receive(port, 0, NULL);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	drain(port);
	assert_false(port->driver->rx_arm(port, 0));

	n = take_all(f->jumbos, taken, RTE_DIM(taken));
	udp_send(fd, 50000, 1400);
	udp_send(fd, 100, 0);
	m = receive(port, 0, NULL);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 142);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free_bulk(taken, n);
	port->driver->device_stats(port, &stats);
	assert_int_equal(stats.rx_dropped, (port->capabilities & PORT_TX_USO) != 0 ? 1 : 0);
	close(fd);
	close_tap(f, port);
}

// What the kernel's queue lost is reported, also when the device is in another network namespace.
static void
test_overflow(void **state)
{
	struct port_fixture *f = *state;
	struct port_device_stats stats;
	struct rte_mbuf *m;
	unsigned int received = 0;
	struct port *port;
	uint16_t udp_port;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	run("ip link set cwt0 netns /proc/%d/fd/%d name eth7", (int)getpid(), f->pod_netns);
	enter_netns(f->pod_netns);
	set_up_interface("eth7");
	run("sysctl -qw net.ipv6.conf.eth7.disable_ipv6=1");
	fd = udp_socket(AF_INET, &udp_port);
	enter_netns(f->host_netns);
	drain(port);
	for (int i = 0; i < SENT; i++)
		udp_try_send(fd, 64);
	while (port_rx(port, 0, &m, 1) == 1) {
		rte_pktmbuf_free(m);
		received++;
	}
	port->driver->device_stats(port, &stats);
	assert_true(stats.rx_dropped > 0);
	assert_in_range(received + stats.rx_dropped, SENT, SENT + STRAYS);
	assert_int_equal(if_nametoindex("eth7"), 0); // back at home
	close(fd);
	port_close(port);
	enter_netns(f->pod_netns);
	remove_link("eth7");
	enter_netns(f->host_netns);
	assert_no_leak(f);
}

static void
test_edge_wake(void **state)
{
	struct port_fixture *f = *state;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	struct port *port;
	uint16_t udp_port;
	int fd, epoll;

	SKIP_UNLESS_ROOT(f);
	port = open_tap(f, 1);
	run("sysctl -qw net.ipv6.conf.cwt0.disable_ipv6=1"); // nothing comes but what we send
	fd = udp_socket(AF_INET, &udp_port);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(
		epoll_ctl(epoll, EPOLL_CTL_ADD, port->driver->wake_fd(port, 0), &event), 0);
	for (int i = 0; i < 3; i++) {
		udp_send(fd, 100, 0);
		assert_int_equal(epoll_wait(epoll, &event, 1, 2000), 1);
		drain(port);
		while (epoll_wait(epoll, &event, 1, 0) > 0)
			drain(port);
	}
	close(epoll);
	close(fd);
	close_tap(f, port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_udp_both_ways),
		cmocka_unit_test(test_udp_super_frames),
		cmocka_unit_test(test_burst_bytes),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_tx_refused),
		cmocka_unit_test(test_starvation),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_edge_wake),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
