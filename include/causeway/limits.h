/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_LIMITS_H
#define CAUSEWAY_LIMITS_H

// Sizes that both sides of a socket must agree on. Raising one changes the wire version.

#define CW_MAX_NETWORKS 4096 // network identifiers are 0 .. CW_MAX_NETWORKS - 1
#define CW_MAX_PORTS 4096 // port identifiers are 0 .. CW_MAX_PORTS - 1; 0 is "the switch itself"
#define CW_MAX_NEXTHOPS 65536 // next-hop identifiers are 1 .. CW_MAX_NEXTHOPS - 1; 0 is "none"
#define CW_MAX_VTEPS 256 // vtep identifiers are 1 .. CW_MAX_VTEPS - 1
#define CW_MAX_VTEP_OWN 16 // inner addresses of one vtep that are the node's
#define CW_MAX_VTEP_GROUPS 64 // multicast groups of one vtep
#define CW_MAX_WORKERS 64
#define CW_MAX_MEMBERS 64 // members of one ECMP next hop
#define CW_MAX_QUEUES 16 // queues of one port, each a descriptor
#define CW_MAX_TRUNK 64 // tags that one trunk port maps to networks
#define CW_MAX_IPS 16 // addresses of one endpoint
#define CW_MAX_SUBNETS 32 // router addresses of one network

#define CW_NAME_LEN 64 // object names, with the terminating zero
#define CW_ARGS_LEN 256

#define CW_MTU_MIN 68 // RFC 791
#define CW_MTU_MAX 9600 // what one port may announce; super-frames are longer
#define CW_MTU_DEFAULT 1500

#define CW_DEFAULT_NETWORK "default"
#define CW_DEFAULT_VNI 1
#define CW_VNI_MAX 0xffffff // RFC 7348: 24 bits

#define CW_RUNTIME_DIR "/run/causeway"
#define CW_STATE_DIR "/var/lib/causeway"
#define CW_CONFIG_DIR "/etc/causeway"
#define CW_DP_SOCKET "dp.sock"
#define CW_CONTROL_SOCKET "control.sock"
#define CW_GROUP "causeway" // members may use control.sock

#define CW_LINE_MAX (1u << 20) // one JSON-RPC object on control.sock, bytes
#define CW_FRAME_MAX (1u << 20) // one frame on dp.sock, bytes
#define CW_DESCRIPTORS_MIN 8192 // open files that a process needs for about 1,000 pods
#define CW_FRAME_FDS 64 // descriptors that may travel with one frame or line

#endif
