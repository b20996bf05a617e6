/* SPDX-License-Identifier: Apache-2.0 */
#include "route_blocks.h"

#include <string.h>

void
route_blocks_forget(struct route_blocks *blocks)
{
	for (uint16_t i = 0; i < blocks->n_networks; i++)
		blocks->root[blocks->network[i]] = 0;
	blocks->n_networks = 0;
	blocks->n_pages = 0;
	blocks->refused = 0;
}

// Returns the number of an empty page, 0: none is left. Clearing it costs about as much as the
// look-up that wants it did.
static uint16_t
take_page(struct route_blocks *blocks)
{
	if (blocks->n_pages == ROUTE_BLOCK_PAGES - 1) {
		blocks->refused++;
		return 0;
	}
	blocks->n_pages++;
	memset(blocks->page[blocks->n_pages], 0, sizeof(blocks->page[0]));
	return blocks->n_pages;
}

static uint16_t *
place_of(struct route_blocks *blocks, uint16_t network, uint32_t host_order)
{
	uint16_t *page;

	if (blocks->root[network] == 0) {
		blocks->root[network] = take_page(blocks);
		if (blocks->root[network] == 0)
			return NULL;
		blocks->network[blocks->n_networks++] = network;
	}
	page = &blocks->page[blocks->root[network]][route_block_upper(host_order) / sizeof(*page)];
	if (*page == 0)
		*page = take_page(blocks);
	if (*page == 0)
		return NULL;
	return &blocks->page[*page][route_block_lower(host_order) / sizeof(*page)];
}

bool
route_blocks_set(struct route_blocks *blocks, uint16_t network, rte_be32_t ip, uint16_t number)
{
	uint16_t *place = place_of(blocks, network, rte_be_to_cpu_32(ip));

	if (place != NULL)
		*place = number;
	else if (blocks->refused > ROUTE_BLOCK_PATIENCE)
		route_blocks_forget(blocks);
	return place != NULL;
}
