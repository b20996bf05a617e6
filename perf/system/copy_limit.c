// SPDX-License-Identifier: Apache-2.0
// What the machine allows a switch that carries super-frames between guests on another CPU: a bare
// copy. One thread stands for both guests: it writes the first line of a frame, as the sender of
// the scenario does with headers (the payload lies there from the start), and compares every byte
// of what was copied with what it must be, as the receiver does. The other copies frames once, the
// least that any switch must do between two guests' memories.
//
//   copy_limit COPYING-CPU GUESTS-CPU BYTES
//
// Prints Gbit/s and TSC cycles a frame of the copying CPU: the best of several windows, so that one
// that was interrupted does not count.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_random.h>

#define FRAMES 8 // under way at most: they stay in the caches
#define ROOM 65536 // of one
#define HEADERS RTE_CACHE_LINE_SIZE
#define WINDOWS 40
#define WINDOW_NS 50000000u

struct limit {
	uint8_t *from, *to;
	uint8_t payload[ROOM]; // what every frame has behind HEADERS
	size_t bytes; // of a frame
	int cpu; // of the copying thread
	atomic_bool stop;
	// Frames so far, each written by one thread.
	atomic_uint filled __rte_cache_aligned;
	unsigned int checked; // the guests' own
	atomic_uint copied __rte_cache_aligned;
	atomic_uint_fast64_t cycles; // spent on copying
};

static bool
run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static void
copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
#ifdef __x86_64__
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
#else
	memcpy(to, from, bytes);
#endif
}

static void *
copying(void *arg)
{
	struct limit *limit = arg;
	unsigned int n = 0;

	if (!run_on(limit->cpu))
		return NULL;
	while (!atomic_load_explicit(&limit->stop, memory_order_relaxed)) {
		const size_t at = n % FRAMES * (size_t)ROOM;
		uint64_t start;

		if (atomic_load_explicit(&limit->filled, memory_order_acquire) == n)
			continue;
		start = rte_rdtsc();
		copy(limit->to + at, limit->from + at, limit->bytes);
		atomic_fetch_add_explicit(
			&limit->cycles, rte_rdtsc() - start, memory_order_relaxed);
		atomic_store_explicit(&limit->copied, ++n, memory_order_release);
	}
	return limit;
}

static void
fill(struct limit *limit)
{
	const unsigned int n = atomic_load_explicit(&limit->filled, memory_order_relaxed);
	volatile uint8_t *frame = limit->from + n % FRAMES * (size_t)ROOM;

	frame[0] = (uint8_t)n;
	atomic_store_explicit(&limit->filled, n + 1, memory_order_release);
}

// Returns false when the copy is not that of its frame.
static bool
check(struct limit *limit)
{
	const unsigned int n = limit->checked++;
	const uint8_t *frame = limit->to + n % FRAMES * (size_t)ROOM;

	return frame[0] == (uint8_t)n
	       && memcmp(frame + HEADERS, limit->payload, limit->bytes - HEADERS) == 0;
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Both guests. Returns frames, -1 when one was wrong.
static int
run_window(struct limit *limit)
{
	const unsigned int before = limit->checked;
	const uint64_t end = now_ns() + WINDOW_NS;

	while (now_ns() < end) {
		if (atomic_load_explicit(&limit->filled, memory_order_relaxed) - limit->checked
			< FRAMES)
			fill(limit);
		if (atomic_load_explicit(&limit->copied, memory_order_acquire) != limit->checked
			&& !check(limit))
			return -1;
	}
	return (int)(limit->checked - before);
}

static int
measure(struct limit *limit)
{
	double gbit_s = 0, cycles = 0;

	for (int i = 0; i < WINDOWS; i++) {
		const uint64_t before = atomic_load(&limit->cycles), start = now_ns();
		const int frames = run_window(limit);
		const double rate =
			(double)frames * (double)limit->bytes * 8 / (double)(now_ns() - start);

		if (frames < 0)
			return -1;
		if (rate > gbit_s) {
			gbit_s = rate;
			cycles = (double)(atomic_load(&limit->cycles) - before) / frames;
		}
	}
	printf("%.2f %.0f\n", gbit_s, cycles);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct limit limit;
	pthread_t thread;
	void *done;
	int ret;

	if (argc != 4 || !run_on(atoi(argv[2]))) {
		fprintf(stderr, "usage: copy_limit COPYING-CPU GUESTS-CPU BYTES\n");
		return 2;
	}
	limit.cpu = atoi(argv[1]);
	limit.bytes = RTE_MIN((size_t)strtoul(argv[3], NULL, 10), (size_t)ROOM);
	limit.from = mmap(NULL, 2 * FRAMES * (size_t)ROOM, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (limit.from == MAP_FAILED || limit.bytes <= HEADERS)
		return 1;
	madvise(limit.from, 2 * FRAMES * (size_t)ROOM, MADV_HUGEPAGE);
	for (size_t i = 0; i < ROOM; i++)
		limit.payload[i] = (uint8_t)rte_rand();
	for (size_t i = 0; i < FRAMES; i++)
		memcpy(limit.from + i * ROOM + HEADERS, limit.payload, ROOM - HEADERS);
	limit.to = limit.from + FRAMES * (size_t)ROOM;
	memset(limit.to, 0, FRAMES * (size_t)ROOM);
	if (pthread_create(&thread, NULL, copying, &limit) != 0)
		return 1;
	ret = measure(&limit);
	atomic_store(&limit.stop, true);
	pthread_join(thread, &done);
	return ret == 0 && done != NULL ? 0 : 1;
}
