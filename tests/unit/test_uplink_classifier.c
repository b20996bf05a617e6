/* SPDX-License-Identifier: Apache-2.0 */

// Which frames of an uplink are the switch's, told by the programs themselves: XDP by the kernel's
// test run, AF_PACKET over a veth. In namespaces of the test's own. Needs root.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "address.h"
#include "link.h"
#include "netns.h"
#include "packet_socket.h"
#include "sysctl.h"
#include "uplink_attach.h"
#include "uplink_classifier.h"
#include "veth.h"

#define WAIT_MS 10000
#define VXLAN_PORT 8472
#define FLANNEL_PORT 8285
#define OTHER_PORT 5000

static const uint8_t device_mac[6] = {2, 0, 0, 0, 0, 1}, other_mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t group_mac[6] = {1, 0, 0x5e, 1, 1, 1};

// --- frames

struct frame {
	uint8_t bytes[256];
	size_t len;
};

static void
put(struct frame *frame, const void *bytes, size_t len)
{
	assert_true(frame->len + len <= sizeof(frame->bytes));
	memcpy(frame->bytes + frame->len, bytes, len);
	frame->len += len;
}

static void
put_ether(struct frame *frame, const uint8_t to[6], uint16_t vlan, uint16_t type)
{
	const uint16_t tag[2] = {htons(ETHERTYPE_VLAN), htons(vlan)}, last = htons(type);

	put(frame, to, 6);
	put(frame, other_mac, 6);
	if (vlan != 0)
		put(frame, tag, sizeof(tag));
	put(frame, &last, sizeof(last));
}

static uint16_t
checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

// len: of what follows the header.
static void
put_ipv4(struct frame *frame, const char *to, uint8_t protocol, uint16_t fragment, uint16_t len)
{
	uint8_t ip[20] = {0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol};
	const uint16_t total = htons((uint16_t)(sizeof(ip) + len)), offset = htons(fragment);
	uint16_t sum;

	memcpy(ip + 2, &total, 2);
	memcpy(ip + 6, &offset, 2);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.9", ip + 12), 1);
	assert_int_equal(inet_pton(AF_INET, to, ip + 16), 1);
	sum = checksum(ip, sizeof(ip));
	memcpy(ip + 10, &sum, 2);
	put(frame, ip, sizeof(ip));
}

static void
put_ipv6(struct frame *frame, const char *to, uint8_t protocol, uint16_t len)
{
	uint8_t ip[40] = {0x60, 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len, protocol, 64};

	assert_int_equal(inet_pton(AF_INET6, "2001:db8::9", ip + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, to, ip + 24), 1);
	put(frame, ip, sizeof(ip));
}

static void
put_udp(struct frame *frame, uint16_t port, uint16_t len)
{
	const uint16_t udp[4] = {htons(50000), htons(port), htons((uint16_t)(8 + len)), 0};

	put(frame, udp, sizeof(udp));
}

// What a vector is made of; inner: destination behind the tunnel.
struct vector {
	const char *what;
	const uint8_t *mac;
	uint16_t vlan;
	const char *outer;
	uint8_t protocol;
	uint16_t port;
	uint16_t fragment;
	uint16_t vni_vlan; // a tag of the inner frame
	const char *inner;
	bool taken;
};

