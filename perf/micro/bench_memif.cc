/* SPDX-License-Identifier: Apache-2.0 */

// Cycles of a memif ring's ends: s2m 1 is slave to master. See memif_pair.h for what is not in
// them. 'cycles' is the median of the iterations a packet, 'best' their best tenth.

#include "cycles.h"

extern "C" {
#include "memif_pair.h"
}

namespace
{

constexpr std::uint8_t LOG2_RING = 10;
constexpr std::uint16_t BUFFER = 2048;

void
run(benchmark::State &state, bool is_send)
{
	memif_pair *pair = memif_pair_create(state.range(0) != 0, LOG2_RING, BUFFER);
	std::uint16_t burst = std::uint16_t(state.range(1));
	std::uint32_t length = std::uint32_t(state.range(2));
	Cycles cycles;

	for (auto _ : state) {
		std::uint64_t sent = memif_pair_send(pair, burst, length);
		std::uint64_t received = memif_pair_receive(pair, burst);
		std::uint64_t some = is_send ? sent : received;

		cycles.add(some);
		state.SetIterationTime(Cycles::seconds(some));
	}
	cycles.report(state, burst);
	memif_pair_free(pair);
}

void
BM_send(benchmark::State &state)
{
	run(state, true);
}

void
BM_receive(benchmark::State &state)
{
	run(state, false);
}

const std::vector<std::vector<std::int64_t>> arguments = {
	{0, 1}, {1, 8, 32, 64}, {60, 256, 1514, 9014}};

BENCHMARK(BM_send)->ArgNames({"s2m", "burst", "bytes"})->ArgsProduct(arguments)->UseManualTime();
BENCHMARK(BM_receive)->ArgNames({"s2m", "burst", "bytes"})->ArgsProduct(arguments)->UseManualTime();

} // namespace

int
main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	memif_pair_start();
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
