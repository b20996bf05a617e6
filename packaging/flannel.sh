#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# flanneld, which no Debian package has: a pinned release, built by the Go tool from the module mirror
# (it checks the sums), for the tests with real peers.
#   flannel.sh           builds it unless it is there
#   flannel.sh --check   tells by its exit status whether it is there
#   flannel.sh --path    prints the directory with program flanneld
#   flannel.sh --go      prints the Go tool that would build it, or fails
#   flannel.sh --remove  removes it and older ones (make distclean)
# It lives in ${CAUSEWAY_CACHE:-/var/cache/causeway} and takes 60 MB; building takes 1 GB there.
set -eu

release=v0.25.7 # wants no br_netfilter, as later ones do
cache=${CAUSEWAY_CACHE:-/var/cache/causeway}
dir=$cache/flannel-$release

is_recent() { # GO: 1.22 or later
	version=$("$1" env GOVERSION 2>/dev/null) || return 1
	printf 'go1.22\n%s\n' "$version" | sort -V -C
}

find_go() {
	for go in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-1.*/bin/go; do
		if [ -x "$go" ] && is_recent "$go"; then
			echo "$go"
			return
		fi
	done
	return 1
}

build() {
	mkdir -p "$new/bin" \
		&& "$go" install "github.com/flannel-io/flannel@$release" \
		&& mv "$new/go/bin/flannel" "$new/bin/flanneld"
}

make() {
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	[ ! -e "$dir" ] || return 0
	go=$(find_go) || {
		echo "flannel: no Go 1.22 or later: packaging/setup.sh installs one" >&2
		exit 1
	}
	echo "flannel: building flanneld $release into $dir"
	new=$(mktemp -d "$cache/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	trap 'exit 1' INT TERM
	chmod 755 "$new"
	# A tree of its own, which goes afterwards. The udp backend's proxy is C.
	export GOPATH="$new/go" GOCACHE="$new/cache" GOTOOLCHAIN=local GOFLAGS=-modcacherw
	export CGO_ENABLED=1
	unset GOBIN
	# The mirror may be out of reach for a moment; what was fetched is kept.
	if ! build >"$new/log" 2>&1 && ! build >"$new/log" 2>&1; then
		cat "$new/log" >&2
		exit 1
	fi
	mv "$new/bin" "$dir"
}

case ${1-} in
'') make ;;
--check) [ -e "$dir" ] ;;
--path) echo "$dir" ;;
--go) find_go ;;
--remove) rm -rf "$cache"/flannel-v* ;;
*)
	echo "usage: $0 [--check | --path | --go | --remove]" >&2
	exit 2
	;;
esac
