/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_H
#define VF_H

// VFs of pods: whose they are, into the pods and back. Every VF that was touched has a record
// (vf_record.h) until it is as it was found. What a crash interrupts, or a driver refuses for now,
// is undone at the start and then every few seconds. Main thread.

#include "causewayd.h"
#include "vf_record.h"

struct vfs {
	struct causewayd *d;
	struct vf_record *records;
	struct event *check; // timer
	struct event *changed; // of the node's devices; NULL: not watched
	int watch;
	// of vf_news.h
	struct event *news; // timer
	cJSON *told; // the list as those who watch know it; NULL: nobody does
	bool news_are_due; // soon
	// of vf_way.h
	struct event *ways; // timer
	bool ways_queued;
	char way_of[PCI_ADDRESS_LEN]; // the VF whose turn it is
};

// Returns NULL: no memory.
struct vfs *vfs_create(struct causewayd *d);
void vfs_free(struct vfs *vfs); // accepts NULL; the VFs stay where they are
// Reads the records, once the objects are there, and takes back what is nobody's. Returns 0 or
// -errno, logged.
int vfs_load(struct causewayd *d);

// The record of the VF at an address, or NULL.
struct vf_record *vf_find(const struct causewayd *d, const char *pci);
// Whose it is, or NULL: its endpoint's attachment was interrupted, or its VF does not go back.
struct endpoint *vf_owner(const struct causewayd *d, const struct vf_record *record);

// Gives the VF of endpoint->vf to the pod as asked for (vf_plan.h). Returns 0, or a negative number
// with failure, and then everything is as it was.
int vf_attach(
	struct causewayd *d, const struct endpoint *endpoint, int netns, struct failure *failure);

// Takes the VF back. What does not go back now is tried again later: DEL is never held up.
void vf_detach(struct causewayd *d, const struct endpoint *endpoint);

// Makes everything as the record says that it was, from wherever it is: may be repeated. Returns 0
// (the VF is as it was, or has gone), or -errno with record->reason.
int vf_restore(struct causewayd *d, struct vf_record *record);

// Restores and forgets a record that is nobody's. Returns 0 or -errno with record->reason.
int vf_take_back(struct causewayd *d, struct vf_record *record);

// State of the port or the endpoint of a VF that the switch does not lead to.
void vf_set_card_only(struct causewayd *d, struct object *object);

// Whether the pod or its VF has vanished, with a sentence.
bool vf_is_gone(struct causewayd *d, const struct endpoint *endpoint, char reason[VF_REASON_LEN]);

#endif
