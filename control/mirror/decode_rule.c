/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/decode.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <netlink/msg.h>

#include "mirror/attribute.h"

#define PRIORITY_LOCAL 0
#define PRIORITY_MAIN 32766
#define PRIORITY_DEFAULT 32767

// Three look tables up for everybody, one serves VRF devices.
static bool
is_usual(uint32_t table, uint32_t priority)
{
	return (table == RT_TABLE_LOCAL && priority == PRIORITY_LOCAL)
	       || (table == RT_TABLE_MAIN && priority == PRIORITY_MAIN)
	       || (table == RT_TABLE_DEFAULT && priority == PRIORITY_DEFAULT);
}

int
decode_rule(struct nlmsghdr *message)
{
	const struct fib_rule_hdr *header = nlmsg_data(message);
	struct nlattr *tb[FRA_MAX + 1];
	uint32_t table;

	if (nlmsg_parse(message, sizeof(*header), tb, FRA_MAX, NULL) < 0)
		return -EBADMSG;
	table = tb[FRA_TABLE] != NULL ? attribute_u32(tb[FRA_TABLE]) : header->table;
	return !is_usual(table, attribute_u32(tb[FRA_PRIORITY]))
	       && attribute_u8(tb[FRA_L3MDEV]) == 0;
}
