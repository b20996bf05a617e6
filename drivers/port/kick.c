/* SPDX-License-Identifier: Apache-2.0 */
#include "kick.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#define NO_FD -1

// One thread's kick under way.
struct slot {
	atomic_int fd; // NO_FD: none
	atomic_uint number; // of its kicks so far; writer: the thread
	atomic_bool relieved; // somebody had to read for the peer
	unsigned int seen; // the watcher's: number at its last look
} __rte_cache_aligned;

static struct slot slots[KICK_THREADS];
static atomic_uint n_slots;

static struct slot *
own_slot(void)
{
	static _Thread_local struct slot *slot;
	unsigned int i;

	if (likely(slot != NULL))
		return slot;
	i = atomic_fetch_add(&n_slots, 1);
	if (i >= KICK_THREADS)
		return NULL;
	slot = &slots[i];
	return slot;
}

bool
kick(int fd)
{
	struct slot *slot = own_slot();

	if (unlikely(slot == NULL)) {
		eventfd_write(fd, 1);
		return true;
	}
	atomic_store_explicit(&slot->number,
		atomic_load_explicit(&slot->number, memory_order_relaxed) + 1,
		memory_order_relaxed);
	atomic_store_explicit(&slot->fd, fd, memory_order_release);
	eventfd_write(fd, 1);
	atomic_store_explicit(&slot->fd, NO_FD, memory_order_release);
	if (likely(!atomic_load_explicit(&slot->relieved, memory_order_relaxed)))
		return true;
	atomic_store_explicit(&slot->relieved, false, memory_order_relaxed);
	return false;
}

// Whether the thread is in the same kick as at the last look.
static bool
is_stuck(const struct slot *slot, int *fd)
{
	*fd = atomic_load_explicit(&slot->fd, memory_order_acquire);
	return *fd != NO_FD
	       && atomic_load_explicit(&slot->number, memory_order_relaxed) == slot->seen;
}

// Nobody sleeps who merely waits for a CPU: the counter has room then. It is full at 2^64 - 2 only,
// which needs intent.
static bool
is_full(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLOUT};

	return poll(&look, 1, 0) == 0;
}

// Empties the counter: the sleeping writer goes on. Never sleeps itself, whatever the peer does to
// the file's flags.
static void
relieve(struct slot *slot, int fd)
{
	uint64_t count;
	const struct iovec to = {.iov_base = &count, .iov_len = sizeof(count)};
	int own = dup(fd), again;

	if (own < 0)
		return;
	// Still there: the writer holds its descriptor open, so ours is the same file.
	if (is_stuck(slot, &again) && again == fd && is_full(own)) {
		atomic_store_explicit(&slot->relieved, true, memory_order_relaxed);
		if (preadv2(own, &to, 1, -1, RWF_NOWAIT) < 0)
			atomic_store_explicit(&slot->relieved, false, memory_order_relaxed);
	}
	close(own);
}

static void *
watch(void *arg)
{
	const struct timespec pause = {.tv_nsec = KICK_STUCK_MS * 1000000};
	int fd;

	for (;;) {
		const unsigned int n = RTE_MIN(atomic_load(&n_slots), (unsigned int)KICK_THREADS);

		for (unsigned int i = 0; i < n; i++) {
			if (is_stuck(&slots[i], &fd))
				relieve(&slots[i], fd);
			slots[i].seen =
				atomic_load_explicit(&slots[i].number, memory_order_relaxed);
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int
start_thread(void)
{
	sigset_t all, former;
	pthread_t thread;
	int error;

	sigfillset(&all); // signals are the main thread's
	pthread_sigmask(SIG_SETMASK, &all, &former);
	error = pthread_create(&thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	if (error != 0)
		return -error;
	pthread_setname_np(thread, "kicks");
	pthread_detach(thread);
	return 0;
}

int
kick_start(void)
{
	static bool started;
	int error;

	if (started)
		return 0;
	for (unsigned int i = 0; i < KICK_THREADS; i++)
		atomic_init(&slots[i].fd, NO_FD);
	error = start_thread();
	started = error == 0;
	return error;
}
