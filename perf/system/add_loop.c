// SPDX-License-Identifier: Apache-2.0
// Prints three figures of the CPU that it runs on:
// - TSC cycles of one dependent addition: the TSC's rate over the core's. The chain is unrolled, so
//   that it needs next to nothing that a sibling thread of the core could take away.
// - TSC cycles of one turn of the tightest loop: much more when a sibling thread is at work.
// - the TSC's rate in Hz.
// The least of several rounds, so that one that was interrupted does not count.
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <rte_cycles.h>

#define TURNS 300000
#define ROUNDS 20
#define CHAIN 16

static uint64_t
chain_cycles(void)
{
	uint64_t start = rte_rdtsc_precise(), value = 0;

	for (int i = 0; i < TURNS; i++) {
#pragma GCC unroll 16
		for (int link = 0; link < CHAIN; link++) {
			value += start;
			__asm__ volatile("" : "+r"(value)); // keeps each addition
		}
	}
	return rte_rdtsc_precise() - start;
}

static uint64_t
turn_cycles(void)
{
	uint64_t start = rte_rdtsc_precise();

	for (int i = 0; i < TURNS; i++)
		__asm__ volatile("" ::: "memory"); // keeps the loop
	return rte_rdtsc_precise() - start;
}

static uint64_t
least_of(uint64_t (*cycles)(void))
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t found = cycles();

		least = found < least ? found : least;
	}
	return least;
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int
main(void)
{
	uint64_t start_ns = now_ns(), start = rte_rdtsc();
	double chain = (double)least_of(chain_cycles) / TURNS / CHAIN;
	double turn = (double)least_of(turn_cycles) / TURNS;
	uint64_t cycles = rte_rdtsc() - start;

	printf("%.4f %.4f %.0f\n", chain, turn,
		(double)cycles * 1e9 / (double)(now_ns() - start_ns));
	return 0;
}
