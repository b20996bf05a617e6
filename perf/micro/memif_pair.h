/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PERF_MEMIF_PAIR_H
#define PERF_MEMIF_PAIR_H

// A memif ring between two ends in one process, for micro benchmarks. Readable from C++. All of it
// aborts with a sentence when something does not start. Both ends run on one core, so that frames
// and descriptors come from its caches; between two cores their lines travel besides.

#include <stdbool.h>
#include <stdint.h>

struct memif_pair;

// EAL with ordinary memory, once a process.
void memif_pair_start(void);
// s2m: the slave sends, else the master. The receiver polls: no interrupts.
struct memif_pair *memif_pair_create(bool s2m, uint8_t log2_size, uint16_t buffer_size);
void memif_pair_free(struct memif_pair *pair);
// Makes n frames of len bytes and sends them; returns the cycles of sending. What testpmd's
// net_memif frees in it, mbufs, are freed in it here, too.
uint64_t memif_pair_send(struct memif_pair *pair, uint16_t n, uint32_t len);
// Receives n frames; returns the cycles of receiving. Aborts when there are fewer.
uint64_t memif_pair_receive(struct memif_pair *pair, uint16_t n);

#endif
