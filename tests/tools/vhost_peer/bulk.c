/* SPDX-License-Identifier: Apache-2.0 */
// A TCP-like stream from one guest to another at full speed: super-frames or frames of the MTU. The
// window is what the receiver has not seen yet, so that rings do not run over.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bulk_frame.h"
#include "peer.h"
#include "text.h"

// Without progress for so long, what is under way counts as lost. A switch that only waited for its
// CPU still delivers it.
#define STALL_MS 5000
#define RX_BURST 64

struct bulk_run {
	struct bulk_stream stream;
	struct bulk_errors errors;
	struct port *from, *to;
	struct port_queue *tx, *rx;
	struct virtio_net_hdr_mrg_rxbuf header;
	bool *is_written; // per buffer
	uint16_t next; // buffer
	uint64_t sent, received, lost, window; // bytes of payload; received: as far as offsets went
	uint64_t good; // bytes seen
	uint64_t frames, supers, stalls;
	uint64_t stall_ns;
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool
bytes_of(const cJSON *arguments, const char *key, uint8_t *to, size_t len)
{
	const char *text = string_of(arguments, key);
	size_t got = 0;
	uint8_t *bytes = text == NULL ? NULL : hex_decode(text, &got);

	if (bytes != NULL && got == len)
		memcpy(to, bytes, len);
	free(bytes);
	return bytes != NULL && got == len;
}

static const char *
read_stream(const cJSON *arguments, struct bulk_run *run)
{
	struct bulk_stream *s = &run->stream;
	size_t ip_len;

	s->ipv6 = number_of(arguments, "ipv6", 0) != 0;
	s->partial = number_of(arguments, "partial", 1) != 0;
	s->vlan = (uint16_t)number_of(arguments, "vlan", 0);
	s->payload = (uint32_t)number_of(arguments, "payload", 1448);
	s->mss = (uint16_t)number_of(arguments, "mss", 1448);
	ip_len = s->ipv6 ? 16 : 4;
	if (!bytes_of(arguments, "source_mac", s->source_mac, 6)
		|| !bytes_of(arguments, "target_mac", s->target_mac, 6)
		|| !bytes_of(arguments, "source_ip", s->source_ip, ip_len)
		|| !bytes_of(arguments, "target_ip", s->target_ip, ip_len))
		return "source_mac, target_mac, source_ip, target_ip are hexadecimal";
	if (s->payload == 0 || s->mss == 0 || s->payload + 100 > run->from->options.tx_buffer
		|| s->payload > 65535 - 60)
		return "payload does not fit a buffer or a packet";
	if (!bulk_stream_start(s, run->from->options.tx_buffers))
		return "no memory";
	run->is_written = calloc(run->from->options.tx_buffers, sizeof(bool));
	bulk_header(s, &run->header);
	return NULL;
}

// Buffers go round as payloads do, so that these are written once.
static bool
send_one(struct bulk_run *run)
{
	const struct tx_frame layout = {0};
	const struct bulk_stream *s = &run->stream;
	uint32_t header_len = run->from->header_len;
	uint8_t *bytes = port_tx_bytes(run->from, run->tx, run->next);

	if (run->tx->is_busy[run->next])
		return false;
	if (run->is_written[run->next]) {
		bulk_frame_move(s, bytes + header_len, run->sent);
	} else {
		memcpy(bytes, &run->header, header_len);
		bulk_frame_write(s, bytes + header_len, run->sent);
		run->is_written[run->next] = true;
	}
	if (port_tx_post(
		    run->from, run->tx, run->next, header_len + s->headers + s->payload, &layout)
		!= 0)
		return false;
	run->next = (uint16_t)((run->next + 1) % run->from->options.tx_buffers);
	run->sent += s->payload;
	return true;
}

static void
on_frame(struct port *port, struct port_queue *queue, const struct rx_frame *frame, void *context)
{
	struct bulk_run *run = context;
	uint64_t offset = run->received;
	uint32_t len = bulk_frame_check(&run->stream, frame, &offset, &run->errors);

	if (len == 0)
		return;
	run->frames++;
	run->supers += len > run->stream.mss;
	run->good += len;
	if (offset < run->received) {
		run->errors.order++;
		return;
	}
	run->lost += offset - run->received;
	run->received = offset + len;
}

static void
run_for(struct bulk_run *run, uint64_t duration_ns)
{
	uint64_t now = now_ns(), end = now + duration_ns, progress = now;

	while (now < end || run->received < run->sent) {
		uint64_t before = run->received;
		bool posted = false;

		port_tx_reap(run->tx);
		while (now < end && run->sent - run->received + run->stream.payload <= run->window
			&& send_one(run))
			posted = true;
		if (posted)
			port_kick(run->from, run->tx);
		port_rx(run->to, run->rx, RX_BURST, on_frame, run);
		now = now_ns();
		if (run->received != before)
			progress = now;
		if (now - progress > run->stall_ns) {
			run->stalls++;
			run->lost += run->sent - run->received;
			run->received = run->sent;
			progress = now;
			if (now >= end || run->stalls > 20)
				return;
		}
	}
}

static void
add_results(const struct bulk_run *run, double seconds, cJSON *result)
{
	const struct bulk_errors *e = &run->errors;
	const struct {
		const char *name;
		uint64_t n;
	} errors[] = {{"length", e->length}, {"bytes", e->bytes}, {"ip_checksum", e->ip_checksum},
		{"checksum", e->checksum}, {"metadata", e->metadata}, {"order", e->order}};
	cJSON *object = cJSON_AddObjectToObject(result, "errors");

	cJSON_AddNumberToObject(result, "seconds", seconds);
	cJSON_AddNumberToObject(result, "payload_bytes", (double)run->good);
	cJSON_AddNumberToObject(result, "gbit_s", (double)run->good * 8e-9 / seconds);
	cJSON_AddNumberToObject(result, "sent_frames", (double)run->sent / run->stream.payload);
	cJSON_AddNumberToObject(result, "received_frames", (double)run->frames);
	cJSON_AddNumberToObject(result, "super_frames", (double)run->supers);
	cJSON_AddNumberToObject(result, "lost_bytes", (double)run->lost);
	cJSON_AddNumberToObject(result, "foreign_frames", (double)e->foreign);
	cJSON_AddNumberToObject(result, "stalls", (double)run->stalls);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].n > 0)
			cJSON_AddNumberToObject(object, errors[i].name, (double)errors[i].n);
	}
}

