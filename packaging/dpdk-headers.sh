#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# DPDK's headers for drivers, which Debian's libdpdk-dev leaves out: from the source package of
# exactly the installed version, for the test PMD (tests/pmd).
#   dpdk-headers.sh           fetches them unless they are there
#   dpdk-headers.sh --check   tells by its exit status whether they are there
#   dpdk-headers.sh --path    prints their directory
#   dpdk-headers.sh --remove  removes them and those of other versions (make distclean)
# They live in ${CAUSEWAY_CACHE:-/var/cache/causeway} and take 120 KB; fetching takes 80 MB there.
# Apt's lists are its own: the machine's sources and lists stay as they are.
set -eu

package=libdpdk-dev
source=dpdk
headers='lib/ethdev/ethdev_driver.h lib/ethdev/ethdev_vdev.h lib/eal/include/dev_driver.h
	lib/eal/include/bus_driver.h drivers/bus/pci/bus_pci_driver.h
	drivers/bus/vdev/bus_vdev_driver.h'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cache=${CAUSEWAY_CACHE:-/var/cache/causeway}
version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || version=
dir=$cache/dpdk-headers-$version

# Debian's suites that this machine has packages from, as sources of source packages.
sources() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' | sort -u \
		| while read -r uri suite; do
			case $suite in
			*-backports) ;;
			*) echo "deb-src [signed-by=$keyring] $uri $suite main" ;;
			esac
		done
}

apt() {
	apt-get -q -o Dir::Etc::sourcelist="$new/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
		-o Dir::State::lists="$new/lists" -o Dir::Cache="$new/cache" \
		-o Acquire::Retries=3 -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root "$@"
}

fetch() {
	mkdir -p "$new/lists/partial" "$new/cache/archives/partial" \
		&& sources >"$new/sources.list" \
		&& apt update \
		&& (cd "$new" && apt source --download-only "$source=$version")
}

unpack() {
	tarball=$(echo "$new/${source}"_*.orig.tar.*)
	mkdir "$new/tree" "$new/headers"
	# shellcheck disable=SC2046
	tar -xf "$tarball" -C "$new/tree" --strip-components 1 --wildcards \
		$(for header in $headers; do echo "*/$header"; done)
	for header in $headers; do
		cp "$new/tree/$header" "$new/headers/"
	done
	chmod 755 "$new/headers"
}

# Of a complete set: an older one may lack some.
are_there() {
	for header in $headers; do
		[ -e "$dir/${header##*/}" ] || return 1
	done
}

make() {
	if [ -z "$version" ]; then
		echo "dpdk-headers: $package is not installed: packaging/setup.sh build" >&2
		exit 1
	fi
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	! are_there || return 0
	echo "dpdk-headers: fetching those of $source $version into $dir"
	new=$(mktemp -d "$cache/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	trap 'exit 1' INT TERM
	# A mirror may be out of reach for a moment.
	if ! fetch >"$new/log" 2>&1 && ! fetch >"$new/log" 2>&1; then
		cat "$new/log" >&2
		echo "dpdk-headers: no source of $source $version: is a newer $package to be had" \
			"(apt-get install $package), or no mirror in reach?" >&2
		exit 1
	fi
	unpack
	mkdir -p "$dir"
	mv "$new/headers/"* "$dir"
}

case ${1-} in
'') make ;;
--check) [ -n "$version" ] && are_there ;;
--path) echo "$dir" ;;
--remove) rm -rf "$cache"/dpdk-headers-* ;;
*)
	echo "usage: $0 [--check | --path | --remove]" >&2
	exit 2
	;;
esac
