#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Format and static checks over the tracked C files. usage: lint.sh format|check [BUILD]
set -eu

cd "$(dirname "$0")/.."
build=${2:-build}
c_files=$(git -c safe.directory='*' ls-files -- '*.c' '*.h' '*.cc')
c_sources=$(git -c safe.directory='*' ls-files -- '*.c' ':!tests/*' ':!perf/*' ':!*.bpf.c')

format() {
	# shellcheck disable=SC2086
	[ -z "$c_files" ] || clang-format "$@" $c_files
}

run_cppcheck() {
	[ -n "$c_sources" ] || return 0
	# shellcheck disable=SC2086
	cppcheck -q -j 2 --enable=warning,performance,portability --std=c11 --library=gnu \
		--inline-suppr --error-exitcode=1 --template=gcc -D_GNU_SOURCE -D__x86_64__ \
		--suppressions-list=packaging/cppcheck-suppressions.txt \
		--include=/usr/include/x86_64-linux-gnu/sys/queue.h \
		-I include -I dataplane -I drivers/port -I drivers/host -I control $c_sources
}

run_clang_tidy() {
	[ -n "$c_sources" ] || return 0
	# shellcheck disable=SC2086
	printf '%s\n' $c_sources | xargs -P 2 -n 8 clang-tidy --quiet -p "$build" 2>/dev/null
}

case "${1:-check}" in
format)
	format -i
	;;
check)
	status=0
	format --dry-run -Werror || status=1
	run_cppcheck || status=1
	run_clang_tidy || status=1
	exit $status
	;;
*)
	echo "usage: $0 format|check [BUILD]" >&2
	exit 2
	;;
esac
