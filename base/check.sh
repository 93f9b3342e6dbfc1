#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh: the static checks on the project's own files, as KTAP on standard
# output. What a checker said about a file follows its case as "# " lines; the
# whole logs are in build/check/.
#
# The kernel's files are checked in build/linux, compiled into object directories
# of their own, so that the checks' flags don't make the next build start over.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

build=$project_dir/build
tree=$build/linux
check=$build/check
cross=aarch64-linux-gnu-
jobs=${JOBS:-$(nproc)}
mkdir -p "$check"
work=$(mktemp -d "${TMPDIR:-/tmp}/grace-check.XXXXXX")
trap 'rm -rf "$work"' EXIT

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"
list_hooks

# ---- results

number=0
failures=0
: >"$work/results"

# quiet NAME LOG: a case that passes if LOG is empty.
quiet()
{
	if [ -s "$2" ]; then result 1 "$1" "$2"; else result 0 "$1"; fi
}

# Everything in the repository, git's view or all that is there.
all_files()
{
	if git -C "$project_dir" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$project_dir" ls-files -co --exclude-standard
	else
		(cd "$project_dir" && find . -path ./build -prune -o -type f -printf '%P\n')
	fi | sort | while IFS= read -r path; do
		[ ! -f "$project_dir/$path" ] || printf '%s\n' "$path"
	done
}
all_files >"$work/all"

kernel_sources=$(grep '^drivers/.*\.c$' "$work/own" || true)
kernel_files=$(grep -E '^(drivers|include)/.*\.[ch]$' "$work/own" || true)
hooked_sources=$(grep '^drivers/.*\.c$' "$work/hooked" || true)
# Also what people call test code: it lands in the same tree.
c_files=$(grep -E '^(drivers|include|tools)/.*\.[ch]$' "$work/own" || true)

# ---- the kernel's files

kmake()
{
	local obj=$1

	shift
	make -C "$tree" O="$obj" ARCH=arm64 CROSS_COMPILE="$cross" -k -j"$jobs" "$@"
}

prepare()
{
	local obj=$1 name=$2

	shift 2
	"$base_dir/kernel.sh" configure "$tree" "$obj" \
		"$base_dir"/config/{bench,project,selftest,kunit,kunit-project}.config
	progress "preparing the checks with $name" "$check/prepare-$name.log" '^  ' \
		kmake "$obj" "$@" olddefconfig prepare
}

objects()
{
	printf '%s\n' "${1//.c/.o}"
}

# compile NAME OBJ SOURCES FLAGS...: what the compiler says about these, in
# $check/NAME.log; anything but its progress in $work/said.
compile()
{
	local name=$1 obj=$2 sources=$3 log=$check/$1.log

	shift 3
	# What is up to date would say nothing.
	(cd "$obj" && xargs -r rm -f <<<"$(objects "$sources")")
	# shellcheck disable=SC2046 # one word an object
	if kmake "$obj" "$@" $(objects "$sources") >"$log" 2>&1 </dev/null; then
		# What is said about other files, the base's, is not this project's. Those
		# that were to be compiled count, ours or not.
		grep -E '(warning|error):|^Warning:' "$log" | grep -Ff "$work/own" -f <(echo "$sources") >"$work/said" || true
	else
		grep -A6 -E '(warning|error):|^Warning:|\*\*\*' "$log" >"$work/said" || tail -n 20 "$log" >"$work/said"
	fi
}

# checkpatch ARGUMENT... FILE: what it says, in $work/said.
checkpatch()
{
	# It leaves a file of its own in the current directory.
	(cd "$check" && perl "$tree/scripts/checkpatch.pl" --root="$tree" --strict --terse \
		--show-types --no-summary "$@") 2>&1 |
		sed "s,^\($project_dir\|$work\)/,," >"$work/said" || true
}

check_kernel()
{
	local name file

	if [ -z "$kernel_sources" ]; then
		result 1 "there are kernel sources to check"
		return
	fi

	prepare "$check/gcc" gcc CC="ccache ${cross}gcc"
	compile gcc "$check/gcc" "$kernel_sources" CC="ccache ${cross}gcc" W=1
	quiet "gcc W=1: the project's kernel files give no warning" "$work/said"
	compile gcc-hooked "$check/gcc" "$hooked_sources" CC="ccache ${cross}gcc" W=1
	quiet "gcc W=1: the hooked files give no warning" "$work/said"
	compile sparse "$check/gcc" "$kernel_sources" CC="ccache ${cross}gcc" C=2 CHECK="sparse"
	quiet "sparse: the project's kernel files give no warning" "$work/said"

	prepare "$check/clang" clang CC="ccache clang"
	compile clang "$check/clang" "$kernel_sources" CC="ccache clang" W=1
	quiet "clang W=1: the project's kernel files give no warning" "$work/said"

	for file in $c_files; do
		case $file in
		# Written the way of all trace events, which isn't that of other macros
		*trace.h)	checkpatch --ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,SPACING \
					-f "$project_dir/$file" ;;
		# Macros that have the name of a member twice, which has no side effects
		*/fuzz_kinds.c)	checkpatch --ignore MACRO_ARG_REUSE -f "$project_dir/$file" ;;
		*)		checkpatch -f "$project_dir/$file" ;;
		esac
		quiet "checkpatch --strict: $file" "$work/said"
	done
	while IFS= read -r name; do
		# As git would mail it: a line before the change ends the description. It is
		# signed when it becomes part of a series; constants look like those around.
		sed '0,/^--- /s//---\n&/' "$hooks/$name" >"$work/$name"
		checkpatch --ignore MISSING_SIGN_OFF,FILE_PATH_CHANGES,BIT_MACRO "$work/$name"
		quiet "checkpatch --strict: base/hooks/$name" "$work/said"
	done <"$work/series"
	for file in $kernel_files; do
		(cd "$tree" && perl scripts/kernel-doc -none -Wall "$file") 2>&1 |
			grep -vE '^(INFO|info):|: (info|INFO):' >"$work/said" || true
		quiet "kernel-doc: $file" "$work/said"
	done
}

