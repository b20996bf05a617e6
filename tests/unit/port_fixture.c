/* SPDX-License-Identifier: Apache-2.0 */
#include "port_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "buffer.h"

#define MBUFS 2047
#define JUMBOS 31
#define WAIT_MS 2000
#define HEADERS (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr))

static struct port_fixture fixture;

static void
start_eal(void)
{
	// EAL keeps and reorders these.
	static char options[][32] = {"port-test", "--no-huge", "-m", "256", "--no-pci",
		"--no-telemetry", "--log-level=error", "-l", "0", "--file-prefix", ""};
	static char *args[RTE_DIM(options)];

	for (size_t i = 0; i < RTE_DIM(options); i++)
		args[i] = options[i];
	snprintf(options[RTE_DIM(options) - 1], sizeof(options[0]), "cw-port-%d", (int)getpid());
	if (rte_eal_init((int)RTE_DIM(args), args) < 0) {
		fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
		abort();
	}
}

static int
new_netns(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	run("ip link set lo up");
	return fd;
}

int
port_fixture_setup(void **state)
{
	fixture.root = geteuid() == 0;
	if (fixture.root) {
		fixture.pod_netns = new_netns();
		fixture.host_netns = new_netns();
	}
	start_eal();
	fixture.mbufs = rte_pktmbuf_pool_create(
		"mbufs", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	fixture.jumbos = rte_pktmbuf_pool_create("jumbos", JUMBOS, 0, 0, UINT16_MAX, SOCKET_ID_ANY);
	assert_non_null(fixture.mbufs);
	assert_non_null(fixture.jumbos);
	*state = &fixture;
	return 0;
}

int
port_fixture_teardown(void **state)
{
	struct port_fixture *f = *state;

	rte_mempool_free(f->mbufs);
	rte_mempool_free(f->jumbos);
	return rte_eal_cleanup();
}

void
run(const char *format, ...)
{
	char command[512];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	if (status != 0)
		fail_msg("command failed: %s", command);
}

void
enter_netns(int fd)
{
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
}

void
set_up_interface(const char *name)
{
	run("ip link set %s address " NEAR_MAC " up && ip addr add 10.9.0.1/24 dev %s && "
	    "ip addr add fd09::1/64 dev %s nodad && "
	    "ip neigh replace 10.9.0.2 lladdr " FAR_MAC " dev %s && "
	    "ip neigh replace fd09::2 lladdr " FAR_MAC " dev %s && "
	    "ip route change 10.9.0.0/24 dev %s initcwnd 100",
		name, name, name, name, name, name);
}

void
make_tap(const char *name, int *fds, uint16_t n)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	for (uint16_t i = 0; i < n; i++) {
		fds[i] = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
		assert_true(fds[i] >= 0);
		assert_int_equal(ioctl(fds[i], TUNSETIFF, &request), 0);
	}
	assert_int_equal(ioctl(fds[0], TUNSETPERSIST, 1), 0);
	set_up_interface(name);
}

int
make_veth(const char *name)
{
	int ifindex;

	run("ip link add %s type veth peer name pod0", name);
	run("ip link set pod0 netns /proc/%d/fd/%d", (int)getpid(), fixture.pod_netns);
	run("ip link set %s up", name);
	enter_netns(fixture.pod_netns);
	set_up_interface("pod0");
	enter_netns(fixture.host_netns);
	ifindex = (int)if_nametoindex(name);
	assert_true(ifindex > 0);
	return ifindex;
}

void
remove_link(const char *name)
{
	run("ip link del %s", name);
}

struct port_config
make_config(const struct port_fixture *f, uint8_t kind, const int *fds, uint16_t n_fds)
{
	return (struct port_config){
		.id = 1,
		.kind = kind,
		.name = "test",
		.ifname = "test",
		.args = "",
		.mtu = 1500,
		.n_queues = n_fds,
		.fds = fds,
		.n_fds = n_fds,
		.socket_id = SOCKET_ID_ANY,
		.mbufs = f->mbufs,
		.jumbos = f->jumbos,
	};
}

struct port *
open_port(const struct port_config *config)
{
	char reason[128];
	int error;
	struct port *port = port_open(config, &error, reason, sizeof(reason));

	if (port == NULL)
		fail_msg("port does not open: %s (%d)", reason, error);
	return port;
}

