/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_ERROR_H
#define CAUSEWAY_ERROR_H

// Error codes of control.sock. Negative ones are JSON-RPC 2.0's own (section 5.1); the others are
// Causeway's and stable. error.data, when present, is {"key": "...", "value": ..., "hint": "..."}.

enum cw_rpc_error {
	CW_RPC_PARSE = -32700, // not JSON
	CW_RPC_INVALID_REQUEST = -32600, // JSON, but no request object
	CW_RPC_UNKNOWN_METHOD = -32601,
	CW_RPC_INVALID_PARAMS =
		-32602, // a key is missing, unknown, of the wrong type or out of range
	CW_RPC_INTERNAL = -32603,

	CW_RPC_CONFLICT = 1, // exists with other content
	CW_RPC_NOT_FOUND = 2, // get or set of what does not exist, or a reference to it
	CW_RPC_IN_USE = 3, // something else refers to it
	CW_RPC_UNAVAILABLE = 4, // the data plane is away; worth a retry
	CW_RPC_EXHAUSTED = 5, // no identifiers, memory or table space left
	CW_RPC_REFUSED = 6, // the data plane or the kernel refused; message says which and why
	CW_RPC_DENIED = 7, // peer is neither root nor in the group
	CW_RPC_STORE = 8, // the change could not be made durable and was taken back
};

#endif
