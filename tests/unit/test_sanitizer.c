/* SPDX-License-Identifier: Apache-2.0 */

// Sanitizer builds only: a stage that reads one byte beyond its frame must be reported, although
// the byte lies within an mbuf that DPDK owns. Each plant runs in a process of its own, because a
// report ends it.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum plant { PLANT_NONE, PLANT_BEHIND, PLANT_BEFORE, PLANT_AFTER_TRIM };

static enum plant plant;
static volatile uint8_t taken;

static void
reader_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = w->mbuf[slots[i]];
		const volatile uint8_t *data = rte_pktmbuf_mtod(m, const volatile uint8_t *);

		taken = data[m->data_len - 1];
		if (plant == PLANT_BEHIND)
			taken = data[m->data_len];
		if (plant == PLANT_BEFORE)
			taken = data[-1];
		if (plant == PLANT_AFTER_TRIM && packet_trim(m, 1) == 0)
			taken = data[m->data_len];
		packet_drop(w, slots[i], 0);
	}
}

static struct stage reader = {
	.name = "test_reader",
	.run = reader_run,
	.order = 0, // before all others: gets the burst as received
	.drops = {{"test_read", "the test has read it"}},
};
STAGE_REGISTER(reader)

static void
child(enum plant what, int to)
{
	uint8_t frame[60] = {0};
	void *state;

	dup2(to, STDERR_FILENO);
	plant = what;
	fixture_setup(&state);
	fixture_port(state, 2);
	fixture_inject_one(state, 2, frame, sizeof(frame));
	_exit(0);
}

// Runs one plant; its report, if any, into text. Returns the child's wait status.
static int
run_plant(enum plant what, char *text, size_t len)
{
	int ends[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(what, ends[1]);
	close(ends[1]);
	while (used + 1 < len && (n = read(ends[0], text + used, len - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
assert_reported(enum plant what)
{
	static char text[1 << 16];
	int status = run_plant(what, text, sizeof(text));

	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (strstr(text, "use-after-poison") == NULL)
		fail_msg("no report of the read: %s", text);
}

static void
test_reading_the_frame_is_fine(void **state)
{
	static char text[1 << 16];
	int status = run_plant(PLANT_NONE, text, sizeof(text));

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %d: %s", status, text);
}

static void
test_one_byte_behind_is_reported(void **state)
{
	assert_reported(PLANT_BEHIND);
}

static void
test_one_byte_before_is_reported(void **state)
{
	assert_reported(PLANT_BEFORE);
}

static void
test_trimmed_byte_is_reported(void **state)
{
	assert_reported(PLANT_AFTER_TRIM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading_the_frame_is_fine),
		cmocka_unit_test(test_one_byte_behind_is_reported),
		cmocka_unit_test(test_one_byte_before_is_reported),
		cmocka_unit_test(test_trimmed_byte_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
