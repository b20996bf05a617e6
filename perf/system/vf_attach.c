// SPDX-License-Identifier: Apache-2.0
// How long causewayd itself takes to attach a VF: N times endpoint.add and endpoint.del on the card
// of the unit tests (tests/unit/vf_world.h), whose driver answers at once and whose VFs are taps
// that the kernel really moves, renames and configures.
//
//   vf_attach N
//
// Prints microseconds of causewayd's own time (without what it waited for drivers) and of the whole
// endpoint.add, one attachment a line, kernel VF and DPDK VF in turn: "vf kernel OWN WHOLE".
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vf/vf.h"
#include "vf/vf_record.h"
#include "vf_world.h"

#define COMMON                                                              \
	"\"mac\":\"02:00:00:00:01:01\",\"mtu\":1400,"                       \
	"\"ips\":[{\"address\":\"10.9.0.5/24\",\"gateway\":\"10.9.0.1\"}]," \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"}],"
#define SETTINGS ",\"vlan\":5,\"trust\":true,\"spoofchk\":false,\"max_tx_rate\":100}"

static unsigned int rounds;

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
attach_once(const char *mode, const char *members)
{
	const uint64_t start = now_us();
	cJSON *result = world_add_ok(members);
	const uint64_t whole = now_us() - start;

	printf("vf %s %llu %llu\n", mode, (unsigned long long)world->pod.c->d->vfs->records->own_us,
		(unsigned long long)whole);
	cJSON_Delete(result);
	world_del();
}

static void
attach_often(void **state)
{
	for (unsigned int i = 0; i < rounds; i++) {
		attach_once("kernel", COMMON "\"vf\":{\"pci\":\"" FAKE_VF0 "\"" SETTINGS);
		attach_once("dpdk",
			COMMON "\"vf\":{\"pci\":\"" FAKE_VF2 "\",\"bind\":\"vfio-pci\"" SETTINGS);
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(attach_often, world_setup, world_teardown),
	};

	rounds = argc == 2 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	if (rounds == 0) {
		fprintf(stderr, "usage: vf_attach N\n");
		return 2;
	}
	if (!control_enter_namespace())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
