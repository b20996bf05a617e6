/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_INSTANCE_H
#define CONTROL_INSTANCE_H

// One causewayd on one runtime directory and on one state directory.

// Makes the directory when it is absent and locks the file 'name' in it until this process ends;
// the file holds our process id. Returns its descriptor, or -errno, logged: -EBUSY another
// instance, which is named.
int instance_lock(const char *directory, const char *name, unsigned int mode);

#endif