# ---- words

# Of a hook only what the project wrote: its header and the lines that it adds.
check_words()
{
	local path

	rm -rf "$work/words"
	while IFS= read -r path; do
		mkdir -p "$work/words/$(dirname "$path")"
		case $path in
		LICENSES/*)	;;
		*.patch)	awk '!hunks || /^\+/; /^--- / { hunks = 1 }' "$project_dir/$path" >"$work/words/$path" ;;
		*)		ln -s "$project_dir/$path" "$work/words/$path" ;;
		esac
	done <"$work/all"
	(cd "$work/words" && xargs -r -d '\n' codespell --config "$project_dir/.codespellrc" \
		< <(find . -type f -o -type l | sort)) >"$work/said" 2>&1 || true
	quiet "codespell" "$work/said"
}

# ---- every file

check_repository()
{
	local path first

	: >"$work/said"
	while IFS= read -r path; do
		case $path in
		*.patch|*.md|*/series|.gitignore|*.txt|.reuse/*) continue ;;
		esac
		first=$(head -n 4 "$project_dir/$path" | tr -d '\0')
		grep -q 'SPDX-License-Identifier: GPL-2.0' <<<"$first" || echo "$path" >>"$work/said"
	done <"$work/all"
	quiet "every file names its licence (SPDX)" "$work/said"

	(cd "$project_dir" && reuse lint) >"$work/said" 2>&1 && : >"$work/said"
	quiet "reuse lint" "$work/said"
	# What a file says itself and what .reuse/dep5 says of it, by file.
	(cd "$project_dir" && reuse spdx) 2>/dev/null |
		awk '/^FileName: / { file = $2 }
			/^LicenseInfoInFile: / && $2 != "Linux-syscall-note" { said[file] = said[file] " " $2; n[file]++ }
			END { for (file in n) if (n[file] != 1) print file ":" said[file] }' >"$work/said"
	quiet "files and .reuse/dep5 name the same licence" "$work/said"

	# Mirrors and registries come from apt, and no path of one machine belongs here.
	(cd "$project_dir" && xargs -r -d '\n' grep -nIE \
		'(deb|security|ftp|snapshot|cdn[a-z-]*|archive)\.debian\.org|(^|[^a-z])(/root/|/work/(main|shared)|/home/[a-z])' \
		<"$work/all") >"$work/said" 2>/dev/null || true
	# Except where it is forbidden: this very line.
	sed -i '/^base\/check\.sh:/d' "$work/said"
	quiet "no host name of a mirror and no path of one machine" "$work/said"

	while IFS= read -r path; do
		if [ -s "$project_dir/$path" ] && ! grep -qI . "$project_dir/$path"; then
			echo "$path"
		fi
	done <"$work/all" >"$work/said"
	quiet "no binary file" "$work/said"

	while IFS= read -r path; do
		case $(head -n 1 "$project_dir/$path" | tr -d '\0') in
		'#!'*python*)
			if ! /usr/bin/python3 - "$project_dir/$path" <<-'END' >"$work/said" 2>&1
				import sys
				compile(open(sys.argv[1]).read(), sys.argv[1], "exec")
			END
			then
				result 1 "python: $path" "$work/said"
			else
				result 0 "python: $path"
			fi
			;;
		'#!'*busybox*)
			shellcheck -s dash "$project_dir/$path" >"$work/said" 2>&1 || true
			quiet "shellcheck: $path" "$work/said"
			;;
		'#!'*sh)
			shellcheck -x -P "$(dirname "$project_dir/$path")" "$project_dir/$path" >"$work/said" 2>&1 || true
			quiet "shellcheck: $path" "$work/said"
			;;
		esac
	done <"$work/all"
}

echo "KTAP version 1"
check_kernel
check_words
check_repository
echo "1..$number"
[ "$failures" = 0 ]
