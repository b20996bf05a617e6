/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port_fixture.h"

#define SENT 3000 // more than a queue holds
#define STRAYS 9 // what the kernel may say of its own accord, multicast reports

#define SUPER 40000

static int
bound_socket(int ifindex)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct port *
open_veth(struct port_fixture *f)
{
	int fd = bound_socket(make_veth("cwv0"));
	struct port_config config = make_config(f, CW_PORT_AF_PACKET, &fd, 1);

	return open_port(&config);
}

static void
close_veth(struct port_fixture *f, struct port *port)
{
	port_close(port);
	remove_link("cwv0");
	assert_no_leak(f);
}

static int
pod_udp_socket(struct port_fixture *f, int family, uint16_t *port)
{
	int fd;

	enter_netns(f->pod_netns);
	fd = udp_socket(family, port);
	enter_netns(f->host_netns);
	return fd;
}

static void
test_refused(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config;
	int fd;

	SKIP_UNLESS_ROOT(f);
	config = make_config(f, CW_PORT_AF_PACKET, NULL, 0);
	assert_refused(&config, -EINVAL);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	config = make_config(f, CW_PORT_AF_PACKET, &fd, 1);
	assert_refused(&config, -EINVAL);
	close(fd);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	assert_refused(&config, -EINVAL);
	close(fd);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	assert_refused(&config, -ENODEV); // not bound
	close(fd);
}

static void
test_udp_both_ways(void **state)
{
	struct port_fixture *f = *state;
	uint8_t bytes[2000];
	struct port *port;
	struct rte_mbuf *m;
	uint16_t udp_port;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_veth(f);
	fd = pod_udp_socket(f, AF_INET, &udp_port);
	udp_send(fd, 1472, 0);
	m = receive(port, 0, NULL);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 1514);
	assert_int_equal(m->nb_segs, 1);
	assert_checksum_completes(m);
	rte_pktmbuf_free(m);

	transmit(port, make_udp4(f, udp_port, 1000, false, 0));
	assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 1000);
	transmit(port, make_udp4(f, udp_port, 1400, true, 0));
	assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 1400);
	assert_int_equal(bytes[100], (uint8_t)(100 * 7));
	assert_null(receive(port, 0, NULL)); // our own frames do not come back
	close(fd);
	close_veth(f, port);
}

// Small frames take the ring, super-frames the socket's queue: order stays.
static void
test_order(void **state)
{
	struct port_fixture *f = *state;
	static const uint16_t sizes[] = {100, SUPER, 200, SUPER - 1, SUPER - 2, 300};
	uint8_t bytes[2000];
	struct port *port;
	struct rte_mbuf *m;
	uint16_t udp_port;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_veth(f);
	if ((port->capabilities & PORT_TX_USO) == 0) {
		close_veth(f, port);
		print_message("skipped: this kernel's packet sockets have no UDP super-frames\n");
		skip();
	}
	fd = pod_udp_socket(f, AF_INET, &udp_port);
	for (int round = 0; round < 10; round++) {
		for (size_t i = 0; i < RTE_DIM(sizes); i++)
			udp_send(fd, sizes[i], sizes[i] > 1400 ? 1400 : 0);
		for (size_t i = 0; i < RTE_DIM(sizes); i++) {
			m = receive(port, 0, NULL);
			assert_non_null(m);
			assert_int_equal(m->pkt_len, sizes[i] + 42);
			assert_checksum_completes(m);
			if (sizes[i] > 1400)
				assert_int_equal(m->tso_segsz, 1400);
			rte_pktmbuf_free(m);
		}
	}
	transmit(port, make_udp4(f, udp_port, 14000, true, 1400));
	for (int i = 0; i < 10; i++)
		assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 1400);
	close(fd);
	close_veth(f, port);
}

static void
test_tcp(void **state)
{
	struct port_fixture *f = *state;
	struct port *port;

	SKIP_UNLESS_ROOT(f);
	port = open_veth(f);
	tcp_super_frames(f, port, f->pod_netns);
	close_veth(f, port);
}

static void
test_vlan(void **state)
{
	struct port_fixture *f = *state;
	const uint8_t frame[64] = {2, 0, 0, 0, 9, 2, 2, 0, 0, 0, 9, 1, 0x81, 0, 0x20, 0x64, 8, 6};
	uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))], bytes[2000];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct tpacket_auxdata auxdata;
	struct port *port;
	struct rte_mbuf *m;
	int fd, one = 1;

	SKIP_UNLESS_ROOT(f);
	port = open_veth(f);
	enter_netns(f->pod_netns);
	run("sysctl -qw net.ipv6.conf.pod0.disable_ipv6=1");
	fd = bound_socket((int)if_nametoindex("pod0"));
	enter_netns(f->host_netns);
	assert_int_equal(send(fd, frame, sizeof(frame), 0), sizeof(frame));
	m = receive(port, 0, NULL);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, sizeof(frame));
	assert_memory_equal(flat(m), frame, sizeof(frame));
	rte_pktmbuf_free(m);

	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
		;
	transmit(port, make_frame(f, frame, sizeof(frame)));
	assert_int_equal(recvmsg(fd, &message, 0), sizeof(frame) - 4);
	memcpy(&auxdata, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(auxdata));
	assert_int_equal(auxdata.tp_vlan_tci, 0x2064);
	close(fd);
	close_veth(f, port);
}

