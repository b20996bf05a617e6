/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_WIRE_H
#define CAUSEWAY_WIRE_H

// The protocol of dp.sock, spoken by causewayd (client) and causeway-dp (server) over an AF_UNIX
// stream. Both ends run on one machine: integers are in host order, addresses and MACs in network
// order. All structures are naturally aligned and have no hidden padding.
//
// A frame is one cw_frame header and n_items items. The descriptors of a frame travel as
// SCM_RIGHTS with the header's first byte. Every request has one reply with the same seq; a reply
// to a request of N items that carry objects holds N cw_status items in the same order. Replies to
// BEGIN, COMMIT, TRACE and GET_PORT_FDS hold a cw_status only for what was refused. A reply longer
// than CW_FRAME_MAX comes as several frames with the same seq; all but the last have CW_MORE in
// their type. The first frame each way is HELLO. A HELLO of another version is answered with the
// server's own and the connection ends. Anything malformed closes the connection and changes
// nothing. The connection that wrote last is the control plane: when another one sends BEGIN, SET
// or DEL, the former is closed.
//
// Replay: BEGIN{epoch} .. SET frames .. COMMIT{epoch}. What SET brings between the two is checked
// and put aside; COMMIT applies all of it at once: identical objects are left untouched (counters
// kept), changed ones replaced, and objects that the epoch did not name are deleted. A connection
// that ends before its COMMIT changes nothing. Outside BEGIN/COMMIT, SET and DEL act at once, and a
// reply to DEL means that no worker uses the object any more.

#include <causeway/wire_answers.h>
#include <causeway/wire_events.h>
#include <causeway/wire_frame.h>
#include <causeway/wire_objects.h>

#endif
