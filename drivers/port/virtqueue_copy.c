/* SPDX-License-Identifier: Apache-2.0 */
#include "virtqueue_copy.h"

#include <stdbool.h>
#include <stddef.h>

#include <rte_common.h>
#include <rte_cpuflags.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

// Below this the instruction takes longer to start than it saves.
#define STRING_COPY_MIN 512u

// Sanitizers do not see what an instruction of ours reads and writes.
#if defined(RTE_ARCH_X86_64) && !defined(__SANITIZE_ADDRESS__)

static bool has_fast_strings;

RTE_INIT(find_fast_strings)
{
	has_fast_strings = rte_cpu_get_flag_enabled(RTE_CPUFLAG_ERMS) > 0;
}

static bool
copy_string(void *to, const void *from, size_t len)
{
	if (!has_fast_strings || len < STRING_COPY_MIN)
		return false;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
	return true;
}

#else

static bool
copy_string(void *to, const void *from, size_t len)
{
	return false;
}

#endif

void
copy_large(void *to, const void *from, uint32_t len)
{
	if (!copy_string(to, from, len))
		rte_memcpy(to, from, len);
}
