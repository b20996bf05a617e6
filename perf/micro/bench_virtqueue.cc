/* SPDX-License-Identifier: Apache-2.0 */

// The virtqueue's own cost: cycles a frame of rx, of tx, and of both with the mbufs between them,
// in every layout. The guest runs in the same thread and outside of the clock, so its memory is in
// this core's cache: these are the instructions. What two cores pay for the lines that they share
// shows in perf/system.

#include <string>

#include "cycles.h"

extern "C" {
#include "queue_guest.h"
}

namespace
{

struct Layout {
	const char *name;
	bool packed, in_order, mergeable;
};

const Layout layouts[] = {
	{"split", false, false, false},
	{"split-inorder", false, true, false},
	{"split-mergeable", false, false, true},
	{"packed", true, false, false},
	{"packed-inorder", true, true, false},
	{"packed-mergeable", true, false, true},
};

enum Direction {
	RX,
	TX,
	BOTH,
};

void
run(benchmark::State &state, const Layout &layout, Direction direction)
{
	queue_pair *pair = queue_pair_create(layout.packed, layout.in_order, layout.mergeable);
	auto size = std::uint32_t(state.range(0));
	auto burst = std::uint16_t(state.range(1));
	Cycles cycles;

	for (auto _ : state) {
		queue_cycles turn = queue_pair_turn(pair, size, burst);
		std::uint64_t chosen = direction == RX   ? turn.rx
				       : direction == TX ? turn.tx
							 : turn.rx + turn.tx - clock_cost();

		cycles.add(chosen);
		state.SetIterationTime(Cycles::seconds(chosen));
	}
	cycles.report(state, burst);
	queue_pair_free(pair);
}

void
add_all()
{
	const char *names[] = {"rx", "tx", "both"};

	for (const Layout &layout : layouts)
		for (int direction = RX; direction <= BOTH; direction++)
			benchmark::RegisterBenchmark(
				(std::string(layout.name) + "/" + names[direction]).c_str(),
				[&layout, direction](benchmark::State &state) {
					run(state, layout, Direction(direction));
				})
				->ArgNames({"size", "burst"})
				->ArgsProduct({{64, 256, 1518}, {1, 8, 32, QUEUE_BURST}})
				->UseManualTime()
				->MinTime(0.02);
}

} // namespace

int
main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	add_all();
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
