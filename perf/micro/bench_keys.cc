/* SPDX-License-Identifier: Apache-2.0 */

// Look-ups in every table that workers use: cycles a key by the table's size, the burst's, and
// whether the table is in L1 and L2 ("cold": neither). Keys are uniformly random. Sizes up to
// 10,000 entries, with CAUSEWAY_MICRO_BIG in the environment up to a million (which takes minutes,
// and more memory: CAUSEWAY_MICRO_MIB=2000).

#include <cstdlib>
#include <random>
#include <string>

#include "cycles.h"

extern "C" {
#include "plane.h"
#include "table_kinds.h"
}

namespace
{

struct plane *the_plane;

// The table of the last benchmark serves the next one when that asks for the same.
struct Filled {
	const table_kind *kind;
	std::uint32_t n;
	void *table;
} filled;

void *
fill(const table_kind *kind, std::uint32_t n)
{
	if (filled.kind == kind && filled.n == n)
		return filled.table;
	if (filled.table != nullptr)
		filled.kind->free(filled.table);
	filled = {kind, n, kind->fill(the_plane, n)};
	return filled.table;
}

// Arguments: entries, burst, cold.
void
run(benchmark::State &state, const table_kind *kind)
{
	const std::uint32_t entries = std::uint32_t(state.range(0));
	const std::uint32_t burst = std::uint32_t(state.range(1));
	void *table = fill(kind, entries);
	std::mt19937 random(1);
	std::uint32_t missing = 0;
	Cycles cycles;

	if (table == nullptr) {
		state.SkipWithError("no memory for so many: CAUSEWAY_MICRO_MIB");
		return;
	}
	for (auto _ : state) {
		for (std::uint32_t i = 0; i < burst; i++)
			kind->draw(i, std::uint32_t(random() % entries));
		if (state.range(2) != 0)
			plane_evict(the_plane);
		std::uint64_t start = rte_rdtsc();
		std::uint32_t found = kind->lookup(table, burst);
		std::uint64_t some = rte_rdtsc() - start;

		missing += burst - found;
		cycles.add(some);
		state.SetIterationTime(Cycles::seconds(some));
	}
	if (missing != 0)
		state.SkipWithError("keys are missing");
	cycles.report(state, burst);
}

void
register_kind(const table_kind *kind)
{
	const bool is_big = std::getenv("CAUSEWAY_MICRO_BIG") != nullptr;
	const std::string name = std::string("lookup/") + kind->name;

	for (std::uint32_t entries : {1u, 100u, 10000u, 100000u, 1000000u}) {
		const std::uint32_t n = std::min(entries, kind->limit);

		if (entries > 10000 && !is_big)
			break;
		for (int cold : {0, 1})
			benchmark::RegisterBenchmark(
				name.c_str(), [kind](benchmark::State &state) { run(state, kind); })
				->ArgNames({"entries", "burst", "cold"})
				->ArgsProduct({{n}, {1, 8, 32, 64}, {cold}})
				->Iterations(cold != 0 ? 200 : 20000)
				->UseManualTime();
		if (n < entries)
			break;
	}
}

} // namespace

int
main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	the_plane = plane_create();
	benchmark::AddCustomContext("hugepages", plane_has_hugepages() ? "yes" : "no");
	for (const table_kind *kind = table_kinds; kind->name != nullptr; kind++)
		register_kind(kind);
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
