/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_LOG_H
#define PMD_LOG_H

#include <rte_log.h>

extern int net_flow_logtype;

#define PMD_LOG(level, format, ...) \
	rte_log(RTE_LOG_##level, net_flow_logtype, "net_flow: " format "\n", ##__VA_ARGS__)

#endif
