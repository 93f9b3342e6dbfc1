#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tree.sh [--force] OUT [VERSION]
#
# Assembles a clean kernel source tree in OUT: Debian's linux-source-6.12, the
# hooks of base/hooks applied in the order of its series file, and the project's
# own files (drivers/ include/ tools/ Documentation/) over it.
#
# Run again it rewrites only the files whose content changes, so that objects
# built from OUT (out of tree, with O=) are rebuilt exactly where they must be.
# A file that ceased to be hooked or ours goes back to what the package has.
#
# What was written is noted beside the tree, in .NAME.manifest: line 1 is the
# base version, then "SHA256  PATH" for every file that differs from the base.
# A file that was edited inside OUT is not overwritten unless --force is given.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() { die "usage: $0 [--force] OUT [VERSION]"; }

force=0
if [ "${1:-}" = --force ]; then
	force=1
	shift
fi
case $# in 1|2) ;; *) usage ;; esac
case $1 in -*|'') usage ;; esac
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd -P)/$(basename "$1")
manifest=$(dirname "$out")/.$(basename "$out").manifest

# One run at a time for one OUT.
exec 9>"$manifest.lock"
flock 9

pristine_info=$("$base_dir/linux-source.sh" pristine "${2:-}")
version=${pristine_info%% *}
pristine=${pristine_info#* }

work=$(mktemp -d "${TMPDIR:-/tmp}/grace-tree.XXXXXX")
trap 'rm -rf "$work"' EXIT
stage=$work/stage
mkdir "$stage"

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"
list_hooks
apply_hooks "$pristine" "$version" "$stage"

# ---- the project's files over it

rsync -a --files-from="$work/own" "$project_dir/" "$stage/"

(cd "$stage" && find . -type f -printf '%P\n' | sort >"$work/files" &&
	xargs -r -d '\n' sha256sum -- <"$work/files") >"$work/new"
# Hooked away: a file that the hooks delete.
while IFS= read -r path; do
	[ -f "$stage/$path" ] || { [ -f "$pristine/$path" ] && printf '%s\n' "$path"; } || true
done <"$work/hooked" >"$work/deleted"

# ---- bring OUT to that state

old_version=
touch "$work/old"
if [ -e "$out" ]; then
	if [ -f "$manifest" ]; then
		old_version=$(head -n 1 "$manifest")
		tail -n +2 "$manifest" >"$work/old"
	elif [ -n "$(ls -A "$out" 2>/dev/null)" ]; then
		die "$out exists and was not made by this script: give another directory or remove it"
	fi
fi

edited_in_place()
{
	local sum path have new

	while read -r sum path; do
		[ "$sum" != deleted ] || continue
		[ -f "$out/$path" ] || continue
		have=$(sha256sum <"$out/$path")
		have=${have%% *}
		[ "$have" != "$sum" ] || continue
		# What is there may be what we were about to write anyway.
		new=$(awk -v p="$path" '$2 == p { print $1 }' "$work/new")
		[ "$have" != "$new" ] || continue
		cmp -s "$out/$path" "$pristine/$path" && continue
		printf '%s\n' "$path"
	done <"$work/old"
}

if [ -n "$old_version" ] && [ "$old_version" != copying ] && [ $force = 0 ]; then
	edited_in_place >"$work/edited"
	if [ -s "$work/edited" ]; then
		say "these files were edited inside $out:"
		sed 's/^/    /' "$work/edited" >&2
		die "carry the edits over to the project's own files or hooks, or give --force to throw them away"
	fi
fi

if [ "$old_version" != "$version" ]; then
	# "copying" marks a tree that is not complete, should this run be stopped.
	printf 'copying\n' >"$manifest"
	if [ -z "$old_version" ]; then
		say "copying linux-source-6.12 $version to $out"
		mkdir -p "$out"
		cp -a --reflink=auto "$pristine/." "$out/"
	else
		say "changing $out from $old_version to $version"
		# No times: a file whose content is the same keeps its own, one whose
		# content changes gets the present, in whichever direction we go.
		sed 's,^,/,' "$work/files" >"$work/exclude"
		rsync -rlp --checksum --delete --exclude-from="$work/exclude" "$pristine/" "$out/"
	fi
	: >"$work/old"
fi

written=0
while IFS= read -r path; do
	cmp -s "$stage/$path" "$out/$path" && continue
	mkdir -p "$out/$(dirname "$path")"
	# Into place by rename: a compiler that runs now sees the old or the new file.
	cp "$stage/$path" "$out/$path.grace-new"
	if [ -x "$stage/$path" ]; then chmod 755 "$out/$path.grace-new"; else chmod 644 "$out/$path.grace-new"; fi
	mv "$out/$path.grace-new" "$out/$path"
	written=$((written + 1))
done <"$work/files"

restored=0
while read -r _ path; do
	if [ -f "$stage/$path" ] || grep -qxF -- "$path" "$work/deleted"; then
		continue
	fi
	if [ -f "$pristine/$path" ]; then
		cmp -s "$pristine/$path" "$out/$path" && continue
		mkdir -p "$out/$(dirname "$path")"
		cp --no-preserve=timestamps "$pristine/$path" "$out/$path"
	else
		rm -f "$out/$path"
		rmdir -p --ignore-fail-on-non-empty "$(dirname "$out/$path")" 2>/dev/null || true
	fi
	restored=$((restored + 1))
done <"$work/old"

while IFS= read -r path; do
	rm -f "$out/$path"
done <"$work/deleted"

{
	printf '%s\n' "$version"
	cat "$work/new"
	sed 's/^/deleted  /' "$work/deleted"
} >"$work/manifest"
cmp -s "$work/manifest" "$manifest" || cp "$work/manifest" "$manifest"

if [ $((written + restored)) = 0 ]; then
	say "$out is up to date (linux-source-6.12 $version, $(wc -l <"$work/series") hooks, $(wc -l <"$work/own") files of ours)"
else
	say "$out: $written file(s) written, $restored put back (linux-source-6.12 $version, $(wc -l <"$work/series") hooks, $(wc -l <"$work/own") files of ours)"
fi
