/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_MARK_H
#define VF_MARK_H

// sriov-cni's own signs of who has a VF, kept by us as well, so that both may share a node: below
// FOLDER/pci, a file of the VF's address with the path of the namespace that uses it, and a lock
// (flock) that whoever changes the VF holds meanwhile. An empty folder switches both off. The lock
// also keeps several instances of causewayd from one VF: their state is apart, the card is not.

#include <stddef.h>

// Takes the lock without waiting. Returns its descriptor (-1: switched off) by fd. 0; -EAGAIN:
// somebody holds it; or -errno.
int vf_mark_lock(const char *folder, const char *pci, int *fd);
void vf_mark_unlock(int fd); // accepts -1

// Whose the VF is: the path that the mark names, when it leads to a namespace that lives; else "".
// Returns 0 or -errno.
int vf_mark_read(const char *folder, const char *pci, char *netns, size_t size);
// Returns 0 or -errno.
int vf_mark_write(const char *folder, const char *pci, const char *netns);
// Takes the mark away if it names this path. Absent is no error.
void vf_mark_remove(const char *folder, const char *pci, const char *netns);

#endif
