/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_FLOW_OPS_H
#define PMD_FLOW_OPS_H

#include "card.h"

// Puts a checked rule into the card, or refuses it for want of room: -ENOMEM. Lock held.
// Rules beyond argument `late` are lost: *is_late tells so.
int flow_insert(struct end *end, struct rte_flow *rule, bool *is_late);

// Takes it out and frees it. is_inserted: it is in a list. Lock held.
void flow_remove(struct card *card, struct rte_flow *rule, bool is_inserted);

// Takes out everything that this ethdev made; tables' rules are left where all is false. Lock held.
void flow_flush(struct end *end, bool all);

#endif
