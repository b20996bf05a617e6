/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_OPTIONS_H
#define CONTROL_OPTIONS_H

// What causewayd is told by flags and by its configuration file. A flag wins over the file.

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <causeway/limits.h>

#include "log.h"

#define OPTIONS_PATH_LEN 90 // a socket's name still fits behind it (sun_path, 108 bytes)
#define OPTIONS_LIST_LEN 256

struct options {
	char runtime_dir[OPTIONS_PATH_LEN];
	char state_dir[OPTIONS_PATH_LEN];
	char sysfs_root[OPTIONS_PATH_LEN]; // sysfs, proc and dev are below it; "" but in tests
	// Where sriov-cni keeps its marks and locks, which we keep, too; empty: we do not.
	char sriov_cni_dir[OPTIONS_PATH_LEN];
	char vf_vlans[16];
	uint16_t vf_vlan_first, vf_vlan_last; // for VFs with path switch
	char group[CW_NAME_LEN]; // members may use control.sock
	char tun_device[OPTIONS_PATH_LEN];
	char host_interface[IFNAMSIZ]; // of network "default"
	char subnet_env[OPTIONS_PATH_LEN]; // flanneld's; empty: there is no Flannel
	bool mirror; // the kernel's tables are followed
	char mirror_protocols[OPTIONS_LIST_LEN]; // whose routes; empty: the usual ones
	char mirror_interfaces[OPTIONS_LIST_LEN]; // through which devices; empty: any
	uint32_t mirror_audit; // seconds between dumps that nothing gave cause for; 0: none
	uint32_t mirror_buffer; // bytes of the queue of netlink messages
	// Where Flannel's leases are: URLs of etcd with commas between them, empty: not read.
	char etcd_endpoints[OPTIONS_LIST_LEN];
	char etcd_prefix[OPTIONS_PATH_LEN];
	char etcd_cafile[OPTIONS_PATH_LEN], etcd_certfile[OPTIONS_PATH_LEN];
	char etcd_keyfile[OPTIONS_PATH_LEN];
	enum log_level log_level;
	bool check_config, dry_run;
};

// Reads flags and file. Returns 0: go on; 1: nothing more to do, exit 0 (--help, --version);
// -EINVAL: something is wrong, which was said on standard error.
int options_read(struct options *options, int argc, char **argv);
// Prints what is in force as a configuration file.
void options_print(const struct options *options);

#endif