static void
test_states(void **state)
{
	struct port_fixture *f = *state;
	char reason[128] = "";
	struct port *port;

	SKIP_UNLESS_ROOT(f);
	port = open_veth(f);
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_UP);
	enter_netns(f->pod_netns);
	run("ip link set pod0 down");
	enter_netns(f->host_netns);
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_DOWN);
	run("ip link set cwv0 down");
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_DOWN);
	assert_non_null(strstr(reason, "cwv0 is down"));
	assert_tx_stops(port, make_udp4(f, 9, 10, false, 0), PORT_TX_DOWN);
	remove_link("cwv0");
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_GONE);
	assert_tx_stops(port, make_udp4(f, 9, 10, false, 0), PORT_TX_DOWN);
	port_close(port);
	assert_no_leak(f);
}

// A frame longer than the MTU cannot be sent; the next one can.
static void
test_tx_refused(void **state)
{
	struct port_fixture *f = *state;
	struct rte_mbuf *burst[3];
	enum port_tx_stop stop;
	struct port *port;

	SKIP_UNLESS_ROOT(f);
	port = open_veth(f);
	burst[0] = make_udp4(f, 9, 100, false, 0);
	burst[1] = make_udp4(f, 9, 1900, false, 0);
	burst[2] = make_udp4(f, 9, 100, false, 0);
	assert_int_equal(port_tx(port, 0, burst, 3, &stop), 1);
	assert_int_equal(stop, PORT_TX_REFUSED);
	rte_pktmbuf_free(burst[1]);
	assert_int_equal(port_tx(port, 0, &burst[2], 1, &stop), 1);
	close_veth(f, port);
}

// The next data plane gets the control plane's duplicate of the socket.
static void
test_second_life(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config;
	struct port *port;
	struct rte_mbuf *m;
	uint16_t udp_port;
	int fd, again, udp;

	SKIP_UNLESS_ROOT(f);
	fd = bound_socket(make_veth("cwv0"));
	again = dup(fd);
	config = make_config(f, CW_PORT_AF_PACKET, &fd, 1);
	port = open_port(&config);
	udp = pod_udp_socket(f, AF_INET, &udp_port);
	udp_send(udp, 100, 0); // left unread
	port_close(port);
	config = make_config(f, CW_PORT_AF_PACKET, &again, 1);
	port = open_port(&config);
	udp_send(udp, 200, 0);
	m = receive(port, 0, NULL);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 242);
	rte_pktmbuf_free(m);
	close(udp);
	close_veth(f, port);
}

// More than the ring holds: what is lost is counted, what is not lost arrives.
static void
test_overflow(void **state)
{
	struct port_fixture *f = *state;
	struct port_device_stats stats;
	struct rte_mbuf *m;
	struct port *port;
	uint16_t udp_port;
	unsigned int received = 0;
	uint64_t dropped;
	int fd;

	SKIP_UNLESS_ROOT(f);
	port = open_veth(f);
	enter_netns(f->pod_netns);
	run("sysctl -qw net.ipv6.conf.pod0.disable_ipv6=1");
	enter_netns(f->host_netns);
	run("sysctl -qw net.ipv6.conf.cwv0.disable_ipv6=1");
	drain(port);
	port->driver->device_stats(port, &stats);
	assert_int_equal(stats.rx_dropped, 0);
	fd = pod_udp_socket(f, AF_INET, &udp_port);
	for (int i = 0; i < SENT; i++)
		udp_send(fd, 64, 0);
	while (port_rx(port, 0, &m, 1) == 1) {
		rte_pktmbuf_free(m);
		received++;
	}
	port->driver->device_stats(port, &stats);
	assert_true(stats.rx_dropped > 0);
	assert_in_range(received + stats.rx_dropped, SENT, SENT + STRAYS);
	dropped = stats.rx_dropped;
	udp_send(fd, 64, 0);
	m = receive(port, 0, NULL);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	port->driver->device_stats(port, &stats);
	assert_int_equal(stats.rx_dropped, dropped); // reading twice changes nothing
	close(fd);
	close_veth(f, port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_udp_both_ways),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_tx_refused),
		cmocka_unit_test(test_second_life),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
