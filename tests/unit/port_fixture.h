/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PORT_FIXTURE_H
#define TESTS_PORT_FIXTURE_H

// For tests of port drivers: EAL without hugepages, buffer pools, and, when run by root, network
// namespaces of their own that vanish with the process.

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port.h"

#define FRAME_MAX 65600

struct port_fixture {
	struct rte_mempool *mbufs, *jumbos;
	bool root;
	int host_netns, pod_netns; // the process starts out in host_netns
};

// cmocka group setup and teardown; *state is a struct port_fixture.
int port_fixture_setup(void **state);
int port_fixture_teardown(void **state);
// Test setup: skips (and says why) unless root.
#define SKIP_UNLESS_ROOT(f)                                            \
	do {                                                           \
		if (!(f)->root) {                                      \
			print_message("skipped: devices need root\n"); \
			skip();                                        \
		}                                                      \
	} while (0)

// Runs a shell command in the present network namespace; fails the test when it fails.
void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Changes the calling thread's network namespace; sockets made afterwards belong there.
void enter_netns(int fd);
// Gives a device the kernel's addresses of the tests, static neighbours, and a TCP that starts with
// its largest frames.
void set_up_interface(const char *name);
// Persistent tap with its first n queues attached, as the control plane makes them.
void make_tap(const char *name, int *fds, uint16_t n);
// veth pair: 'name' in the host's namespace, 'pod0' with 10.9.0.1/24 and fd09::1/64 in the pod's;
// 10.9.0.2 and fd09::2 are static neighbours. Returns the ifindex of 'name'.
int make_veth(const char *name);
void remove_link(const char *name);

// Configuration of a port with these descriptors.
struct port_config make_config(
	const struct port_fixture *f, uint8_t kind, const int *fds, uint16_t n_fds);
struct port *open_port(const struct port_config *config);
// Asserts that opening fails with this error and gives a reason, and that the descriptors live.
void assert_refused(const struct port_config *config, int error);

// Waits on the queue's wake-up descriptor until a frame comes that 'match' accepts (others are
// freed; match NULL accepts the first IPv4 or VLAN frame). NULL after two seconds.
struct rte_mbuf *receive(struct port *port, uint16_t queue, bool (*match)(const struct rte_mbuf *));
// Frees what waits.
void drain(struct port *port);
// Sends one frame and asserts that the device took it.
void transmit(struct port *port, struct rte_mbuf *m);
// Asserts that a device refuses a frame, and frees it.
void assert_tx_stops(struct port *port, struct rte_mbuf *m, enum port_tx_stop expected);

// A frame of these bytes, as drivers lay it out.
struct rte_mbuf *make_frame(const struct port_fixture *f, const void *bytes, uint32_t len);
// All bytes of a frame in one piece (static room, overwritten by the next call).
const uint8_t *flat(const struct rte_mbuf *m);
// Asserts that nothing holds a buffer.
void assert_no_leak(const struct port_fixture *f);

// UDP over IPv4 from 10.9.0.2:port 7 to 10.9.0.1:dst_port. 'unfinished' leaves the checksum to the
// receiver and sets the metadata; segment > 0 makes it a super-frame.
struct rte_mbuf *make_udp4(const struct port_fixture *f, uint16_t dst_port, uint16_t payload_len,
	bool unfinished, uint16_t segment);
// Kernel's UDP socket in the present namespace: AF_INET or AF_INET6, connected to port 7 of the
// neighbour, bound to any port of its own (written to *port), 2 s receive time-out.
int udp_socket(int family, uint16_t *port);
// Sends len bytes, as segments of 'segment' bytes when that is not 0 (UDP_SEGMENT).
void udp_send(int fd, uint16_t len, uint16_t segment);
// The same, but the kernel may drop it on its way into the device.
void udp_try_send(int fd, uint16_t len);
// MAC addresses: of the kernel's interface, of the neighbour that the test plays.
#define NEAR_MAC "02:00:00:00:09:01"
#define FAR_MAC "02:00:00:00:09:02"

// Asserts that IPv4/UDP or TCP checksum of a frame with metadata is completed to a right one.
void assert_checksum_completes(const struct rte_mbuf *m);

// Plays a TCP server at 10.9.0.2:80 for a socket in pod_netns or, when that is -1, in the present
// namespace: the kernel sends super-frames, then receives one of 40000 bytes.
void tcp_super_frames(const struct port_fixture *f, struct port *port, int netns);

#endif
