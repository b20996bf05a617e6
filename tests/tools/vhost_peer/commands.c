/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"
#include "text.h"

#define TX_PATIENCE_MS 2000

const char *
argument_port(const cJSON *arguments, struct port **port)
{
	*port = peer_find((unsigned)number_of(arguments, "port", -1));
	return *port == NULL ? "no such port" : NULL;
}

const char *
argument_queue(const cJSON *arguments, bool tx, struct port **port, struct port_queue **queue)
{
	const char *wrong = argument_port(arguments, port);
	unsigned pair = (unsigned)number_of(arguments, "queue", 0);

	if (wrong != NULL)
		return wrong;
	if (!(*port)->has_rings)
		return "no device was ever there";
	if (pair >= (*port)->pairs)
		return "no such queue";
	*queue = tx ? port_tx_queue(*port, pair) : port_rx_queue(*port, pair);
	return NULL;
}

static const char *
command_del(const cJSON *arguments, cJSON *result)
{
	struct port *port;
	const char *wrong = argument_port(arguments, &port);

	if (wrong == NULL)
		peer_remove(port);
	return wrong;
}

static const char *
command_disconnect(const cJSON *arguments, cJSON *result)
{
	struct port *port;
	const char *wrong = argument_port(arguments, &port);

	if (wrong == NULL && port->fd >= 0)
		peer_lost(port, "asked for");
	return wrong;
}

static const char *
command_enable(const cJSON *arguments, cJSON *result)
{
	struct port *port;
	struct port_queue *queue;
	const char *wrong = argument_queue(arguments, false, &port, &queue);
	int error;

	if (wrong != NULL)
		return wrong;
	error = port_enable(port, queue->index / 2u, number_of(arguments, "on", 1) != 0);
	return error == 0 ? NULL : strerror(-error);
}

static const char *
command_rx(const cJSON *arguments, cJSON *result)
{
	static const char *const modes[] = {"report", "count", "hold"};
	const char *mode = string_of(arguments, "mode");
	struct port *port;
	const char *wrong = argument_port(arguments, &port);

	if (wrong != NULL)
		return wrong;
	for (unsigned i = 0; mode != NULL && i < 3; i++) {
		if (strcmp(mode, modes[i]) == 0) {
			port->options.rx = i;
			if (port->has_rings)
				peer_poll(port);
			return NULL;
		}
	}
	return "mode is report, count or hold";
}

static const char *
command_kick(const cJSON *arguments, cJSON *result)
{
	struct port *port;
	struct port_queue *queue;
	const char *wrong =
		argument_queue(arguments, number_of(arguments, "tx", 1) != 0, &port, &queue);
	enum port_kick usual;

	if (wrong != NULL)
		return wrong;
	usual = port->options.kick;
	port->options.kick = PORT_KICK_ALWAYS;
	port_kick(port, queue);
	port->options.kick = usual;
	return NULL;
}

static void
add_counters(cJSON *list, const struct port_queue *queue)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddNumberToObject(object, "frames", (double)queue->counters.frames);
	cJSON_AddNumberToObject(object, "bytes", (double)queue->counters.bytes);
	cJSON_AddNumberToObject(object, "used", (double)queue->counters.used);
	cJSON_AddNumberToObject(object, "kicks", (double)queue->counters.kicks);
	cJSON_AddNumberToObject(object, "free", queue->ring.free);
	if (queue->ring.broken != NULL)
		cJSON_AddStringToObject(object, "broken", queue->ring.broken);
	cJSON_AddItemToArray(list, object);
}

static const char *
command_stats(const cJSON *arguments, cJSON *result)
{
	struct port *port;
	const char *wrong = argument_port(arguments, &port);
	cJSON *rx, *tx;

	if (wrong != NULL)
		return wrong;
	rx = cJSON_AddArrayToObject(result, "rx");
	tx = cJSON_AddArrayToObject(result, "tx");
	for (unsigned pair = 0; pair < port->options.pairs && port->has_rings; pair++) {
		port_tx_reap(port_tx_queue(port, pair));
		add_counters(rx, port_rx_queue(port, pair));
		add_counters(tx, port_tx_queue(port, pair));
	}
	cJSON_AddNumberToObject(result, "calls", (double)port->queues[0].counters.calls);
	cJSON_AddNumberToObject(result, "connects", port->connects);
	cJSON_AddBoolToObject(result, "ready", port->is_ready);
	return NULL;
}