static void
put_inner(struct frame *inner, const struct vector *vector)
{
	const bool v6 = strchr(vector->inner, ':') != NULL;
	static const uint8_t vxlan[8] = {8};

	if (vector->port == VXLAN_PORT) {
		put(inner, vxlan, sizeof(vxlan));
		put_ether(inner, other_mac, vector->vni_vlan, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	}
	if (v6)
		put_ipv6(inner, vector->inner, IPPROTO_UDP, 8);
	else
		put_ipv4(inner, vector->inner, IPPROTO_UDP, 0, 8);
	put_udp(inner, 7, 0);
}

static struct frame
frame_of(const struct vector *vector)
{
	const bool v6 = strchr(vector->outer, ':') != NULL;
	struct frame frame = {0}, inner = {0};
	uint16_t len;

	if (vector->inner != NULL)
		put_inner(&inner, vector);
	len = (uint16_t)(inner.len + (vector->protocol == IPPROTO_UDP ? 8 : 0));
	put_ether(&frame, vector->mac, vector->vlan, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	if (v6)
		put_ipv6(&frame, vector->outer, vector->protocol, len);
	else
		put_ipv4(&frame, vector->outer, vector->protocol, vector->fragment, len);
	if (vector->protocol == IPPROTO_UDP)
		put_udp(&frame, vector->port, (uint16_t)inner.len);
	put(&frame, inner.bytes, inner.len);
	return frame;
}

// --- a device

struct device {
	int netns;
	struct nl_sock *sock;
	int ifindex, far_ifindex;
	int sender; // packet socket on the far end
};

static void *
make_namespace(void *arg)
{
	int *fd = arg;

	if (unshare(CLONE_NEWNET) == 0)
		*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return NULL;
}

static struct cw_ip
ip(const char *text, uint8_t prefix)
{
	struct cw_ip ip = {.family = strchr(text, ':') != NULL ? 6 : 4, .prefix = prefix};

	assert_int_equal(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.addr), 1);
	return ip;
}

static int
set_up_link(struct nl_sock *sock, const char *name, const uint8_t *mac)
{
	const struct link_settings up = {.mac = mac, .set_flags = IFF_UP};
	struct link_info info;

	assert_int_equal(link_find(sock, name, &info), 0);
	assert_int_equal(link_change(sock, info.ifindex, &up), 0);
	return info.ifindex;
}

// The test runs inside the namespace until tear_down().
static struct netns_guard guard;

static int
set_up(void **state)
{
	static struct device device;
	const struct cw_ip address = ip("192.0.2.1", 24);
	const int one = 1;
	pthread_t thread;

	device = (struct device){.netns = -1};
	assert_int_equal(pthread_create(&thread, NULL, make_namespace, &device.netns), 0);
	pthread_join(thread, NULL);
	assert_true(device.netns >= 0);
	assert_int_equal(netns_enter(&guard, device.netns), 0);
	assert_int_equal(netlink_open(&device.sock), 0);
	sysctl_interface("ipv4", "all", "rp_filter", "0");
	sysctl_interface("ipv4", "default", "rp_filter", "0");
	assert_int_equal(veth_create(device.sock, "near", device.netns, "far", other_mac, 1500), 0);
	device.far_ifindex = set_up_link(device.sock, "far", NULL);
	device.ifindex = set_up_link(device.sock, "near", device_mac);
	assert_int_equal(address_add(device.sock, device.ifindex, &address), 0);
	device.sender = packet_socket_open(device.far_ifindex);
	assert_true(device.sender >= 0);
	// The queueing discipline drops everything until the kernel's link watch has come round.
	assert_int_equal(
		setsockopt(device.sender, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)), 0);
	*state = &device;
	return 0;
}

static int
tear_down(void **state)
{
	struct device *device = *state;

	close(device->sender);
	netlink_close(device->sock);
	netns_leave(&guard);
	close(device->netns);
	return 0;
}

static struct uplink_classifier *
new_classifier(const struct device *device, enum uplink_hook hook)
{
	struct uplink_classifier *classifier;

	assert_int_equal(uplink_classifier_open(hook, device->ifindex, 1, &classifier), 0);
	return classifier;
}

