/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

// Answers about the state of the data plane, summed and copied when asked. Main thread.

struct connection;
struct reply;
struct server;

// The CW_NAMES event: numbering of stages and drop reasons.
void stats_send_names(struct connection *c);
// CW_GET_STATS: cw_port_stats for every port and worker that counted something, cw_queue_stats of
// drivers that count by queue, cw_stage_stats, cw_worker_stats.
void stats_fill(struct server *server, struct reply *reply);
// CW_GET_NODE
void node_fill(struct server *server, struct reply *reply);
// CW_GET_FDB
void fdb_fill(struct server *server, struct reply *reply);

#endif
