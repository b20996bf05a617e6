/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_DATAPLANE_LIST_H
#define API_DATAPLANE_LIST_H

// Lists made of what the data plane has.

#include "api/request.h"

#define DATAPLANE_LIST_ALL UINT32_MAX

struct dataplane_list {
	struct request *request;
	const struct dataplane_list_kind *kind;
	uint32_t only; // as given to dataplane_list()
	cJSON *list;
};

struct dataplane_list_kind {
	uint16_t get; // the frame that asks
	uint16_t item; // what the answer consists of
	void (*add)(struct dataplane_list *list, const struct cw_item *item);
	void (*end)(struct dataplane_list *list); // after the last one, may be NULL
};

// Whether the network or port with this identifier was asked for.
bool dataplane_list_wants(const struct dataplane_list *list, uint32_t id);

// Asks the data plane and answers the request. only: identifier of a network or port, or
// DATAPLANE_LIST_ALL.
void dataplane_list(struct request *request, const struct dataplane_list_kind *kind, uint32_t only);

#endif