static const char *
find_ends(const cJSON *arguments, struct bulk_run *run)
{
	unsigned pair = (unsigned)number_of(arguments, "queue", 0);

	run->from = peer_find((unsigned)number_of(arguments, "from", -1));
	run->to = peer_find((unsigned)number_of(arguments, "to", -1));
	if (run->from == NULL || run->to == NULL)
		return "from, to: no such port";
	if (!run->from->is_ready || !run->to->is_ready)
		return "not connected";
	if (pair >= run->from->pairs || pair >= run->to->pairs)
		return "no such queue";
	run->tx = port_tx_queue(run->from, pair);
	run->rx = port_rx_queue(run->to, pair);
	return NULL;
}

// As many bytes as come in frames that fill half of the receiver's buffers, so that what is under
// way finds room whatever the order. Super-frames come whole to a receiver that takes them.
static uint64_t
usual_window(const struct bulk_run *run)
{
	const struct port_options *o = &run->to->options;
	const struct bulk_stream *s = &run->stream;
	unsigned int tso = s->ipv6 ? VIRTIO_NET_F_GUEST_TSO6 : VIRTIO_NET_F_GUEST_TSO4;
	bool whole = s->payload <= s->mss || (run->to->features & (1ull << tso)) != 0;
	bool merges = (run->to->features & (1ull << VIRTIO_NET_F_MRG_RXBUF)) != 0;
	uint32_t frame = whole ? s->payload : s->mss;
	uint32_t buffers = merges ? (frame + s->headers) / o->rx_buffer + 1 : 1; // of a frame
	uint64_t bytes = (uint64_t)(o->rx_buffers / 2 / buffers) * frame;

	if (bytes > 1u << 20)
		bytes = 1u << 20;
	return bytes < s->payload ? s->payload : bytes;
}

const char *
command_bulk(const cJSON *arguments, cJSON *result)
{
	struct bulk_run run = {0};
	const char *wrong = find_ends(arguments, &run);
	uint64_t start;

	if (wrong == NULL)
		wrong = read_stream(arguments, &run);
	if (wrong != NULL)
		return wrong;
	run.window = (uint64_t)number_of(arguments, "window", (double)usual_window(&run));
	run.stall_ns = (uint64_t)number_of(arguments, "stall_ms", STALL_MS) * 1000000;
	run.next = 0;
	ring_interrupts(&run.rx->ring, false);
	port_tx_reap(run.tx);
	start = now_ns();
	run_for(&run, (uint64_t)(number_of(arguments, "seconds", 1) * 1e9));
	add_results(&run, (double)(now_ns() - start) * 1e-9, result);
	bulk_stream_free(&run.stream);
	free(run.is_written);
	peer_poll(run.to);
	return NULL;
}
