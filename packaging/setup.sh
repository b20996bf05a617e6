#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of packaging/packages.txt. usage: setup.sh [PURPOSE...], default: all.
# Does nothing, and needs no root, when everything is there.
set -eu

here=$(dirname "$0")
purposes=${*:-build run test lint bench}

wanted() {
	for purpose in $purposes; do
		awk -v section="[$purpose]" '
			{ sub(/#.*/, "") }
			/^\[/ { on = $1 == section; next }
			on && NF { print $1 }' "$here/packages.txt"
	done
}

missing() {
	wanted | sort -u | while read -r package; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=none
		[ "$status" = installed ] || echo "$package"
	done
}

install() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" \
		>"$log" 2>&1 </dev/null
}

packages=$(missing)
[ -n "$packages" ] || exit 0
# shellcheck disable=SC2086
echo "setup: packages missing:" $packages
if [ "$(id -u)" != 0 ]; then
	echo "setup: installing them needs root: sudo $0" >&2
	exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists may be absent (bare image) or too old: fetch them only then.
# shellcheck disable=SC2086
if ! install $packages; then
	apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update </dev/null
	if ! install $packages; then
		cat "$log" >&2
		echo "setup: apt-get install failed, see above" >&2
		exit 1
	fi
fi
echo "setup: done"
