/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_CONFIG_H
#define DATAPLANE_CONFIG_H

// Configuration of causeway-dp: a JSON file, and a flag of the same name for every key; flags win.

#include <stdbool.h>
#include <stdint.h>

#include <causeway/limits.h>

#define CONFIG_TEXT 108 // a socket path, with the terminating zero
#define CONFIG_DRIVERS 8
#define CONFIG_PATH 256

struct config {
	char runtime_dir[CONFIG_TEXT];
	char cores[256]; // list of CPUs for workers, "" = chosen
	char idle[16]; // "adaptive" or "poll"
	char log_level[16];
	uint64_t burst; // frames at most that a worker takes from a queue at a time
	bool huge;
	uint64_t mbufs, jumbos;
	uint64_t fdb_entries, neighbors;
	uint64_t route_memory; // MiB of address space for look-up structures
	char drivers[CONFIG_DRIVERS][CONFIG_PATH]; // shared objects of DPDK drivers; "" ends them
};

enum config_action {
	CONFIG_RUN = 0,
	CONFIG_EXIT, // help or version was asked for and printed
	CONFIG_CHECK, // --check-config: it is valid, nothing else wanted
	CONFIG_DRY_RUN, // --dry-run: check the machine, too, and say what would be done
};

// Fills config from defaults, file and flags. Returns a config_action, or -EINVAL, -ENOENT, ...
// after saying on stderr which key has which value and what it takes.
int config_load(int argc, char **argv, struct config *config);

#endif
