/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <causeway/sizing.h>

#include "log.h"
#include "packet.h"

#define MBUF_CACHE 256
#define JUMBO_CACHE 16

static_assert(CW_MBUF_ROOM == RTE_MBUF_DEFAULT_BUF_SIZE, "size of a buffer in sizing.h");
static_assert(CW_MBUF_HEADER == sizeof(struct rte_mbuf), "size of an mbuf in sizing.h");

#ifdef __SANITIZE_ADDRESS__
#define BASE_ADDRESS "0x200000000000" // EAL's own choice lies in the sanitizer's shadow
#endif

static int
node_of(const struct cores *cores, uint16_t i)
{
	return cores->numa[i] < 0 ? SOCKET_ID_ANY : cores->numa[i];
}

uint64_t
memory_pages_needed(const struct config *config, const struct cores *cores)
{
	const struct cw_sizing sizing = {
		.mbufs = config->mbufs,
		.jumbos = config->jumbos,
		.fdb_entries = config->fdb_entries,
		.neighbors = config->neighbors,
	};
	unsigned int nodes = 0;

	for (uint16_t i = 0; i < cores->n; i++) {
		bool seen = false;

		for (uint16_t j = 0; j < i; j++)
			seen |= cores->numa[j] == cores->numa[i];
		nodes += !seen;
	}
	return cw_hugepages_needed(&sizing, cores->n, nodes);
}

static uint64_t
read_count(const char *root, const char *path)
{
	char full[512];
	unsigned long long count = 0;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	file = fopen(full, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

uint64_t
memory_pages_free(const char *root)
{
	return read_count(root, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
	       + 512
			 * read_count(root,
				 "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages");
}

static int
check_hugepages(const struct config *config, const struct cores *cores)
{
	uint64_t needed = memory_pages_needed(config, cores), available = memory_pages_free("");
	uint64_t total = read_count("", "/proc/sys/vm/nr_hugepages");

	if (!config->huge || available >= needed)
		return 0;
	return log_error(-ENOMEM,
		"too few hugepages; reserve them with the command below, or lower mbufs and jumbos",
		"needed=%llu free=%llu page=2MiB command=\"sysctl -w vm.nr_hugepages=%llu\"",
		(unsigned long long)needed, (unsigned long long)available,
		(unsigned long long)(total + needed - available));
}

// FNV-1a of the runtime directory: instances side by side never share a file.
static void
file_prefix(const struct config *config, char *prefix, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *at = config->runtime_dir; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
	snprintf(prefix, len, "causeway-%016llx", (unsigned long long)hash);
}

static void
lcore_map(const struct cores *cores, char *map, size_t len)
{
	size_t used = (size_t)snprintf(map, len, "0@(");
	const char *comma = "";

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &cores->main))
			continue;
		used += (size_t)snprintf(map + used, len - used, "%s%d", comma, cpu);
		comma = ",";
	}
	used += (size_t)snprintf(map + used, len - used, ")");
	for (uint16_t i = 0; i < cores->n; i++)
		used += (size_t)snprintf(map + used, len - used, ",%u@%u", i + 1u, cores->cpu[i]);
}

#define MAX_ARGS (24 + 2 * CONFIG_DRIVERS)

static int
add_argument(char **args, int n, const char *text)
{
	static char *kept[MAX_ARGS]; // EAL uses them on, and reorders args

	args[n] = kept[n] = strdup(text);
	return n + 1;
}

// EAL may use the PCI bus, but takes no device from it until a port asks for one: devices that are
// not listed are left alone, and the one that is exists nowhere. Containers often have no such bus.
static int
add_buses(char **args, int n)
{
	if (access("/sys/bus/pci/devices", R_OK) != 0)
		return add_argument(args, n, "--no-pci");
	n = add_argument(args, n, "-a");
	return add_argument(args, n, "pci:ffff:ff:1f.7");
}

// Whether only those may change the file who may change other things of ours: EAL's own check,
// which refuses folders like /tmp, too, where a sticky bit protects what is in them.
static bool
is_safe(const char *path)
{
	char at[PATH_MAX];
	struct stat status;

	if (realpath(path, at) == NULL)
		return true; // dlopen() says what is wrong
	for (;;) {
		char *slash = strrchr(at, '/');

		if (stat(at, &status) < 0
			|| ((status.st_mode & S_IWOTH) != 0
				&& !(S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0)))
			return false;
		if (slash == NULL || slash == at)
			return true;
		*slash = '\0';
	}
}

