/* SPDX-License-Identifier: Apache-2.0 */

// The fuzz target with random inputs, for every compiler and every run of the unit tests.

#include "../fuzz/fuzz_virtqueue.c"

#include <stdlib.h>

#define INPUTS 20000
#define RECORDS 60

static uint64_t state = 4101842887655102017u;

static uint32_t
dice(void)
{
	state ^= state >> 21;
	state ^= state << 35;
	state ^= state >> 4;
	return (uint32_t)((state * 2685821657736338717u) >> 32);
}

static void
test_random_inputs(void **unused)
{
	uint8_t input[1 + RECORDS * sizeof(struct record)];

	for (uint32_t i = 0; i < INPUTS; i++) {
		for (size_t at = 0; at < sizeof(input); at++)
			input[at] = (uint8_t)dice();
		input[0] = (uint8_t)i;
		LLVMFuzzerTestOneInput(input, 1 + dice() % RECORDS * sizeof(struct record));
	}
}

static int
setup(void **unused)
{
	return LLVMFuzzerInitialize(NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_inputs),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