static void
set_rules(struct uplink_classifier *classifier)
{
	const struct uplink_tunnel_rule tunnels[] = {
		{ip("192.0.2.1", 32), 1, CW_TUNNEL_VXLAN, VXLAN_PORT, 0},
		{ip("192.0.2.1", 32), 1, CW_TUNNEL_VXLAN, VXLAN_PORT, 7},
		{ip("239.1.1.1", 32), 1, CW_TUNNEL_VXLAN, VXLAN_PORT, 0},
		{ip("2001:db8::1", 128), 2, CW_TUNNEL_VXLAN, VXLAN_PORT, 0},
		{ip("192.0.2.1", 32), 3, CW_TUNNEL_UDP, FLANNEL_PORT, 0},
		{ip("192.0.2.1", 32), 4, CW_TUNNEL_IPIP, 0, 0},
	};
	const struct uplink_own_rule own[] = {
		{ip("10.1.0.0", 32), 1},
		{ip("fd00:1::", 128), 2},
		{ip("10.3.0.0", 32), 3},
		{ip("10.4.0.0", 32), 4},
	};
	const struct uplink_prefix_rule prefixes[] = {
		{ip("10.1.0.0", 16), 0, true},
		{ip("10.1.0.1", 32), 0, false},
		{ip("10.7.0.99", 16), 7, true}, // bits behind the prefix
		{ip("fd00:1::", 64), 0, true},
	};
	struct uplink_rules rules = {.n_tunnels = 6,
		.n_own = 4,
		.n_prefixes = 4,
		.tunnels = tunnels,
		.own = own,
		.prefixes = prefixes};

	memcpy(rules.mac, device_mac, sizeof(rules.mac));
	assert_int_equal(uplink_classifier_set(classifier, &rules), 0);
}

#define TO_US .mac = device_mac
#define VXLAN .protocol = IPPROTO_UDP, .port = VXLAN_PORT

static const struct vector vectors[] = {
	{"vxlan", TO_US, .outer = "192.0.2.1", VXLAN, .inner = "10.1.0.5", .taken = true},
	{"vxlan over IPv6", TO_US, .outer = "2001:db8::1", VXLAN, .inner = "10.1.0.5",
		.taken = true},
	{"vxlan to a group", .mac = group_mac, .outer = "239.1.1.1", VXLAN, .inner = "10.1.0.5",
		.taken = true},
	{"vxlan on a VLAN", TO_US, .vlan = 7, .outer = "192.0.2.1", VXLAN, .inner = "10.1.0.5",
		.taken = true},
	{"vxlan on another VLAN", TO_US, .vlan = 8, .outer = "192.0.2.1", VXLAN,
		.inner = "10.1.0.5"},
	{"vxlan to the node's inner address", TO_US, .outer = "192.0.2.1", VXLAN,
		.inner = "10.1.0.0"},
	{"vxlan to the node's inner IPv6 address", TO_US, .outer = "2001:db8::1", VXLAN,
		.inner = "fd00:1::"},
	{"vxlan to another vtep's inner address", TO_US, .outer = "192.0.2.1", VXLAN,
		.inner = "10.3.0.0", .taken = true},
	{"vxlan to the node's inner address behind a tag", TO_US, .outer = "192.0.2.1", VXLAN,
		.vni_vlan = 3, .inner = "10.1.0.0", .taken = true},
	{"vxlan without a frame", TO_US, .outer = "192.0.2.1", VXLAN, .taken = true},
	{"vxlan to another MAC", .mac = other_mac, .outer = "192.0.2.1", VXLAN,
		.inner = "10.1.0.5"},
	{"vxlan to another address", TO_US, .outer = "192.0.2.2", VXLAN, .inner = "10.1.0.5"},
	{"vxlan to another port", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_UDP,
		.port = 4789, .inner = "10.1.0.5"},
	{"vxlan, first fragment", TO_US, .outer = "192.0.2.1", VXLAN, .fragment = 0x2000,
		.inner = "10.1.0.5"},
	{"vxlan, later fragment", TO_US, .outer = "192.0.2.1", VXLAN, .fragment = 0x0010,
		.inner = "10.1.0.5"},
	{"flannel udp", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_UDP, .port = FLANNEL_PORT,
		.inner = "10.3.0.5", .taken = true},
	{"flannel udp to the node", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_UDP,
		.port = FLANNEL_PORT, .inner = "10.3.0.0"},
	{"ipip", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_IPIP, .inner = "10.4.0.5",
		.taken = true},
	{"ipip to the node", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_IPIP,
		.inner = "10.4.0.0"},
	{"to a pod", TO_US, .outer = "10.1.2.3", .protocol = IPPROTO_TCP, .taken = true},
	{"fragment to a pod", TO_US, .outer = "10.1.2.3", .protocol = IPPROTO_TCP,
		.fragment = 0x0010, .taken = true},
	{"to a pod, IPv6", TO_US, .outer = "fd00:1::5", .protocol = IPPROTO_TCP, .taken = true},
	{"to a pod on a VLAN", TO_US, .vlan = 7, .outer = "10.7.1.1", .protocol = IPPROTO_TCP,
		.taken = true},
	{"to a VLAN's pod without the tag", TO_US, .outer = "10.7.1.1", .protocol = IPPROTO_TCP},
	{"to the host's address among pods", TO_US, .outer = "10.1.0.1", .protocol = IPPROTO_TCP},
	{"to a pod by another MAC", .mac = other_mac, .outer = "10.1.2.3", .protocol = IPPROTO_TCP},
	{"to a pod by a group MAC", .mac = group_mac, .outer = "10.1.2.3", .protocol = IPPROTO_TCP},
	{"to the node", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_TCP},
	{"to the node, UDP", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_UDP,
		.port = OTHER_PORT},
};