void
assert_refused(const struct port_config *config, int expected)
{
	char reason[128] = "";
	int error = 0;

	assert_null(port_open(config, &error, reason, sizeof(reason)));
	assert_int_equal(error, expected);
	assert_true(strlen(reason) > 0);
	for (uint16_t i = 0; i < config->n_fds && i < CW_MAX_QUEUES; i++)
		assert_true(fcntl(config->fds[i], F_GETFD) >= 0);
}

static bool
ipv4_or_tagged(const struct rte_mbuf *m)
{
	rte_be16_t type = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->ether_type;

	return type == RTE_BE16(RTE_ETHER_TYPE_IPV4) || type == RTE_BE16(RTE_ETHER_TYPE_VLAN);
}

struct rte_mbuf *
receive(struct port *port, uint16_t queue, bool (*match)(const struct rte_mbuf *))
{
	struct pollfd poll_fd = {.fd = port->driver->wake_fd(port, queue), .events = POLLIN};
	uint64_t deadline = rte_get_timer_cycles() + rte_get_timer_hz() * WAIT_MS / 1000;
	struct rte_mbuf *m;

	if (match == NULL)
		match = ipv4_or_tagged;
	while (rte_get_timer_cycles() < deadline) {
		while (port_rx(port, queue, &m, 1) == 1) {
			if (match(m))
				return m;
			rte_pktmbuf_free(m);
		}
		poll(&poll_fd, 1, 100);
	}
	return NULL;
}

void
drain(struct port *port)
{
	struct rte_mbuf *m;

	for (uint16_t q = 0; q < port->n_rx; q++)
		while (port_rx(port, q, &m, 1) == 1)
			rte_pktmbuf_free(m);
}

void
transmit(struct port *port, struct rte_mbuf *m)
{
	enum port_tx_stop stop = PORT_TX_DOWN;

	if (port_tx(port, 0, &m, 1, &stop) != 1)
		fail_msg("frame not taken: stop=%d errno=%d", stop, errno);
}

void
assert_tx_stops(struct port *port, struct rte_mbuf *m, enum port_tx_stop expected)
{
	enum port_tx_stop stop = PORT_TX_FULL;

	assert_int_equal(port_tx(port, 0, &m, 1, &stop), 0);
	assert_int_equal(stop, expected);
	rte_pktmbuf_free(m);
}

struct rte_mbuf *
make_frame(const struct port_fixture *f, const void *bytes, uint32_t len)
{
	struct buffer_pools pools = {f->mbufs, f->jumbos};
	struct rte_mbuf *m = NULL;

	assert_int_equal(buffer_copy_in(&pools, bytes, len, &m), BUFFER_OK);
	return m;
}

const uint8_t *
flat(const struct rte_mbuf *m)
{
	static uint8_t bytes[FRAME_MAX];

	assert_true(m->pkt_len <= sizeof(bytes));
	buffer_copy_out(m, bytes);
	return bytes;
}

void
assert_no_leak(const struct port_fixture *f)
{
	assert_int_equal(rte_mempool_in_use_count(f->mbufs), 0);
	assert_int_equal(rte_mempool_in_use_count(f->jumbos), 0);
}

// Ethernet and IPv4 headers from the neighbour to the kernel's interface.
static void
fill_headers(uint8_t *frame, uint8_t protocol, uint16_t l4_len)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)(void *)frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)(ether + 1);

	rte_ether_unformat_addr(NEAR_MAC, &ether->dst_addr);
	rte_ether_unformat_addr(FAR_MAC, &ether->src_addr);
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + l4_len)),
		.time_to_live = 64,
		.next_proto_id = protocol,
		.src_addr = inet_addr("10.9.0.2"),
		.dst_addr = inet_addr("10.9.0.1"),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void
set_metadata(struct rte_mbuf *m, uint64_t flags, uint8_t l4_len, uint16_t segment)
{
	m->ol_flags |= flags | RTE_MBUF_F_TX_IPV4;
	m->l2_len = RTE_ETHER_HDR_LEN;
	m->l3_len = sizeof(struct rte_ipv4_hdr);
	m->l4_len = l4_len;
	m->tso_segsz = segment;
}

