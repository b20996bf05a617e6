/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENT_TOMBSTONE_H
#define CLIENT_TOMBSTONE_H

// Endpoints that were deleted while causewayd was away. The CNI plugin leaves one file for each in
// <state-dir>/tombstones; causewayd replays them. docs/cni.md describes the format.

#define TOMBSTONE_FOLDER "tombstones"

// Leaves a tombstone that survives a power cut once this returns 0. Makes the folders. Repeating it
// is no error. Returns -errno.
int tombstone_write(const char *state_dir, const char *container, const char *ifname);

// Takes a tombstone back: the name is in use again. Absent is no error. Returns -errno.
int tombstone_remove(const char *state_dir, const char *container, const char *ifname);

// Deletes the endpoint; returns 0 when it is gone for good, -errno to be asked again later.
typedef int (*tombstone_fn)(const char *container, const char *ifname, void *arg);

// Hands every tombstone to fn and removes those that fn dealt with, durably. Files that are no
// tombstones are left alone, half-written ones of dead writers are removed. Returns how many were
// dealt with, or -errno when the folder cannot be read; its absence means none.
int tombstone_replay(const char *state_dir, tombstone_fn fn, void *arg);

#endif
