/* SPDX-License-Identifier: Apache-2.0 */

// Route tables: what loading costs from first to last, how much memory a route takes, cycles of a
// look-up. Addresses are random over the unicast space, which is harder on memory and caches than
// the Internet's table of the same size; prefix lengths are the Internet's.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

extern "C" {
#include <rte_cycles.h>

#include "tables/lpm.h"
}

namespace
{

constexpr std::size_t ARENA_BYTES = std::size_t(1) << 32;
constexpr std::size_t EDGE = 10000; // routes whose loading is timed at both ends
constexpr std::size_t BURST = 64;

struct Route {
	std::array<std::uint8_t, 16> prefix;
	std::uint8_t length;
};

using Routes = std::vector<Route>;
using Tables = std::vector<lpm_table *>;
using Random = std::mt19937_64;

struct Share {
	unsigned int percent;
	std::uint8_t length;
};

// Of the Internet's tables, rounded.
constexpr Share lengths4[] = {{60, 24}, {10, 23}, {11, 22}, {5, 21}, {4, 20}, {3, 19}, {2, 18},
	{1, 17}, {2, 16}, {1, 14}, {1, 32}};
constexpr Share lengths6[] = {{46, 48}, {13, 32}, {10, 44}, {10, 40}, {5, 36}, {4, 46}, {4, 29},
	{3, 33}, {2, 34}, {1, 64}, {1, 128}, {1, 42}};
constexpr std::uint16_t blocks6[] = {0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00};

template <std::size_t N>
std::uint8_t
pick_length(Random &random, const Share (&shares)[N])
{
	std::uint64_t dice = random() % 100;

	for (const Share &share : shares) {
		if (dice < share.percent)
			return share.length;
		dice -= share.percent;
	}
	return shares[0].length;
}

Route
random_route(Random &random, bool is_v6)
{
	std::uint64_t words[2] = {random(), random()};
	Route route;

	std::memcpy(route.prefix.data(), words, sizeof(words));
	if (is_v6) {
		std::uint16_t block = blocks6[random() % 6];

		route.length = pick_length(random, lengths6);
		route.prefix[0] = std::uint8_t(block >> 8);
		route.prefix[1] = std::uint8_t(block | (route.prefix[1] & 0x0f));
	} else {
		route.length = pick_length(random, lengths4);
		route.prefix[0] = std::uint8_t(1 + route.prefix[0] % 223);
	}
	return route;
}

Routes
random_routes(std::size_t n, bool is_v6)
{
	Random random(is_v6 ? 6 : 4);
	Routes routes(n);

	for (Route &route : routes)
		route = random_route(random, is_v6);
	return routes;
}

class Arena
{
      public:
	Arena()
	{
		std::size_t size = (rte_rcu_qsbr_get_memsize(1) + 63) & ~std::size_t(63);

		qsbr = static_cast<rte_rcu_qsbr *>(std::aligned_alloc(64, size));
		rte_rcu_qsbr_init(qsbr, 1);
		lpm = lpm_create(ARENA_BYTES, qsbr, -1);
	}
	~Arena()
	{
		lpm_free(lpm);
		std::free(qsbr);
	}
	Arena(const Arena &) = delete;
	Arena &operator=(const Arena &) = delete;