// Drivers register themselves when they are loaded. EAL's option for that says little about one
// that it cannot load.
static int
load_drivers(const struct config *config)
{
	for (int i = 0; i < CONFIG_DRIVERS && config->drivers[i][0] != '\0'; i++) {
		const char *path = config->drivers[i];

		if (!is_safe(path))
			return log_error(-EPERM,
				"a DPDK driver that everybody may change is not loaded; take the "
				"write permission away",
				"key=driver value=%s", path);
		if (dlopen(path, RTLD_NOW) == NULL)
			return log_error(-ENOENT, "cannot load a DPDK driver",
				"key=driver value=%s error=\"%s\"", path, dlerror());
	}
	return 0;
}

int
memory_start_eal(const struct config *config, const struct cores *cores)
{
	char *args[MAX_ARGS];
	char prefix[64], map[8192], megabytes[32];
	int n = 0, error = check_hugepages(config, cores);

	if (error != 0)
		return error;
	file_prefix(config, prefix, sizeof(prefix));
	lcore_map(cores, map, sizeof(map));
	n = add_argument(args, n, "causeway-dp");
	n = add_argument(args, n, "--lcores");
	n = add_argument(args, n, map);
	n = add_argument(args, n, "--main-lcore=0");
	n = add_buses(args, n);
	n = add_argument(args, n, "--no-telemetry");
	n = add_argument(args, n, "--file-prefix");
	n = add_argument(args, n, prefix);
	n = add_argument(args, n,
		log_level_by_name(config->log_level) == LOG_DEBUG ? "--log-level=info"
								  : "--log-level=error");
#ifdef BASE_ADDRESS
	n = add_argument(args, n, "--base-virtaddr=" BASE_ADDRESS);
#endif
	if (config->huge) {
		n = add_argument(args, n, "--in-memory");
	} else {
		snprintf(megabytes, sizeof(megabytes), "%llu",
			(unsigned long long)(memory_pages_needed(config, cores) * 2));
		n = add_argument(args, n, "--no-huge");
		n = add_argument(args, n, "-m");
		n = add_argument(args, n, megabytes);
	}
	error = load_drivers(config);
	if (error != 0)
		return error;
	if (rte_eal_init(n, args) < 0)
		return log_error(-rte_errno, "DPDK does not start", "error=\"%s\" lcores=%s",
			rte_strerror(rte_errno), map);
	return 0;
}

static struct rte_mempool *
create_pool(const char *kind, uint64_t count, unsigned int cache, uint16_t room, int node)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "%s-%d", kind, node);
	pool = rte_pktmbuf_pool_create(name, (unsigned int)count, cache, 0, room, node);
	if (pool != NULL || node == SOCKET_ID_ANY)
		return pool;
	log_line(LOG_WARNING, "no memory on the NUMA node of a worker; using another node's",
		"pool=%s node=%d", kind, node);
	return rte_pktmbuf_pool_create(name, (unsigned int)count, cache, 0, room, SOCKET_ID_ANY);
}

static int
create_node_pools(struct memory *memory, const struct config *config, int node)
{
	uint16_t i = memory->n_nodes;

	memory->node[i] = node;
	memory->mbufs[i] =
		create_pool("mbufs", config->mbufs, MBUF_CACHE, RTE_MBUF_DEFAULT_BUF_SIZE, node);
	memory->jumbos[i] = create_pool("jumbos", config->jumbos, JUMBO_CACHE, CW_JUMBO_ROOM, node);
	if (memory->mbufs[i] == NULL || memory->jumbos[i] == NULL)
		return log_error(-ENOMEM, "no memory for packet buffers",
			"mbufs=%llu jumbos=%llu node=%d error=\"%s\"",
			(unsigned long long)config->mbufs, (unsigned long long)config->jumbos, node,
			rte_strerror(rte_errno));
	memory->n_nodes++;
	return 0;
}

int
memory_create_pools(struct memory *memory, const struct config *config, const struct cores *cores)
{
	memory->n_nodes = 0;
	for (uint16_t i = 0; i < cores->n; i++) {
		int node = node_of(cores, i), error;
		uint16_t at = memory_node_index(memory, node);

		if (memory->n_nodes > 0 && memory->node[at] == node)
			continue;
		if (memory->n_nodes == MEMORY_MAX_NODES)
			break; // the rest uses the first node's
		error = create_node_pools(memory, config, node);
		if (error != 0)
			return error;
	}
	return 0;
}

uint16_t
memory_node_index(const struct memory *memory, int node)
{
	for (uint16_t i = 0; i < memory->n_nodes; i++)
		if (memory->node[i] == node)
			return i;
	return 0;
}
