/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_lcore.h>

#include "age.h"
#include "far_side.h"
#include "hash.h"
#include "log.h"

#define TICK_MS 250
#define BURST 64

struct end *
card_end(struct card *card, uint16_t port_id)
{
	for (unsigned int i = 0; i < card->n_ends; i++)
		if (card->ends[i].port_id == port_id)
			return &card->ends[i];
	return NULL;
}

bool
card_is_started(struct card *card, uint16_t port_id)
{
	const struct end *end = card_end(card, port_id);

	return end != NULL && end->is_started;
}

void
card_to_queue(struct end *end, struct frame *frame, uint16_t queue)
{
	if (!end->is_started || queue >= end->n_queues
		|| rte_ring_enqueue(end->rings[queue], frame) != 0) {
		end->counters.missed++;
		frame_free(frame);
	}
}

static void
to_kernel(struct end *end, struct frame *frame)
{
	const int fd = end->index == 0 ? end->card->kernel_fd : -1;

	if (fd < 0 || far_side_send(fd, frame->data, frame->length) < 0)
		end->counters.missed += !end->is_isolated;
	frame_free(frame);
}

void
card_to_ethdev(struct end *end, struct frame *frame)
{
	struct run run = {
		.card = end->card,
		.ethdev = end,
		.frame = frame,
		.origin = {.port_id = end->port_id},
	};

	if (!end->is_started) {
		to_kernel(end, frame);
		return;
	}
	if (rules_run(&run, &end->ingress) == RULES_DONE) {
		frame_free(frame);
		return;
	}
	if (end->is_isolated) {
		to_kernel(end, frame);
		return;
	}
	card_to_queue(
		end, frame, end->n_queues > 1 ? (uint16_t)(hash_outer(frame) % end->n_queues) : 0);
}

void
card_to_far_side(struct end *end, struct frame *frame)
{
	if (end->fd < 0 || far_side_send(end->fd, frame->data, frame->length) < 0)
		end->counters.tx_errors++;
	else
		end->counters.to_far_side++;
	frame_free(frame);
}

// Without rules an ethdev and what it represents are one wire (switch_representation, "Basic").
void
card_take(struct end *end, struct frame *frame, bool from_ethdev)
{
	struct run run = {
		.card = end->card,
		.frame = frame,
		.origin = {.port_id = end->port_id, .is_ethdev = from_ethdev},
	};

	if (rules_run(&run, &end->card->transfer) == RULES_DONE)
		frame_free(frame);
	else if (from_ethdev)
		card_to_far_side(end, frame);
	else
		card_to_ethdev(end, frame);
}

static void
receive(struct end *end)
{
	for (unsigned int i = 0; i < BURST; i++) {
		struct frame *frame = far_side_receive(end->fd);

		if (frame == NULL)
			return;
		pthread_mutex_lock(&end->card->lock);
		end->counters.from_far_side++;
		card_take(end, frame, false);
		pthread_mutex_unlock(&end->card->lock);
	}
}

static void
receive_from_kernel(struct card *card)
{
	for (unsigned int i = 0; i < BURST; i++) {
		struct frame *frame = far_side_receive(card->kernel_fd);

		if (frame == NULL)
			return;
		pthread_mutex_lock(&card->lock);
		card_to_far_side(&card->ends[0], frame);
		pthread_mutex_unlock(&card->lock);
	}
}

static void
lose(struct rule_list *list, uint16_t owner)
{
	struct rte_flow *rule;

	TAILQ_FOREACH (rule, list, next)
		rule->is_lost = rule->is_lost || rule->owner == owner;
}

void
card_lose_rules(struct end *end)
{
	lose(&end->card->transfer, end->port_id);
	lose(&end->ingress, end->port_id);
}

