# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts of base/ share: where things are, how messages look, locks.
# Sourced, never run. Callers set "set -euo pipefail" themselves.

# Messages of the tools that are parsed here must not depend on the user's locale,
# nor must what the compiler cache finds (the kernel's make takes LC_ALL back).
unset LANGUAGE LC_MESSAGES LC_CTYPE
export LC_ALL=C LANG=C

project_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
base_dir=$project_dir/base
# Not part of the interface: the name under which a script reports.
script_name=$(basename "$0" .sh)

# Everything that is the same for every checkout on this machine lives here.
cache_dir=${GRACE_CMDQV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grace-cmdqv}
mkdir -p "$cache_dir"

# Results of the compiler are found again whatever checkout they were made in.
export CCACHE_DIR=${CCACHE_DIR:-$cache_dir/ccache}
export CCACHE_BASEDIR=/ CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content
# Trees are copies: what was written a moment ago is not being written now.
export CCACHE_SLOPPINESS=include_file_ctime,include_file_mtime,locale
export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-2G}

say()  { printf '[%s] %s\n' "$script_name" "$*" >&2; }
die()  { printf '[%s] error: %s\n' "$script_name" "$*" >&2; exit 1; }

# lock NAME: hold the machine-wide lock NAME until the calling shell (use a
# subshell) ends. Only for what is shared through the cache.
lock()
{
	local fd

	exec {fd}>"$cache_dir/.lock-$1"
	if ! flock -n "$fd"; then
		say "waiting for another run that holds the lock '$1'"
		flock "$fd"
	fi
}

# setting KEY: value of "KEY = value" in base/versions, empty if there is none.
setting()
{
	sed -n "s/^$1[[:space:]]*=[[:space:]]*//p" "$base_dir/versions" | head -n 1
}

# What a compiler, a linker, modpost or apt calls an error.
error_lines='(^|[ :])(fatal )?error:|undefined reference|^ERROR:|^E: '

# failed LOG WHAT...: say what failed, the errors in its log or else its end, and where
# it lies; ends.
failed()
{
	local log=$1

	shift
	if grep -qE "$error_lines" "$log"; then
		say "error: $* failed:"
		grep -E -A4 "$error_lines" "$log" | head -n 25 | sed 's/^/    /' >&2
	else
		say "error: $* failed; the last lines of its log:"
		tail -n 25 "$log" | sed 's/^/    /' >&2
	fi
	say "the whole log: $log"
	exit 1
}

# The process group of a long command that progress() started, empty if none.
running_group=
stop_running()
{
	trap - INT TERM HUP
	[ -z "$running_group" ] || kill -TERM -- "-$running_group" 2>/dev/null || true
	say "stopped"
	exit 130
}
trap stop_running INT TERM HUP

# progress NAME LOG PATTERN COMMAND...: run a long COMMAND with its output in LOG.
# Every half minute says how long it runs and how many lines of the log match
# PATTERN (grep's basic syntax); nothing at all if it takes less than two seconds.
# Returns only on success.
progress()
{
	local name=$1 log=$2 pattern=$3 start=$SECONDS next=2 count

	shift 3
	mkdir -p "$(dirname "$log")"
	# A process group of its own, so that all of it can be stopped.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	running_group=$!
	set +m
	while kill -0 "$running_group" 2>/dev/null; do
		sleep 0.2
		[ $((SECONDS - start)) -ge "$next" ] || continue
		if [ "$next" = 2 ]; then
			say "$name ... (log: $log)"
			next=30
		else
			count=$(grep -c -- "$pattern" "$log" || true)
			say "$name ... $((SECONDS - start)) s, $count steps done"
			next=$((next + 30))
		fi
	done
	wait "$running_group" || failed "$log" "$name"
	running_group=
	[ $((SECONDS - start)) -lt 2 ] || say "$name: done in $((SECONDS - start)) s"
}

# result VERDICT NAME [LOG]: a case of KTAP, passed if VERDICT is 0; the lines of LOG
# explain a failure. The script sets number and failures to 0 before the first.
result()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		failures=$((failures + 1))
		[ -z "${3:-}" ] || head -n 60 "$3" | sed 's/^/# /'
		echo "not ok $number - $2"
	fi
}
