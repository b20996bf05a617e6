/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_SYSFS_H
#define HOST_SYSFS_H

// Files of sysfs, of one value each. Functions return 0 or -errno. Any thread.

#include <stddef.h>

#define SYSFS_PATH_LEN 512

// The first line, without its end. -EOVERFLOW: it does not fit.
int sysfs_read(const char *path, char *text, size_t size);
// A number in C's notation, decimal or 0x. -EINVAL: it is none.
int sysfs_read_number(const char *path, long *value);
// An empty value is written as an empty line: the kernel would not see a write of nothing.
int sysfs_write(const char *path, const char *value);
// Last component of a symbolic link's target.
int sysfs_link(const char *path, char *name, size_t size);

// Calls fn for each entry of a folder in alphabetical order, until it returns other than 0, which
// is then the result.
int sysfs_each(const char *path, int (*fn)(const char *name, void *arg), void *arg);

#endif