// The cable was pulled: the card loses all rules, and says that it works on after a reset only.
static void
reset_if_unplugged(struct card *card, short events)
{
	struct end *uplink = &card->ends[0];
	uint16_t port_id;

	if ((events & POLLERR) == 0)
		return;
	pthread_mutex_lock(&card->lock);
	card_lose_rules(uplink);
	port_id = uplink->port_id;
	pthread_mutex_unlock(&card->lock);
	if (port_id != CARD_NO_PORT)
		uplink->tell_reset(port_id);
}

static void *
thread_main(void *arg)
{
	struct card *card = arg;
	struct pollfd fds[CARD_MAX_ENDS + 2], *kernel = &fds[card->n_ends], *stop = kernel + 1;

	for (unsigned int i = 0; i < card->n_ends; i++)
		fds[i] = (struct pollfd){.fd = card->ends[i].fd, .events = POLLIN};
	*kernel = (struct pollfd){.fd = card->kernel_fd, .events = POLLIN};
	*stop = (struct pollfd){.fd = card->stop_fd, .events = POLLIN};
	while (stop->revents == 0) {
		if (poll(fds, card->n_ends + 2u, TICK_MS) < 0)
			continue;
		for (unsigned int i = 0; i < card->n_ends; i++)
			if (fds[i].revents != 0)
				receive(&card->ends[i]);
		if (kernel->revents != 0)
			receive_from_kernel(card);
		reset_if_unplugged(card, fds[0].revents);
		age_check(card);
	}
	return NULL;
}

static int
open_far_sides(struct card *card)
{
	const struct options *options = &card->options;

	if (options->kernel[0] != '\0') {
		card->kernel_fd = far_side_open(options->kernel);
		if (card->kernel_fd < 0) {
			PMD_LOG(ERR, "%s cannot be opened: %s", options->kernel, strerror(errno));
			return -errno;
		}
	}
	for (unsigned int i = 0; i < card->n_ends; i++) {
		struct end *end = &card->ends[i];
		const char *name = i == 0 ? options->wire : options->vf[i - 1];

		*end = (struct end){.card = card, .index = (uint8_t)i, .port_id = CARD_NO_PORT};
		TAILQ_INIT(&end->ingress);
		end->fd = name[0] != '\0' ? far_side_open(name) : -1;
		if (end->fd < 0 && name[0] != '\0') {
			PMD_LOG(ERR, "%s cannot be opened: %s", name, strerror(errno));
			return -errno;
		}
	}
	return 0;
}

struct card *
card_open(const struct options *options)
{
	struct card *card = calloc(1, sizeof(*card));

	if (card == NULL)
		return NULL;
	pthread_mutex_init(&card->lock, NULL);
	TAILQ_INIT(&card->transfer);
	card->options = *options;
	card->n_ends = (uint8_t)(1 + options->n_vfs);
	for (unsigned int i = 0; i < card->n_ends; i++)
		card->ends[i].fd = -1;
	card->kernel_fd = -1;
	card->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (card->stop_fd < 0 || open_far_sides(card) < 0
		|| rte_ctrl_thread_create(&card->thread, "net_flow", NULL, thread_main, card)
			   != 0) {
		card_close(card);
		return NULL;
	}
	card->thread_runs = true;
	return card;
}

static void
free_rules(struct rule_list *list)
{
	struct rte_flow *rule;

	while ((rule = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, rule, next);
		rules_free(rule);
	}
}

void
card_close(struct card *card)
{
	if (card->thread_runs) {
		eventfd_write(card->stop_fd, 1);
		pthread_join(card->thread, NULL);
	}
	if (card->stop_fd >= 0)
		close(card->stop_fd);
	if (card->kernel_fd >= 0)
		close(card->kernel_fd);
	for (unsigned int i = 0; i < card->n_ends; i++) {
		if (card->ends[i].fd >= 0)
			close(card->ends[i].fd);
		if (card->ends[i].card != NULL)
			free_rules(&card->ends[i].ingress);
	}
	free_rules(&card->transfer);
	pthread_mutex_destroy(&card->lock);
	free(card);
}
