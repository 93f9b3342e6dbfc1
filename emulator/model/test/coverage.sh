#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests have executed of the model: a table by file, and KTAP. Each line has
# to be executed, and the ones that are not are named.
#	coverage.sh DIRECTORY FILE.c...
# DIRECTORY has the objects and their counts.
set -eu

dir=$1
shift
cd "$dir"
rm -f ./*.gcov
: >gcov.log
for file in "$@"; do
	shift
	set -- "$@" "$file.gcov"
	${GCOV:-gcov} -b "${file%.c}.o" >>gcov.log 2>&1
	if [ ! -s "$file.gcov" ]; then
		echo "Bail out! nothing was counted of $file"
		exit 1
	fi
done

# By file, then in all: lines, those executed, branches, those taken
awk '
	function row(name, a, b, c, d) {
		printf "%-14s %6d of %4d %6.1f %%   ", name, b, a, a ? 100 * b / a : 100
		printf "%6d of %4d %6.1f %%\n", d, c, c ? 100 * d / c : 100
	}
	FNR == 1 {
		if (name)
			row(name, lines, done, branches, taken)
		name = FILENAME
		sub(/\.gcov$/, "", name)
		sub(/.*\//, "", name)
		lines = done = branches = taken = 0
	}
	/^ *([0-9]+\*?|#####):/ { lines++; all[0]++ }
	/^ *[0-9]+\*?:/ { done++; all[1]++ }
	/^branch / { branches++; all[2]++ }
	/^branch .* taken ([1-9]|0\.[0-9]*[1-9])/ { taken++; all[3]++ }
	END {
		row(name, lines, done, branches, taken)
		row("all", all[0], all[1], all[2], all[3])
		printf "# figure: coverage_model_lines %.1f %% of %d lines of the model\n",
			100 * all[1] / all[0], all[0]
		printf "# figure: coverage_model_branches %.1f %% of %d branches of the model\n",
			100 * all[3] / all[2], all[2]
	}' "$@" >table
echo "KTAP version 1"
echo "1..1"
printf '%-14s %21s   %21s\n' "# file" "lines" "branches"
sed '/^#/!s/^/# /' table
if grep -n '^ *#####:' "$@" >missed; then
	sed 's/^\([^:]*\)\.gcov:[0-9]*: *#####: *\([0-9]*\): */# not executed: \1:\2: /' missed
	echo "not ok 1 each line of the model is executed by its tests"
	exit 1
fi
echo "ok 1 each line of the model is executed by its tests"
