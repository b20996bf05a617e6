/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// All but the thread itself is guarded by the mutex.
static struct {
	const struct memif_loop_handlers *handlers;
	unsigned int users; // main thread
	pthread_t thread; // main thread
	bool stopping;
	int epoll_fd;
	struct memif_source wake;
	uint64_t tick_ms; // next one; UINT64_MAX: none
} loop;

void
memif_lock(void)
{
	pthread_mutex_lock(&mutex);
}

void
memif_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

uint64_t
memif_loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int
memif_loop_wake_fd(void)
{
	return loop.wake.fd;
}

static void
wake(void)
{
	uint64_t one = 1;

	if (write(loop.wake.fd, &one, sizeof(one)) < 0)
		return; // it is awake already
}

static void
woken(struct memif_source *source)
{
	uint64_t count;

	if (read(source->fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		loop.handlers->woken();
}

int
memif_loop_add(struct memif_source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(loop.epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0 ? 0 : -errno;
}

void
memif_loop_remove(struct memif_source *source)
{
	epoll_ctl(loop.epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void
memif_loop_at(uint64_t ms)
{
	if (ms >= loop.tick_ms)
		return;
	loop.tick_ms = ms;
	if (!pthread_equal(pthread_self(), loop.thread))
		wake();
}

static int
wait_ms(void)
{
	uint64_t now = memif_loop_now();

	if (loop.tick_ms == UINT64_MAX)
		return -1;
	if (loop.tick_ms <= now)
		return 0;
	return loop.tick_ms - now < 1000 ? (int)(loop.tick_ms - now) : 1000;
}

// Events are fetched under the lock, one at a time, so that no source can go in between.
static void
turn(void)
{
	struct epoll_event event;
	uint64_t now = memif_loop_now();

	if (epoll_wait(loop.epoll_fd, &event, 1, 0) == 1) {
		struct memif_source *source = event.data.ptr;

		source->ready(source);
	}
	if (now >= loop.tick_ms) {
		loop.tick_ms = UINT64_MAX;
		loop.handlers->tick(now);
	}
}

static void *
run(void *arg)
{
	struct pollfd ready = {.fd = loop.epoll_fd, .events = POLLIN};
	int timeout;

	memif_lock();
	while (!loop.stopping) {
		timeout = wait_ms();
		memif_unlock();
		poll(&ready, 1, timeout);
		memif_lock();
		turn();
	}
	memif_unlock();
	return NULL;
}

static void
close_descriptors(void)
{
	if (loop.wake.fd >= 0)
		close(loop.wake.fd);
	if (loop.epoll_fd >= 0)
		close(loop.epoll_fd);
	loop.wake.fd = loop.epoll_fd = -1;
}

// The main thread's CPUs are inherited; signals are the main thread's. SIGBUS is this thread's own
// when it touches a peer's memory.
static int
make_thread(void)
{
	sigset_t blocked, former;
	int error;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGBUS);
	pthread_sigmask(SIG_BLOCK, &blocked, &former);
	memif_lock(); // it reads loop.thread
	error = pthread_create(&loop.thread, NULL, run, NULL);
	memif_unlock();
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	if (error == 0)
		pthread_setname_np(loop.thread, "memif");
	return -error;
}

int
memif_loop_start(const struct memif_loop_handlers *handlers)
{
	int error = 0;

	if (loop.users > 0) {
		loop.users++;
		return 0;
	}
	loop.handlers = handlers;
	loop.stopping = false;
	loop.tick_ms = UINT64_MAX;
	loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop.wake = (struct memif_source){eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), woken};
	if (loop.epoll_fd < 0 || loop.wake.fd < 0)
		error = -errno;
	if (error == 0)
		error = memif_loop_add(&loop.wake);
	if (error == 0)
		error = make_thread();
	if (error < 0)
		close_descriptors();
	else
		loop.users = 1;
	return error;
}

void
memif_loop_stop(void)
{
	if (--loop.users > 0)
		return;
	memif_lock();
	loop.stopping = true;
	wake();
	memif_unlock();
	pthread_join(loop.thread, NULL);
	close_descriptors();
}