// --- XDP

static int
run_xdp(const struct device *device, const void *bytes, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = bytes, .data_size_in = (uint32_t)len,
		.repeat = 1);
	const int program = uplink_xdp_find(device->ifindex);

	assert_true(program >= 0);
	assert_int_equal(bpf_prog_test_run_opts(program, &run), 0);
	close(program);
	return (int)run.retval;
}

static void
xdp_takes_what_is_ours(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *classifier = new_classifier(device, UPLINK_XDP);
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool native;

	assert_true(fd >= 0);
	set_rules(classifier);
	assert_int_equal(uplink_classifier_add(classifier, 0, fd), 0);
	assert_int_equal(uplink_classifier_attach(classifier, &native), 0);
	uplink_classifier_close(classifier);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct frame frame = frame_of(&vectors[i]);
		const int verdict = run_xdp(device, frame.bytes, frame.len);

		if (verdict != (vectors[i].taken ? XDP_REDIRECT : XDP_PASS))
			fail_msg("%s: verdict %d", vectors[i].what, verdict);
	}
	close(fd);
	assert_int_equal(uplink_classifier_detach(device->ifindex), 0);
	assert_int_equal(uplink_xdp_find(device->ifindex), -ENOENT);
}

// However short a frame is, it is judged without harm, and never taken before its addresses.
static void
xdp_passes_truncated(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *classifier = new_classifier(device, UPLINK_XDP);
	const struct frame frame = frame_of(&vectors[0]);
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	const size_t headers = 14 + 20 + 8;
	bool native;

	set_rules(classifier);
	assert_int_equal(uplink_classifier_add(classifier, 0, fd), 0);
	assert_int_equal(uplink_classifier_attach(classifier, &native), 0);
	for (size_t len = 14; len < frame.len; len++)
		assert_int_equal(
			run_xdp(device, frame.bytes, len), len < headers ? XDP_PASS : XDP_REDIRECT);
	close(fd);
	uplink_classifier_close(classifier);
}

static void
xdp_passes_without_a_socket(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *classifier = new_classifier(device, UPLINK_XDP);
	const struct frame frame = frame_of(&vectors[0]);
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool native;

	set_rules(classifier);
	assert_int_equal(uplink_classifier_attach(classifier, &native), 0);
	assert_int_equal(run_xdp(device, frame.bytes, frame.len), XDP_PASS);
	assert_int_equal(uplink_classifier_add(classifier, 0, fd), 0);
	assert_int_equal(run_xdp(device, frame.bytes, frame.len), XDP_REDIRECT);
	close(fd);
	assert_int_equal(run_xdp(device, frame.bytes, frame.len), XDP_PASS);
	uplink_classifier_close(classifier);
}