static void
count_port(struct port *port, void *context)
{
	unsigned *counts = context;

	counts[0]++;
	counts[1] += port->is_ready;
}

static const char *
command_summary(const cJSON *arguments, cJSON *result)
{
	unsigned counts[2] = {0};

	peer_each(count_port, counts);
	cJSON_AddNumberToObject(result, "ports", counts[0]);
	cJSON_AddNumberToObject(result, "ready", counts[1]);
	return NULL;
}

// Reads {"data": hex, "header": {...}, "cuts": [lengths], "indirect": bool}.
static const char *
frame_from_json(const cJSON *object, struct tx_frame *frame)
{
	const char *data = string_of(object, "data");
	const cJSON *cut;
	size_t len = 0;

	*frame = (struct tx_frame){.indirect = number_of(object, "indirect", 0) != 0};
	header_from_json(cJSON_GetObjectItemCaseSensitive(object, "header"), &frame->header);
	cJSON_ArrayForEach (cut, cJSON_GetObjectItemCaseSensitive(object, "cuts")) {
		if (frame->n_cuts == RING_SEGMENTS_MAX)
			return "too many cuts";
		frame->cuts[frame->n_cuts++] = (uint32_t)cut->valuedouble;
	}
	frame->bytes = data == NULL ? NULL : hex_decode(data, &len);
	frame->len = (uint32_t)len;
	return frame->bytes == NULL ? "data is hexadecimal" : NULL;
}

// Waits for room, for so long as the device may need. Returns as port_tx().
static int
send_patiently(struct port *port, struct port_queue *queue, const struct tx_frame *frame)
{
	int error = port_tx(port, queue, frame);

	for (int ms = 0; error == -ENOSPC && ms < TX_PATIENCE_MS; ms++) {
		port_kick(port, queue);
		poll(NULL, 0, 1);
		error = port_tx(port, queue, frame);
	}
	return error;
}

static const char *
command_tx(const cJSON *arguments, cJSON *result)
{
	struct port *port;
	struct port_queue *queue;
	const char *wrong = argument_queue(arguments, true, &port, &queue);
	const cJSON *object;
	struct tx_frame frame;
	unsigned sent = 0;
	int error = 0;

	if (wrong != NULL)
		return wrong;
	cJSON_ArrayForEach (object, cJSON_GetObjectItemCaseSensitive(arguments, "frames")) {
		wrong = frame_from_json(object, &frame);
		if (wrong != NULL)
			return wrong;
		error = send_patiently(port, queue, &frame);
		free((void *)(uintptr_t)frame.bytes);
		if (error != 0)
			break;
		sent++;
	}
	port_kick(port, queue);
	cJSON_AddNumberToObject(result, "sent", sent);
	return error == 0 || error == -ENOSPC ? NULL : strerror(-error);
}

static const struct named_command commands[] = {
	{"add", command_add},
	{"bulk", command_bulk},
	{"corrupt", command_corrupt},
	{"del", command_del},
	{"disconnect", command_disconnect},
	{"enable", command_enable},
	{"kick", command_kick},
	{"message", command_message},
	{"rx", command_rx},
	{"stats", command_stats},
	{"summary", command_summary},
	{"tx", command_tx},
};

void
command_line(const char *line)
{
	cJSON *arguments = cJSON_Parse(line), *answer = cJSON_CreateObject(), *result;
	const char *name = string_of(arguments, "cmd"), *wrong = "no such command";

	result = cJSON_CreateObject();
	for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			wrong = commands[i].run(arguments, result);
			break;
		}
	}
	cJSON_AddNumberToObject(answer, "id", number_of(arguments, "id", 0));
	if (wrong != NULL)
		cJSON_AddStringToObject(answer, "error", wrong);
	cJSON_AddItemToObject(answer, "result", result);
	print_json(answer);
	cJSON_Delete(arguments);
}
