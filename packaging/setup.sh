#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of packaging/packages.txt. usage: setup.sh [PURPOSE...], default: all.
# Does nothing, and needs no root, when everything is there.
set -eu

here=$(dirname "$0")
purposes=${*:-build run test flannel vm lint bench}
backports=bookworm-backports
image=$here/../tests/vm/image
flannel=$here/flannel.sh
headers=$here/dpdk-headers.sh

is_wanted() { # PURPOSE
	case " $purposes " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

is_image_missing() {
	is_wanted vm && ! "$image" --check
}

is_flannel_missing() {
	is_wanted flannel && ! "$flannel" --check
}

are_headers_missing() {
	is_wanted test && ! "$headers" --check
}

# What is built already, or with a Go that is there, needs no other.
if is_wanted flannel && { "$flannel" --check || "$flannel" --go >/dev/null; }; then
	sections=$(for purpose in $purposes; do [ "$purpose" = flannel ] || echo "$purpose"; done)
else
	sections=$purposes
fi

wanted() {
	for purpose in $sections; do
		awk -v section="[$purpose]" '
			{ sub(/#.*/, "") }
			/^\[/ { on = $1 == section; next }
			on && NF { print $1 }' "$here/packages.txt"
	done
}

# PACKAGE/bookworm-backports is met by a version from there only.
is_installed() { # PACKAGE[/SUITE]
	found=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "${1%/*}" 2>/dev/null) || return 1
	case $1:$found in
	*/*:"installed "*~bpo*) ;;
	*/*) return 1 ;;
	*:"installed "*) ;;
	*) return 1 ;;
	esac
}

missing() {
	wanted | sort -u | while read -r package; do
		is_installed "$package" || echo "$package"
	done
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# Packages of another suite bring what they depend on from there.
install() {
	plain= others=
	for package; do
		case $package in
		*/*) others="$others ${package%/*}" ;;
		*) plain="$plain $package" ;;
		esac
	done
	# shellcheck disable=SC2086
	{
		[ -z "$plain" ] || apt install --no-install-recommends $plain || return 1
		[ -z "$others" ] || apt install --no-install-recommends -t $backports $others
	} >"$log" 2>&1
}

# Where this machine has a suite from; empty also before the first update.
source_of() { # SUITE
	apt-get indextargets --format '$(REPO_URI)' "Codename: $1" 'Created-By: Packages' \
		| grep -v security | head -n 1
}

# From where the rest comes. What a suite of backports has is taken only where it is asked for.
add_backports() {
	[ -n "$(source_of bookworm)" ] || apt update
	[ -z "$(source_of $backports)" ] || return 0
	uri=$(source_of bookworm)
	if [ -z "$uri" ]; then
		echo "setup: apt knows no source of bookworm, so none of $backports: add one" >&2
		exit 1
	fi
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $backports main" \
		>/etc/apt/sources.list.d/$backports.list
	apt update
}

packages=$(missing)
if [ -z "$packages" ] && ! is_image_missing && ! is_flannel_missing && ! are_headers_missing; then
	exit 0
fi
# shellcheck disable=SC2086
[ -z "$packages" ] || echo "setup: packages missing:" $packages
if [ "$(id -u)" != 0 ]; then
	echo "setup: installing what is missing needs root: sudo $0" >&2
	exit 1
fi

# What the tests and the bench need of these they start themselves, in scratch folders. A machine
# that had them keeps their services; elsewhere they never run (`systemctl unmask NAME` takes that
# back).
mask_services() { # of packages that are not installed yet
	for service in bird2:bird dpdk:dpdk etcd-server:etcd frr:frr \
		openvswitch-switch:openvswitch-switch; do
		is_installed "${service%:*}" \
			|| systemctl --quiet mask "${service#*:}.service" 2>/dev/null || true
	done
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
case $packages in
*/$backports*) add_backports ;;
esac
case $packages in
*bird2* | *etcd-server* | *frr* | *openvswitch*) mask_services ;;
esac
# The package lists may be absent (bare image) or too old: fetch them only then.
# shellcheck disable=SC2086
if [ -n "$packages" ] && ! install $packages; then
	apt update
	if ! install $packages; then
		cat "$log" >&2
		echo "setup: apt-get install failed, see above" >&2
		exit 1
	fi
fi
if is_image_missing; then
	"$image" || { apt update && "$image"; }
fi
if is_flannel_missing; then
	"$flannel"
fi
if are_headers_missing; then
	"$headers"
fi
echo "setup: done"
