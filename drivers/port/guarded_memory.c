/* SPDX-License-Identifier: Apache-2.0 */
#include "guarded_memory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES 8192

// base is written last on entry and first on removal: the handler trusts a range whose base it
// sees, and nobody removes a range that a thread may still touch.
struct range {
	_Atomic uintptr_t base; // 0: free
	size_t size;
	_Atomic bool *lost;
	int wake_fd;
};

static struct range ranges[RANGES];
static _Atomic uint32_t n_used; // entries ever used: how far the handler looks
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction former;
static _Thread_local volatile sig_atomic_t thread_is_covered, thread_lost;

static struct range *
find(uintptr_t address)
{
	uint32_t n = atomic_load(&n_used);

	for (uint32_t i = 0; i < n; i++) {
		uintptr_t base = atomic_load(&ranges[i].base);

		if (base != 0 && address >= base && address - base < ranges[i].size)
			return &ranges[i];
	}
	return NULL;
}

static bool
replace(uintptr_t base, size_t size)
{
	return mmap((void *)base, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0)
	       != MAP_FAILED;
}

// A part of a hugepage cannot be replaced.
static bool
replace_page(uintptr_t address)
{
	static const size_t sizes[] = {4096, 2u << 20, 1u << 30};

	for (size_t i = 0; thread_is_covered && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (replace(address & ~(sizes[i] - 1), sizes[i])) {
			thread_lost = 1;
			return true;
		}
	}
	return false;
}

// The system calls used here are safe in a handler; several threads may be in it at once.
static void
handle(int signal, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	struct range *range = find(address);
	uint64_t one = 1;
	int saved = errno;

	if (range == NULL ? !replace_page(address)
			  : !replace(atomic_load(&range->base), range->size)) {
		sigaction(SIGBUS, &former, NULL); // the access is repeated and meets it
		errno = saved;
		return;
	}
	if (range == NULL) {
		errno = saved;
		return;
	}
	atomic_store(range->lost, true);
	if (range->wake_fd >= 0 && write(range->wake_fd, &one, sizeof(one)) < 0)
		errno = saved; // whoever waits is awake already
	errno = saved;
}

// At each entry, because others in the process may have set a handler of theirs meanwhile.
static int
install(void)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction current;

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, NULL, &current) < 0)
		return -errno;
	if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == handle)
		return 0;
	former = current;
	return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : -errno;
}

static int
enter(void *base, size_t size, _Atomic bool *lost, int wake_fd)
{
	uint32_t n = atomic_load(&n_used), i = 0;

	while (i < n && atomic_load(&ranges[i].base) != 0)
		i++;
	if (i == RANGES)
		return -ENOSPC;
	ranges[i].size = size;
	ranges[i].lost = lost;
	ranges[i].wake_fd = wake_fd;
	atomic_store(&ranges[i].base, (uintptr_t)base);
	if (i == n)
		atomic_store(&n_used, n + 1);
	return 0;
}

int
guarded_memory_add(void *base, size_t size, _Atomic bool *lost, int wake_fd)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = install();
	if (ret == 0)
		ret = enter(base, size, lost, wake_fd);
	pthread_mutex_unlock(&lock);
	return ret;
}

void
guarded_memory_remove(const void *base)
{
	uint32_t n;

	pthread_mutex_lock(&lock);
	n = atomic_load(&n_used);
	for (uint32_t i = 0; i < n; i++)
		if (atomic_load(&ranges[i].base) == (uintptr_t)base)
			atomic_store(&ranges[i].base, 0);
	pthread_mutex_unlock(&lock);
}

void
guarded_memory_cover_thread(void)
{
	if (thread_is_covered)
		return;
	pthread_mutex_lock(&lock);
	install();
	pthread_mutex_unlock(&lock);
	thread_is_covered = 1;
}

bool
guarded_memory_thread_lost(void)
{
	bool lost = thread_lost != 0;

	thread_lost = 0;
	return lost;
}
