#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.sh build TREE OBJ IMAGE FRAGMENT...
#	Builds a kernel that counts which lines and branches of the project's kernel
#	files are executed. Tests themselves don't count.
# coverage.sh run SELFTESTS OBJ OUT
#	Runs the suites of the board on it and prints a table, see coverage.py.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

counted_files()
{
	local work

	work=$(mktemp -d "${TMPDIR:-/tmp}/grace-coverage.XXXXXX")
	# shellcheck source-path=SCRIPTDIR source=hooks.sh
	(. "$base_dir/hooks.sh" && own_files) | grep '^drivers/.*\.c$' | grep -vE '[-_]test(-[a-z]*)?\.c$'
	rm -rf "$work"
}

case ${1:-} in
build)
	shift
	# By name, so that nothing else has to be compiled in another way. Optimizing moves
	# code from line to line, so that some seem never to be executed.
	KERNEL_MAKE=$(counted_files | sed 's,.*/\(.*\)\.c$,GCOV_PROFILE_\1.o=y CFLAGS_\1.o=-Og,' | tr '\n' ' ')
	export KERNEL_MAKE
	"$base_dir/kernel.sh" build "$@"
	;;
run)
	selftests=$2 obj=$3 out=$4
	status=0
	mkdir -p "$out"
	rsync -a --delete "$selftests/" "$out/share/"
	mkdir "$out/share/gcov"
	"$base_dir/test.sh" --coverage || status=1
	mapfile -t files < <(counted_files)
	"$base_dir/coverage.py" "$obj" "$out" "$base_dir/coverage-reasons" "${files[@]}" || status=1
	exit $status
	;;
*)
	die "usage: $0 build TREE OBJ IMAGE FRAGMENT... | run SELFTESTS OBJ OUT"
	;;
esac
