#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.sh build TREE OBJ IMAGE FRAGMENT...
#	Builds a kernel that counts which lines and branches of the project's kernel
#	files are executed, and of the IOMMU files that hooks change. Tests themselves
#	don't count.
# coverage.sh run SELFTESTS OBJ OUT [SUITE...]
#	Runs the suites of the board on it and prints a table, see coverage.py. With
#	SUITE only these, and what others have counted before stays.
# coverage.sh model OUT
#	What the tests of emulator/model execute of it, natively: all its lines.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/grace-coverage.XXXXXX")
trap 'rm -rf "$work"' EXIT
list_hooks

counted_files()
{
	grep '^drivers/.*\.c$' "$work/own" | grep -vE '[-_]test(-[a-z]*)?\.c$'
}

# Linux's own that hooks change
hooked_files()
{
	grep '^drivers/iommu/.*\.c$' "$work/hooked" | grep -vE '[-_]test(-[a-z]*)?\.c$'
}

# Which lines of them hooks have added, and the files with these in it, to OUT
hooked_lines()
{
	local out=$1 pristine path

	pristine=$("$base_dir/linux-source.sh" pristine)
	apply_hooks "${pristine#* }" "${pristine%% *}" "$work/stage"
	rm -rf "$out/hooked-sources"
	hooked_files | while IFS= read -r path; do
		mkdir -p "$out/hooked-sources/${path%/*}"
		cp "$work/stage/$path" "$out/hooked-sources/$path"
		diff --unchanged-line-format= --old-line-format= --new-line-format="$path:%dn
" "${pristine#* }/$path" "$work/stage/$path" || true
	done >"$out/hooked"
}

case ${1:-} in
build)
	shift
	# By name, so that nothing else has to be compiled in another way; some names of
	# Linux's own are also those of other files. Optimizing moves code from line to line,
	# so that some seem never to be executed, but not all of Linux compiles without.
	# shellcheck disable=SC2016 # for make
	KERNEL_MAKE=$(
		{ counted_files; hooked_files; } |
			sed 's|.*/\(.*\)\.c$|GCOV_PROFILE_\1.o=$(if $(filter drivers/iommu/%,$(obj)),y)|'
		counted_files | sed 's|.*/\(.*\)\.c$|CFLAGS_\1.o=-Og|')
	export KERNEL_MAKE
	"$base_dir/kernel.sh" build "$@"
	;;
run)
	[ $# -ge 4 ] || die "usage: $0 run SELFTESTS OBJ OUT [SUITE...]"
	selftests=$2 obj=$3 out=$4
	shift 4
	status=0
	mkdir -p "$out"
	rsync -a --delete --exclude=/gcov "$selftests/" "$out/share/"
	[ $# -gt 0 ] || rm -rf "$out/share/gcov"
	mkdir -p "$out/share/gcov"
	hooked_lines "$out"
	"$base_dir/test.sh" --coverage "$@" || status=1
	mapfile -t files < <(counted_files)
	"$base_dir/coverage.py" "$obj" "$out" "$base_dir/coverage-reasons" "${files[@]}" || status=1
	exit $status
	;;
model)
	[ $# = 2 ] || die "usage: $0 model OUT"
	mkdir -p "$2"
	status=0
	make --no-print-directory -s -C "$project_dir/emulator/model" coverage >"$2/model.tap" || status=1
	cat "$2/model.tap"
	exit $status
	;;
*)
	die "usage: $0 build TREE OBJ IMAGE FRAGMENT... | run SELFTESTS OBJ OUT [SUITE...] | model OUT"
	;;
esac
