/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PERF_CYCLES_H
#define PERF_CYCLES_H

// TSC cycles of repeated measurements. The median decides: others may share the core, and a
// measurement that an interrupt fell into says nothing.

#include <algorithm>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

extern "C" {
#include <rte_cycles.h>
}

// What reading the clock twice costs by itself.
inline std::uint64_t
clock_cost()
{
	static const std::uint64_t cost = [] {
		std::uint64_t least = UINT64_MAX;

		for (int i = 0; i < 10000; i++) {
			std::uint64_t start = rte_rdtsc();

			least = std::min(least, rte_rdtsc() - start);
		}
		return least;
	}();

	return cost;
}

class Cycles
{
      public:
	void add(std::uint64_t cycles)
	{
		values.push_back(cycles - std::min(cycles, clock_cost()));
	}
	// Median and best tenth by packet; also the iterations' time, for UseManualTime().
	void report(benchmark::State &state, std::uint32_t packets)
	{
		state.counters["cycles"] = at(2) / packets;
		state.counters["best"] = at(10) / packets;
		state.SetItemsProcessed(state.iterations() * packets);
	}
	static double seconds(std::uint64_t cycles)
	{
		return double(cycles) / double(rte_get_tsc_hz());
	}

      private:
	double at(std::size_t part)
	{
		auto place = values.begin() + std::ptrdiff_t(values.size() / part);

		std::nth_element(values.begin(), place, values.end());
		return double(*place);
	}
	std::vector<std::uint64_t> values;
};

#endif
