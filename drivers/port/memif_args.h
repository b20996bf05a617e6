/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_ARGS_H
#define DRIVERS_PORT_MEMIF_ARGS_H

// port_config.args of kind memif:
//   role=master|slave[,id=N][,path=PATH|@NAME][,ring=1024][,buffer=2048][,secret=TEXT]
// "@" marks a name in the abstract namespace of AF_UNIX (unix(7)). ring and buffer are what a slave
// makes; a master takes what its peer made.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memif_wire.h"

#define MEMIF_PATH_LEN 108 // sizeof(sun_path)
#define MEMIF_RING_MIN 32u
#define MEMIF_RING_MAX (1u << MEMIF_LOG2_RING_SIZE_MAX)
#define MEMIF_BUFFER_MIN 256u
#define MEMIF_BUFFER_MAX 16384u

struct memif_args {
	bool is_slave;
	uint32_t id;
	char path[MEMIF_PATH_LEN]; // empty when not given
	uint8_t log2_ring_size;
	uint16_t buffer_size; // bytes
	char secret[MEMIF_SECRET_LEN]; // empty: none wanted
};

// Returns 0, or -EINVAL and a sentence that names key and value. Any thread.
int memif_args_parse(const char *text, struct memif_args *args, char *reason, size_t reason_len);

#endif
