/* SPDX-License-Identifier: Apache-2.0 */

// A paced flow of numbered Ethernet frames from one interface to another, each in a namespace of
// its own, and an account of what arrived: how many, in which order, and what the kernel lost on
// either side.
//
//   seqflow --from NETNS:IF --to NETNS:IF --dst MAC --rate PPS --seconds S [--size BYTES]
//   [--wait-stdin]
//
// Prints one JSON object. With --wait-stdin it sends until stdin closes (at most --seconds).

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ETHER_TYPE 0x88b5 // IEEE 802: local experiments
#define MAGIC 0x63777371u
#define SIZE_MAX_BYTES 1514
#define BATCH 32
#define GRACE_MS 2000 // the last frames may be that late

struct frame {
	struct ether_header ether;
	uint32_t magic;
	uint64_t sequence;
	uint8_t rest[SIZE_MAX_BYTES - sizeof(struct ether_header) - 12];
} __attribute__((packed));

struct flow {
	int tx, rx;
	struct frame frame;
	size_t size;
	double rate;
	double seconds;
	bool until_stdin;
	atomic_bool done;
	uint64_t sent, send_refused;
	uint64_t received, reordered, duplicates, highest; // highest: sequence number + 1
};

static void
die(const char *what)
{
	fprintf(stderr, "seqflow: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
enter(const char *netns)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		die(path);
	close(fd);
}

// "NETNS:IF" -> a packet socket bound to the interface; its MAC into mac.
static int
open_end(const char *end, uint16_t protocol, uint8_t *mac)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	struct ifreq request = {0};
	char netns[64], *name;
	int fd, size = 64 << 20, one = 1;

	snprintf(netns, sizeof(netns), "%s", end);
	name = strchr(netns, ':');
	if (name == NULL) {
		errno = EINVAL;
		die(end);
	}
	*name++ = '\0';
	enter(netns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	address.sll_ifindex = (int)if_nametoindex(name);
	if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
		die(name);
	memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("bind");
	return fd;
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
account(struct flow *flow, const struct frame *frame, ssize_t n)
{
	if (n < (ssize_t)(sizeof(frame->ether) + 12) || frame->magic != MAGIC)
		return;
	flow->received++;
	if (frame->sequence >= flow->highest)
		flow->highest = frame->sequence + 1;
	else
		flow->reordered++;
}

static void *
receive(void *arg)
{
	struct flow *flow = arg;
	struct pollfd wait = {.fd = flow->rx, .events = POLLIN};
	struct frame frame;

	while (poll(&wait, 1, atomic_load(&flow->done) ? GRACE_MS : 200) > 0
		|| !atomic_load(&flow->done)) {
		ssize_t n;

		while ((n = recv(flow->rx, &frame, sizeof(frame), MSG_DONTWAIT)) >= 0)
			account(flow, &frame, n);
	}
	return NULL;
}

static bool
stdin_closed(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) == 0;
}

static void
transmit(struct flow *flow)
{
	double start = seconds_now(), now = start;

	while (now - start < flow->seconds && !(flow->until_stdin && stdin_closed())) {
		uint64_t due = (uint64_t)((now - start) * flow->rate);

		for (int i = 0; i < BATCH && flow->sent < due; i++) {
			flow->frame.sequence = flow->sent;
			if (send(flow->tx, &flow->frame, flow->size, 0) < 0)
				flow->send_refused++; // the number is used again: nothing left
			else
				flow->sent++;
		}
		if (flow->sent >= due) {
			struct timespec nap = {.tv_nsec = 50000};

			nanosleep(&nap, NULL);
		}
		now = seconds_now();
	}
	flow->seconds = now - start;
}

static uint64_t
socket_drops(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
	return stats.tp_drops;
}

static void
print(const struct flow *flow)
{
	printf("{\"sent\": %llu, \"received\": %llu, \"lost\": %lld, \"reordered\": %llu, "
	       "\"send_refused\": %llu, \"receive_socket_drops\": %llu, \"seconds\": %.3f, "
	       "\"pps\": %.0f}\n",
		(unsigned long long)flow->sent, (unsigned long long)flow->received,
		(long long)(flow->sent - flow->received), (unsigned long long)flow->reordered,
		(unsigned long long)flow->send_refused, (unsigned long long)socket_drops(flow->rx),
		flow->seconds, (double)flow->sent / flow->seconds);
}

static void
parse_mac(const char *text, uint8_t *mac)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		    &mac[4], &mac[5])
		!= 6) {
		errno = EINVAL;
		die(text);
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"from", 1, NULL, 'f'}, {"to", 1, NULL, 't'},
		{"dst", 1, NULL, 'd'}, {"rate", 1, NULL, 'r'}, {"seconds", 1, NULL, 's'},
		{"size", 1, NULL, 'b'}, {"wait-stdin", 0, NULL, 'w'}, {NULL, 0, NULL, 0}};
	static struct flow flow = {.size = 64, .rate = 100000, .seconds = 10};
	const char *from = NULL, *to = NULL;
	uint8_t ignored[ETH_ALEN];
	pthread_t receiver;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			from = optarg;
			break;
		case 't':
			to = optarg;
			break;
		case 'd':
			parse_mac(optarg, flow.frame.ether.ether_dhost);
			break;
		case 'r':
			flow.rate = atof(optarg);
			break;
		case 's':
			flow.seconds = atof(optarg);
			break;
		case 'b':
			flow.size = (size_t)atoi(optarg);
			break;
		case 'w':
			flow.until_stdin = true;
			break;
		default:
			return 2;
		}
	}
	if (from == NULL || to == NULL || flow.size < 60 || flow.size > SIZE_MAX_BYTES) {
		fprintf(stderr, "seqflow: --from and --to are needed, --size is 60 to 1514\n");
		return 2;
	}
	flow.rx = open_end(to, ETHER_TYPE, ignored);
	flow.tx = open_end(from, 0, flow.frame.ether.ether_shost);
	flow.frame.ether.ether_type = htons(ETHER_TYPE);
	flow.frame.magic = MAGIC;
	if (pthread_create(&receiver, NULL, receive, &flow) != 0)
		die("thread");
	transmit(&flow);
	atomic_store(&flow.done, true);
	pthread_join(receiver, NULL);
	print(&flow);
	return 0;
}
