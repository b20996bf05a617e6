/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_AGE_H
#define PMD_AGE_H

// Action AGE: rules that nothing matched for their time are reported once.

#include <rte_flow.h>

#include "card.h"

// Called by the card's thread now and then.
void age_check(struct card *card);

// Contexts of aged rules that this ethdev made: how many there are, or were written.
int age_get(struct card *card, uint16_t port_id, void **contexts, uint32_t n);

void age_query(const struct rte_flow *rule, const struct op *op, struct rte_flow_query_age *age);

#endif