struct rte_mbuf *
make_udp4(const struct port_fixture *f, uint16_t dst_port, uint16_t payload_len, bool unfinished,
	uint16_t segment)
{
	static uint8_t frame[FRAME_MAX];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)(frame + RTE_ETHER_HDR_LEN);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(void *)(frame + HEADERS);
	uint16_t l4_len = (uint16_t)(sizeof(*udp) + payload_len);
	struct rte_mbuf *m;

	fill_headers(frame, IPPROTO_UDP, l4_len);
	udp->src_port = RTE_BE16(7);
	udp->dst_port = rte_cpu_to_be_16(dst_port);
	udp->dgram_len = rte_cpu_to_be_16(l4_len);
	for (uint16_t i = 0; i < payload_len; i++)
		frame[HEADERS + sizeof(*udp) + i] = (uint8_t)(i * 7);
	udp->dgram_cksum = 0;
	udp->dgram_cksum = unfinished ? rte_ipv4_phdr_cksum(ip, 0) : rte_ipv4_udptcp_cksum(ip, udp);
	m = make_frame(f, frame, (uint32_t)HEADERS + l4_len);
	if (unfinished)
		set_metadata(m, RTE_MBUF_F_TX_UDP_CKSUM | (segment > 0 ? RTE_MBUF_F_TX_UDP_SEG : 0),
			sizeof(*udp), segment);
	return m;
}

static void
set_timeouts(int fd)
{
	struct timeval timeout = {.tv_sec = WAIT_MS / 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

int
udp_socket(int family, uint16_t *port)
{
	struct sockaddr_in far4 = {AF_INET, htons(7), {inet_addr("10.9.0.2")}};
	struct sockaddr_in6 far6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct sockaddr_storage near;
	socklen_t len = sizeof(near);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	inet_pton(AF_INET6, "fd09::2", &far6.sin6_addr);
	if (family == AF_INET)
		assert_int_equal(connect(fd, (struct sockaddr *)&far4, sizeof(far4)), 0);
	else
		assert_int_equal(connect(fd, (struct sockaddr *)&far6, sizeof(far6)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&near, &len), 0);
	*port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&near)->sin_port
					: ((struct sockaddr_in6 *)&near)->sin6_port);
	set_timeouts(fd);
	return fd;
}

void
udp_send(int fd, uint16_t len, uint16_t segment)
{
	static uint8_t payload[65000];
	int size = segment;

	for (uint16_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 3);
	assert_int_equal(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	assert_int_equal(send(fd, payload, len, 0), len);
}

void
udp_try_send(int fd, uint16_t len)
{
	static const uint8_t payload[2000];
	int size = 0;

	setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
	assert_true(send(fd, payload, len, MSG_DONTWAIT) == len || errno == ENOBUFS);
}

void
assert_checksum_completes(const struct rte_mbuf *m)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)flat(m);
	uint32_t start = m->l2_len + m->l3_len;
	uint64_t kind = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	uint8_t *field = bytes + start + (kind == RTE_MBUF_F_TX_UDP_CKSUM ? 6 : 16);
	uint16_t sum = (uint16_t)~rte_raw_cksum(bytes + start, m->pkt_len - start);

	assert_true(kind == RTE_MBUF_F_TX_UDP_CKSUM || kind == RTE_MBUF_F_TX_TCP_CKSUM);
	memset(field, 0, sizeof(sum));
	if ((m->ol_flags & RTE_MBUF_F_TX_IPV4) != 0)
		assert_int_equal(
			sum, rte_ipv4_udptcp_cksum((void *)(bytes + m->l2_len), bytes + start));
	else
		assert_int_equal(
			sum, rte_ipv6_udptcp_cksum((void *)(bytes + m->l2_len), bytes + start));
}

// ------------------------------------------------------------------------------------- TCP

#define TCP_BYTES 40000
#define TCP_SEGMENT 1460

struct tcp_server {
	const struct port_fixture *f;
	struct port *port;
	uint16_t client_port;
	uint32_t seq, ack; // ours, host order
};

static bool
is_tcp(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	return m->data_len >= HEADERS + sizeof(struct rte_tcp_hdr) && frame[12] == 8
	       && frame[13] == 0 && frame[23] == IPPROTO_TCP;
}