// A successor finds the socket where it was, and rules of its own.
static void
xdp_successor_takes_over(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *first = new_classifier(device, UPLINK_XDP), *second;
	const struct frame vxlan = frame_of(&vectors[0]);
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool native;

	set_rules(first);
	assert_int_equal(uplink_classifier_add(first, 0, fd), 0);
	assert_int_equal(uplink_classifier_attach(first, &native), 0);
	uplink_classifier_close(first);
	second = new_classifier(device, UPLINK_XDP);
	assert_int_equal(run_xdp(device, vxlan.bytes, vxlan.len), XDP_REDIRECT);
	assert_int_equal(uplink_classifier_attach(second, &native), 0);
	assert_int_equal(run_xdp(device, vxlan.bytes, vxlan.len), XDP_PASS);
	set_rules(second);
	assert_int_equal(run_xdp(device, vxlan.bytes, vxlan.len), XDP_REDIRECT);
	close(fd);
	uplink_classifier_close(second);
}

static void
foreign_program_is_left_alone(void **state)
{
	const struct device *device = *state;
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", pass, 2, NULL);
	struct uplink_classifier *classifier = NULL;

	assert_true(program >= 0);
	assert_int_equal(bpf_xdp_attach(device->ifindex, program, 0, NULL), 0);
	assert_int_equal(
		uplink_classifier_open(UPLINK_XDP, device->ifindex, 1, &classifier), -EBUSY);
	assert_int_equal(uplink_classifier_detach(device->ifindex), 0);
	assert_int_equal(uplink_xdp_find(device->ifindex), -EBUSY);
	close(program);
}

// --- AF_PACKET