	struct lpm *lpm;
	rte_rcu_qsbr *qsbr;
};

// Of this thread alone: others may share the core.
double
cpu_seconds()
{
	timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

double
median(std::vector<std::uint32_t> &values)
{
	auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);

	std::nth_element(values.begin(), middle, values.end());
	return *middle;
}

// Loads routes [from, to). Returns nanoseconds a route.
double
load(const Tables &tables, const Routes &routes, std::size_t from, std::size_t to)
{
	double start = cpu_seconds();

	for (std::size_t i = from; i < to; i++) {
		lpm_table *table = tables[i * tables.size() / routes.size()];

		lpm_set(table, routes[i].prefix.data(), routes[i].length,
			std::uint32_t(1 + i % 60000));
	}
	return (cpu_seconds() - start) * 1e9 / double(to - from);
}

void
report(benchmark::State &state, const Arena &arena, const Tables &tables)
{
	std::size_t bytes = 0, routes = 0;

	for (const lpm_table *table : tables) {
		bytes += lpm_table_bytes(table);
		routes += lpm_count(table);
	}
	state.counters["routes"] = double(routes);
	state.counters["B/route"] = double(bytes) / double(routes);
	state.counters["arena_B/route"] = double(lpm_bytes(arena.lpm)) / double(routes);
}

// Arguments: networks, routes a network, IPv6.
void
BM_load(benchmark::State &state)
{
	std::size_t n_tables = std::size_t(state.range(0));
	bool is_v6 = state.range(2) != 0;
	Routes routes = random_routes(n_tables * std::size_t(state.range(1)), is_v6);

	for (auto _ : state) {
		Arena arena;
		Tables tables(n_tables);

		for (lpm_table *&table : tables)
			table = lpm_table_create(arena.lpm, is_v6 ? 128 : 32);
		state.counters["empty_B"] = double(lpm_table_bytes(tables[0]));
		state.counters["first_ns"] = load(tables, routes, 0, EDGE);
		load(tables, routes, EDGE, routes.size() - EDGE);
		state.counters["last_ns"] =
			load(tables, routes, routes.size() - EDGE, routes.size());
		report(state, arena, tables);
	}
	state.SetItemsProcessed(state.iterations() * std::int64_t(routes.size()));
}

// Addresses within routes of the table, host bits random.
std::vector<std::array<std::uint8_t, 16>>
addresses_within(const Routes &routes, std::size_t n)
{
	Random random(7);
	std::vector<std::array<std::uint8_t, 16>> addresses(n);

	for (auto &address : addresses) {
		const Route &route = routes[random() % routes.size()];

		address = route.prefix;
		for (unsigned int bit = route.length; bit < 128; bit++)
			if (random() % 2 != 0)
				address[bit / 8] ^= std::uint8_t(0x80u >> bit % 8);
	}
	return addresses;
}

// Arguments: routes, IPv6, bulk.
void
BM_lookup(benchmark::State &state)
{
	bool is_v6 = state.range(1) != 0, is_bulk = state.range(2) != 0;
	Routes routes = random_routes(std::size_t(state.range(0)), is_v6);
	auto addresses = addresses_within(routes, 1 << 20);
	Arena arena;
	Tables tables = {lpm_table_create(arena.lpm, is_v6 ? 128 : 32)};
	std::uint32_t found[BURST], words[BURST];
	const std::uint8_t *at[BURST];
	std::vector<std::uint32_t> cycles;
	std::uint64_t start;
	std::size_t next = 0;

	load(tables, routes, 0, routes.size());
	for (auto _ : state) {
		for (std::size_t i = 0; i < BURST; i++) {
			at[i] = addresses[next++ & (addresses.size() - 1)].data();
			std::memcpy(&words[i], at[i], sizeof(words[i]));
		}
		start = rte_rdtsc();
		if (!is_bulk)
			for (std::size_t i = 0; i < BURST; i++)
				found[i] = lpm_lookup(tables[0], at[i]);
		else if (is_v6)
			lpm_lookup6_bulk(tables[0], at, BURST, found);
		else
			lpm_lookup4_bulk(tables[0], words, BURST, found);
		cycles.push_back(std::uint32_t(rte_rdtsc() - start));
		benchmark::DoNotOptimize(found);
	}
	state.SetItemsProcessed(state.iterations() * std::int64_t(BURST));
	state.counters["cycles"] = median(cycles) / double(BURST);
}

// A full table where routes go and come. Argument: IPv6.
void
BM_churn(benchmark::State &state)
{
	bool is_v6 = state.range(0) != 0;
	Routes routes = random_routes(1000000, is_v6);
	Arena arena;
	Tables tables = {lpm_table_create(arena.lpm, is_v6 ? 128 : 32)};
	Random random(9);

	load(tables, routes, 0, routes.size());
	for (auto _ : state) {
		const Route &route = routes[random() % routes.size()];

		lpm_del(tables[0], route.prefix.data(), route.length);
		lpm_set(tables[0], route.prefix.data(), route.length, 5);
	}
	report(state, arena, tables);
}

BENCHMARK(BM_load)
	->ArgNames({"networks", "routes", "v6"})
	->Args({1000, 100, 0})
	->Args({1000, 100, 1})
	->Args({1, 1000000, 0})
	->Args({1, 1000000, 1})
	->Unit(benchmark::kMillisecond);
BENCHMARK(BM_lookup)
	->ArgNames({"routes", "v6", "bulk"})
	->ArgsProduct({{100, 1000000}, {0, 1}, {0, 1}});
BENCHMARK(BM_churn)->ArgName("v6")->Arg(0)->Arg(1);

} // namespace

BENCHMARK_MAIN();
