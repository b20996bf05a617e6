#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reserves 2 MiB hugepages for one process and gives them back.
#   hugepages.sh reserve MIB PID   adds what is missing; PID is whoever the pages are for
#   hugepages.sh move PID PID      the second is now whom the pages are for
#   hugepages.sh release PID       gives back what was added for PID; harmless when nothing was
# One file a reservation remembers how many pages were added. Reservations of dead processes are
# given back by whoever comes next. Callers may overlap.
set -eu

ledger=${CAUSEWAY_HUGEPAGES_LEDGER:-/run/causeway-hugepages}
sys=/sys/kernel/mm/hugepages/hugepages-2048kB

fail() {
	echo "hugepages: $*" >&2
	exit 1
}

give_back() { # FILE
	added=$(cat "$1")
	total=$(cat $sys/nr_hugepages)
	[ "$added" -gt "$total" ] && added=$total
	[ "$added" -eq 0 ] || echo $((total - added)) >$sys/nr_hugepages
	rm -f "$1"
}

reap() {
	for file in "$ledger"/[0-9]*; do
		[ -e "$file" ] || continue
		kill -0 "${file##*/}" 2>/dev/null || give_back "$file"
	done
}

# With other reservations alive the free pages may be promised already: then all are added.
reserve() { # MIB PID
	pages=$((($1 + 1) / 2))
	reap
	missing=$pages
	set -- "$1" "$2" "$ledger"/[0-9]*
	if [ ! -e "$3" ]; then
		free=$(($(cat $sys/free_hugepages) - $(cat $sys/resv_hugepages)))
		missing=$((pages > free ? pages - free : 0))
	fi
	before=$(cat $sys/nr_hugepages)
	available=$(awk '/^MemAvailable/ { print int($2 / 2048) }' /proc/meminfo)
	[ "$missing" -le "$available" ] ||
		fail "$missing pages of 2 MiB are missing, memory is available for $available"
	if [ "$missing" -gt 0 ]; then
		echo $((before + missing)) >$sys/nr_hugepages
		if [ "$(cat $sys/nr_hugepages)" -lt $((before + missing)) ]; then
			echo 1 >/proc/sys/vm/compact_memory 2>/dev/null || true
			echo $((before + missing)) >$sys/nr_hugepages
		fi
	fi
	added=$(($(cat $sys/nr_hugepages) - before))
	if [ "$added" -lt "$missing" ]; then
		echo "$before" >$sys/nr_hugepages
		fail "the kernel gave $added of $missing pages of 2 MiB; free memory or reserve at boot: hugepages=$pages"
	fi
	echo "$added" >"$ledger/$2"
}

[ -d $sys ] || fail "this kernel has no 2 MiB hugepages"
[ -w $sys/nr_hugepages ] || fail "cannot write $sys/nr_hugepages: root is needed"
mkdir -p "$ledger"
exec 9>"$ledger/lock"
flock 9
case "$#:${1:-}" in
3:reserve)
	reserve "$2" "$3"
	;;
3:move)
	[ ! -e "$ledger/$2" ] || mv "$ledger/$2" "$ledger/$3"
	;;
2:release)
	[ ! -e "$ledger/$2" ] || give_back "$ledger/$2"
	reap
	;;
*)
	fail "usage: reserve MIB PID | move PID PID | release PID"
	;;
esac
