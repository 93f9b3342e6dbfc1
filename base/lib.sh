# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts of base/ share: where things are, how messages look, locks.
# Sourced, never run. Callers set "set -euo pipefail" themselves.

# Messages of the tools that are parsed here must not depend on the user's locale.
export LC_ALL=C

project_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
base_dir=$project_dir/base
# Not part of the interface: the name under which a script reports.
script_name=$(basename "$0" .sh)

# Everything that is the same for every checkout on this machine lives here.
cache_dir=${GRACE_CMDQV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grace-cmdqv}
mkdir -p "$cache_dir"

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