static int
udp_socket(uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
send_from_far(const struct device *device, const struct frame *frame)
{
	assert_int_equal(send(device->sender, frame->bytes, frame->len, 0), (ssize_t)frame->len);
}

static bool
receives(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	uint8_t bytes[512];

	return poll(&wait, 1, WAIT_MS) == 1 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0;
}

static bool
is_empty(int fd)
{
	uint8_t bytes[512];

	return recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

struct sides {
	int ours, vxlan, other; // packet socket, the kernel's receivers
};

// A frame that is known to be the kernel's comes last: what was sent before it has arrived.
static void
flush(const struct device *device, const struct sides *sides)
{
	const struct vector last = {
		"last", TO_US, .outer = "192.0.2.1", .protocol = IPPROTO_UDP, .port = OTHER_PORT};
	const struct frame frame = frame_of(&last);

	send_from_far(device, &frame);
	assert_true(receives(sides->other));
}

static void
open_packet(const struct device *device, struct uplink_classifier *classifier, struct sides *sides)
{
	bool native;

	assert_int_equal(uplink_classifier_attach(classifier, &native), 0);
	sides->ours = packet_socket_open(device->ifindex);
	assert_true(sides->ours >= 0);
	assert_int_equal(uplink_classifier_add(classifier, 0, sides->ours), 0);
	sides->vxlan = udp_socket(VXLAN_PORT);
	sides->other = udp_socket(OTHER_PORT);
	while (!is_empty(sides->ours))
		; // what came before the filter
}

static void
close_packet(struct sides *sides)
{
	close(sides->ours);
	close(sides->vxlan);
	close(sides->other);
}

static void
packet_takes_what_is_ours(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *classifier = new_classifier(device, UPLINK_PACKET);
	struct sides sides;

	set_rules(classifier);
	open_packet(device, classifier, &sides);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct frame frame = frame_of(&vectors[i]);

		send_from_far(device, &frame);
		flush(device, &sides);
		if (vectors[i].taken ? !receives(sides.ours) : !is_empty(sides.ours))
			fail_msg("%s: %s", vectors[i].what,
				vectors[i].taken ? "not taken" : "taken");
		if (!is_empty(sides.ours))
			fail_msg("%s: taken twice", vectors[i].what);
		if (vectors[i].taken && !is_empty(sides.vxlan))
			fail_msg("%s: the kernel has a copy", vectors[i].what);
		is_empty(sides.vxlan);
	}
	close_packet(&sides);
	uplink_classifier_close(classifier);
	assert_int_equal(uplink_classifier_detach(device->ifindex), 0);
	assert_int_equal(uplink_drop_find(device->ifindex), -ENOENT);
}

// The programs are still attached when the socket is gone, and take nothing.
static void
packet_goes_to_the_kernel_without_a_socket(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *classifier = new_classifier(device, UPLINK_PACKET);
	const struct frame vxlan = frame_of(&vectors[0]);
	struct sides sides;

	set_rules(classifier);
	open_packet(device, classifier, &sides);
	send_from_far(device, &vxlan);
	flush(device, &sides);
	assert_true(receives(sides.ours));
	assert_true(is_empty(sides.vxlan));
	close(sides.ours);
	sides.ours = -1;
	send_from_far(device, &vxlan);
	assert_true(receives(sides.vxlan));
	assert_true(uplink_drop_find(device->ifindex) >= 0);
	close_packet(&sides);
	uplink_classifier_close(classifier);
}

// While a successor takes over, no frame is lost and the kernel gets no copy.
static void
packet_successor_takes_over(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *first = new_classifier(device, UPLINK_PACKET), *second;
	const struct frame vxlan = frame_of(&vectors[0]);
	struct sides sides;
	bool native;

	set_rules(first);
	open_packet(device, first, &sides);
	uplink_classifier_close(first);
	second = new_classifier(device, UPLINK_PACKET);
	set_rules(second);
	for (int step = 0; step < 3; step++) {
		if (step == 1)
			assert_int_equal(uplink_classifier_add(second, 0, sides.ours), 0);
		else if (step == 2)
			assert_int_equal(uplink_classifier_attach(second, &native), 0);
		send_from_far(device, &vxlan);
		flush(device, &sides);
		assert_true(receives(sides.ours));
		assert_true(is_empty(sides.vxlan));
	}
	close_packet(&sides);
	uplink_classifier_close(second);
}

// Rules that are set replace those before.
static void
rules_are_replaced(void **state)
{
	const struct device *device = *state;
	struct uplink_classifier *classifier = new_classifier(device, UPLINK_XDP);
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	const struct uplink_prefix_rule prefix = {ip("10.9.0.0", 16), 0, true};
	struct uplink_rules rules = {.n_prefixes = 1, .prefixes = &prefix};
	const struct vector pod = {"pod", TO_US, .outer = "10.9.1.1", .protocol = IPPROTO_TCP};
	const struct frame former = frame_of(&vectors[0]), frame = frame_of(&pod);
	bool native;

	memcpy(rules.mac, device_mac, sizeof(rules.mac));
	set_rules(classifier);
	assert_int_equal(uplink_classifier_add(classifier, 0, fd), 0);
	assert_int_equal(uplink_classifier_attach(classifier, &native), 0);
	assert_int_equal(uplink_classifier_set(classifier, &rules), 0);
	assert_int_equal(run_xdp(device, former.bytes, former.len), XDP_PASS);
	assert_int_equal(run_xdp(device, frame.bytes, frame.len), XDP_REDIRECT);
	rules.n_prefixes = 0;
	assert_int_equal(uplink_classifier_set(classifier, &rules), 0);
	assert_int_equal(run_xdp(device, frame.bytes, frame.len), XDP_PASS);
	close(fd);
	uplink_classifier_close(classifier);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(xdp_takes_what_is_ours),
		TEST(xdp_passes_truncated),
		TEST(xdp_passes_without_a_socket),
		TEST(xdp_successor_takes_over),
		TEST(foreign_program_is_left_alone),
		TEST(packet_takes_what_is_ours),
		TEST(packet_goes_to_the_kernel_without_a_socket),
		TEST(packet_successor_takes_over),
		TEST(rules_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
