#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes a file as a C array. usage: embed.sh FILE NAME OUTPUT
set -eu

{
	echo '#include "bpf/uplink_bytes.h"'
	echo "const unsigned char $2[] __attribute__((aligned(8))) = {"
	od -An -v -tu1 "$1" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
	echo "};"
	echo "const unsigned int $2_len = sizeof($2);"
} >"$3"
