/* SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <causeway/limits.h>

#include "log.h"

static int
set_limit(struct rlimit *limit, rlim_t soft, rlim_t hard)
{
	const struct rlimit wanted = {.rlim_cur = soft, .rlim_max = hard};

	if (setrlimit(RLIMIT_NOFILE, &wanted) != 0)
		return -errno;
	*limit = wanted;
	return 0;
}

// A table that grows while there are threads waits for all CPUs, tens of milliseconds each time it
// doubles: it grows now. 8 bytes a descriptor.
static void
grow_table(rlim_t limit)
{
	const int last = (int)(limit < DESCRIPTORS_WANTED ? limit : DESCRIPTORS_WANTED) - 1;
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, last);

	if (high >= 0)
		close(high);
	if (fd >= 0)
		close(fd);
}

uint64_t
descriptors_raise_limit(void)
{
	struct rlimit limit;
	int error = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_max < DESCRIPTORS_WANTED)
		error = set_limit(&limit, DESCRIPTORS_WANTED, DESCRIPTORS_WANTED);
	if (limit.rlim_cur < limit.rlim_max
		&& set_limit(&limit, limit.rlim_max, limit.rlim_max) != 0)
		error = -errno;
	if (limit.rlim_cur < CW_DESCRIPTORS_MIN)
		log_line(LOG_WARNING, "few descriptors: many ports will not open",
			"limit=%llu wanted=%llu error=\"%s\" hint=\"start with ulimit -n %llu, or "
			"LimitNOFILE= in the unit\"",
			(unsigned long long)limit.rlim_cur, (unsigned long long)DESCRIPTORS_WANTED,
			error != 0 ? strerror(-error) : "none",
			(unsigned long long)DESCRIPTORS_WANTED);
	grow_table(limit.rlim_cur);
	return limit.rlim_cur;
}