static void
server_send(struct tcp_server *server, uint8_t flags, uint16_t payload_len)
{
	static uint8_t frame[FRAME_MAX];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)(frame + RTE_ETHER_HDR_LEN);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(void *)(frame + HEADERS);
	uint16_t l4_len = (uint16_t)(sizeof(*tcp) + payload_len);
	struct rte_mbuf *m;

	fill_headers(frame, IPPROTO_TCP, l4_len);
	*tcp = (struct rte_tcp_hdr){
		.src_port = RTE_BE16(80),
		.dst_port = rte_cpu_to_be_16(server->client_port),
		.sent_seq = rte_cpu_to_be_32(server->seq),
		.recv_ack = rte_cpu_to_be_32(server->ack),
		.data_off = 5 << 4,
		.tcp_flags = flags,
		.rx_win = RTE_BE16(65535),
	};
	for (uint16_t i = 0; i < payload_len; i++)
		frame[HEADERS + sizeof(*tcp) + i] = (uint8_t)(i * 5);
	tcp->cksum = rte_ipv4_phdr_cksum(ip, 0);
	m = make_frame(server->f, frame, (uint32_t)HEADERS + l4_len);
	set_metadata(m,
		RTE_MBUF_F_TX_TCP_CKSUM | (payload_len > TCP_SEGMENT ? RTE_MBUF_F_TX_TCP_SEG : 0),
		sizeof(*tcp), payload_len > TCP_SEGMENT ? TCP_SEGMENT : 0);
	transmit(server->port, m);
	server->seq += payload_len + ((flags & RTE_TCP_SYN_FLAG) != 0);
}

static int
handshake(struct tcp_server *server, int netns)
{
	struct sockaddr_in far = {AF_INET, htons(80), {inet_addr("10.9.0.2")}};
	const struct rte_tcp_hdr *tcp;
	struct rte_mbuf *m;
	int fd;

	if (netns >= 0)
		enter_netns(netns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (netns >= 0)
		enter_netns(server->f->host_netns);
	assert_int_equal(connect(fd, (struct sockaddr *)&far, sizeof(far)), -1);
	assert_int_equal(errno, EINPROGRESS);
	m = receive(server->port, 0, is_tcp);
	assert_non_null(m);
	assert_checksum_completes(m);
	tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, HEADERS);
	assert_int_equal(tcp->tcp_flags & RTE_TCP_SYN_FLAG, RTE_TCP_SYN_FLAG);
	server->client_port = rte_be_to_cpu_16(tcp->src_port);
	server->ack = rte_be_to_cpu_32(tcp->sent_seq) + 1;
	rte_pktmbuf_free(m);
	server_send(server, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 0);
	fcntl(fd, F_SETFL, 0);
	set_timeouts(fd);
	return fd;
}

// Takes what the kernel sent until all bytes are here; returns the longest frame.
static uint32_t
server_receive(struct tcp_server *server, const uint8_t *expected)
{
	uint32_t got = 0, longest = 0, header, payload;

	while (got < TCP_BYTES) {
		struct rte_mbuf *m = receive(server->port, 0, is_tcp);
		const uint8_t *bytes;

		assert_non_null(m);
		assert_checksum_completes(m);
		bytes = flat(m);
		header = (uint32_t)HEADERS + (bytes[HEADERS + 12] >> 4) * 4u;
		payload = m->pkt_len - header;
		assert_memory_equal(bytes + header, expected + got, payload);
		if (payload > 536) {
			assert_true((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
			assert_int_equal(m->tso_segsz, 536); // no MSS option in our answer
			assert_int_equal(m->l4_len, header - HEADERS);
		}
		got += payload;
		longest = RTE_MAX(longest, m->pkt_len);
		rte_pktmbuf_free(m);
		server->ack += payload;
		server_send(server, RTE_TCP_ACK_FLAG, 0);
	}
	return longest;
}

void
tcp_super_frames(const struct port_fixture *f, struct port *port, int netns)
{
	struct tcp_server server = {.f = f, .port = port, .seq = 1000};
	struct linger reset = {.l_onoff = 1}; // no FIN that is sent again in a later test
	static uint8_t bytes[TCP_BYTES];
	int fd = handshake(&server, netns);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 11);
	assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_true(server_receive(&server, bytes) > 2 * RTE_MBUF_DEFAULT_DATAROOM);

	server_send(&server, RTE_TCP_ACK_FLAG, TCP_BYTES);
	assert_int_equal(recv(fd, bytes, sizeof(bytes), MSG_WAITALL), sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], (uint8_t)(i * 5));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	drain(port);
}
