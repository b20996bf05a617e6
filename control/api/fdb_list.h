/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_FDB_LIST_H
#define API_FDB_LIST_H

#include "api/request.h"

// Answers fdb.list: what the data plane has, entries of endpoints and learned ones included, and
// the flood lists; while it is away, what is configured.
void fdb_list(struct request *request);

#endif
