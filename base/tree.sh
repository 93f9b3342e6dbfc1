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

hooks=$base_dir/hooks
own_dirs=(drivers include tools Documentation)

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

# ---- which files: the hooks, in order, and what they touch

series()
{
	sed -e 's/[[:space:]]*#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$hooks/series"
}

# Paths that the patch file $1 touches, as it names them (without a/ and b/).
touched()
{
	awk '/^(---|\+\+\+) / && $2 != "/dev/null" { sub(/^[^\/]*\//, "", $2); print $2 }' "$1" | sort -u
}

# Project files: tracked ones and new ones that git does not ignore.
own_files()
{
	local dir

	if git -C "$project_dir" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$project_dir" -c core.quotePath=off ls-files -co --exclude-standard -- "${own_dirs[@]}"
	else
		for dir in "${own_dirs[@]}"; do
			(cd "$project_dir" && find "$dir" -type f 2>/dev/null) || true
		done
	fi | sort -u | while IFS= read -r dir; do
		# Deleted, but git still has it; editors' left-overs.
		[ -f "$project_dir/$dir" ] || continue
		case $dir in *~|*.orig|*.rej|*.swp|*.o|*.cmd) continue ;; esac
		printf '%s\n' "$dir"
	done
}

own_files >"$work/own"
series >"$work/series"

while IFS= read -r hook; do
	[ -f "$hooks/$hook" ] || die "base/hooks/series names $hook, but base/hooks/$hook does not exist"
	touched "$hooks/$hook" >"$work/touched"
	[ -s "$work/touched" ] || die "hook $hook holds no patch"
	if grep -xFf "$work/own" "$work/touched" >"$work/both"; then
		die "hook $hook changes $(tr '\n' ' ' <"$work/both")which the project takes over whole: change the project's file instead"
	fi
	cat "$work/touched" >>"$work/hooked"
done <"$work/series"
touch "$work/hooked"
sort -u -o "$work/hooked" "$work/hooked"

# ---- apply the hooks to copies of just those files

while IFS= read -r path; do
	# Not there: a file that a hook adds, or hook_failed() will say so.
	[ -f "$pristine/$path" ] || continue
	mkdir -p "$stage/$(dirname "$path")"
	cp -p "$pristine/$path" "$stage/$path"
done <"$work/hooked"

# Says which hunk of which file failed and shows it. $1: hook, $2: output of patch.
hook_failed()
{
	# patch does not repeat the name of a file that it can't find, but quotes it.
	awk -v hook="$1" -v version="$version" '
		/^\|\+\+\+ / { file = $2; sub(/^[^\/]*\//, "", file) }
		/^(patching|checking) file / { file = $3; gsub("\047", "", file) }
		/^No file to patch/ { $0 = "no such file in this version" }
		/^(Hunk #|malformed|patch: \*\*\*\*|no such file|The next patch)/ && !/succeeded/ {
			printf "[tree] error: hook base/hooks/%s does not apply to %s: file %s: %s\n", hook, version, file ? file : "?", $0
		}' "$2" >&2
	if [ -s "$work/reject" ]; then
		printf '[tree] the hunk(s) that failed:\n' >&2
		head -n 120 "$work/reject" >&2
	fi
	die "hook base/hooks/$1 does not apply to linux-source-6.12 $version (no fuzz is allowed)"
}

while IFS= read -r hook; do
	rm -f "$work/reject"
	if ! patch -d "$stage" -p1 --fuzz=0 --forward --batch --no-backup-if-mismatch \
			--reject-file="$work/reject" <"$hooks/$hook" >"$work/patch.log" 2>&1; then
		hook_failed "$hook" "$work/patch.log"
	fi
	# patch can exit 0 after "garbage was ignored"; a hook must be all patch.
	if ! grep -q '^patching file' "$work/patch.log"; then
		hook_failed "$hook" "$work/patch.log"
	fi
done <"$work/series"

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
