/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_PACKET_SOCKET_H
#define HOST_PACKET_SOCKET_H

// An AF_PACKET socket that receives all frames of one device of the calling thread's namespace
// (packet(7)). Rings and the vnet header are the port driver's business. Returns the descriptor or
// -errno. Needs CAP_NET_RAW.
int packet_socket_open(int ifindex);

// The same in two steps, for a filter between them: nothing arrives before the second. Return the
// descriptor or 0, else -errno.
int packet_socket_new(void);
int packet_socket_bind(int fd, int ifindex);

#endif
