/* SPDX-License-Identifier: Apache-2.0 */

// Cycles of each stage by itself, and of the whole way from a worker's rx to the device, which is
// none: see plane.h. 'cold' means that frames and tables were evicted from L1 and L2 before.
// 'cycles' is the median of the iterations a packet, 'best' their best tenth.

#include <memory>
#include <random>
#include <string>

#include "cycles.h"
#include "frames.h"

namespace
{

plane *the_plane;

using Burst = std::vector<const plane_frame *>;

struct Case {
	const char *stage, *what;
	plane_frame frame;
};

std::vector<Case>
cases()
{
	plane_frame small = frame_routed(frame_udp4(PLANE_IN, PLANE_SMALL, 1014));
	plane_frame learned = frame_udp4(PLANE_LEARNING, PLANE_TRUNK);
	plane_frame l2 = frame_udp4(PLANE_IN, PLANE_OUT), l2_6 = frame_udp6(PLANE_IN, PLANE_OUT);
	plane_frame stray = frame_unknown();

	stray.port = PLANE_UPLINK;

	return {
		{"parse", "ipv4", l2},
		{"parse", "ipv6", l2_6},
		{"classify", "untagged", l2},
		{"classify", "tagged", frame_tagged(frame_udp4(PLANE_TRUNK, PLANE_OUT), 7)},
		{"guard", "ipv4", l2},
		{"guard", "ipv6", l2_6},
		{"learn", "known", learned},
		{"arp", "request", frame_arp()},
		{"nd", "solicitation", frame_nd()},
		{"forward", "switched", l2},
		{"route", "neighbor4", frame_routed(l2)},
		{"route", "neighbor6", frame_routed(l2_6)},
		{"route", "lpm4", frames_to_hosts(1)[0]},
		{"switch", "known", l2},
		{"flood", "unknown", frame_unknown()},
		{"local", "echo", frame_echo()},
		{"rewrite", "routed4", frame_routed(l2)},
		{"rewrite", "switched", l2},
		{"egress", "untagged", l2},
		{"egress", "tagged", frame_udp4(PLANE_IN, PLANE_TRUNK)},
		{"fragment", "two", small},
		{"segment", "four", frame_super(PLANE_PLAIN, 500)},
		{"decap", "vxlan", frames_from_tunnel(1)[0]},
		{"encap", "vxlan", frames_to_tunnel(1)[0]},
		{"tx", "", l2},
		{"icmp_error", "ttl", frame_expiring()},
		{"punt", "not_ours", stray},
	};
}

void
run_stage(benchmark::State &state, const Case &item)
{
	Burst burst(std::size_t(state.range(0)), &item.frame);
	Cycles cycles;

	for (auto _ : state) {
		plane_fill(the_plane, burst.data(), std::uint16_t(burst.size()));
		std::uint64_t some = plane_time_stage(the_plane, item.stage, state.range(1) != 0);

		cycles.add(some);
		state.SetIterationTime(Cycles::seconds(some));
	}
	cycles.report(state, std::uint32_t(burst.size()));
}

// A burst takes its flows at random. Arguments: flows, burst, cold.
void
run_way(benchmark::State &state, const std::vector<plane_frame> &frames)
{
	std::mt19937 random(1);
	Burst burst{std::size_t(state.range(1))};
	Cycles cycles;

	plane_sent(the_plane);
	for (auto _ : state) {
		for (const plane_frame *&frame : burst)
			frame = &frames[random() % frames.size()];
		plane_fill(the_plane, burst.data(), std::uint16_t(burst.size()));
		if (state.range(2) != 0)
			plane_evict(the_plane);
		std::uint64_t some = plane_time_way(the_plane);

		cycles.add(some);
		state.SetIterationTime(Cycles::seconds(some));
	}
	if (plane_sent(the_plane) != std::uint64_t(state.iterations()) * burst.size())
		state.SkipWithError("packets are missing");
	cycles.report(state, std::uint32_t(burst.size()));
}

template <typename Make>
void
register_way(const char *name, Make make)
{
	for (std::uint32_t flows : {1u, 4u, 100u, 10000u}) {
		auto frames = std::make_shared<std::vector<plane_frame>>(make(flows));

		benchmark::RegisterBenchmark(
			name, [frames](benchmark::State &state) { run_way(state, *frames); })
			->ArgNames({"flows", "burst", "cold"})
			->ArgsProduct({{flows}, {1, 8, 32, 64}, {0, 1}})
			->UseManualTime();
	}
}

void
register_all()
{
	for (const Case &item : cases()) {
		std::string name = std::string("stage/") + item.stage + "/" + item.what;

		benchmark::RegisterBenchmark(
			name.c_str(), [item](benchmark::State &state) { run_stage(state, item); })
			->ArgNames({"burst", "cold"})
			->ArgsProduct({{1, 8, 32, 64}, {0, 1}})
			->UseManualTime();
	}
	register_way("way/l2", frames_switched);
	register_way("way/l3", frames_to_blocks);
	register_way("way/l3_hosts", frames_to_hosts);
	register_way("way/l3_local", [](std::uint32_t n) {
		return std::vector<plane_frame>(n, frame_routed(frame_udp4(PLANE_IN, PLANE_OUT)));
	});
	register_way("way/encap", frames_to_tunnel);
	register_way("way/decap", frames_from_tunnel);
	register_way("way/l2v6", [](std::uint32_t n) {
		return std::vector<plane_frame>(n, frame_udp6(PLANE_IN, PLANE_OUT));
	});
}

} // namespace

int
main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	the_plane = plane_create();
	plane_routes(the_plane, 10000);
	plane_tunnel(the_plane);
	benchmark::AddCustomContext("hugepages", plane_has_hugepages() ? "yes" : "no");
	register_all();
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
