#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# series.sh generate OUT [VERSION|DIRECTORY]
#	The project as a patch series for "git am" on a 6.12.y tree, in the directory
#	OUT: 0000-cover-letter.patch, NNNN-*.patch, series.mbox (all but the letter) and
#	"series", the list that quilt reads. base/series has the steps, one file each;
#	series.py says what they look like.
#
#	It is made for one 6.12.y: VERSION of Debian's package, or the clean source tree
#	in DIRECTORY. It often fits others, but tegra241-cmdqv.c, of which the series
#	leaves nothing, is not the same in all of them.
#
#	The same commit always gives the same series: author and date are
#	SERIES_AUTHOR="Name <address>"	or who git thinks the user is, or the project
#	SOURCE_DATE_EPOCH		or the time of the commit
#	SIGNOFF="Name <address>" makes that person the author and adds the line
#	Signed-off-by. Without it whoever applies the series can: git am --signoff.
#
# series.sh am DIR TREE REPO
#	Makes a git repository REPO of the files of the source tree TREE, which may lack
#	what the series does not touch, and applies the series in DIR, as a user would:
#	one commit a patch, on top of one that has the tag "base". Ends if a patch does
#	not apply or if what comes out differs from what tree.sh makes.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

steps=$base_dir/series
work=$(mktemp -d "${TMPDIR:-/tmp}/grace-series.XXXXXX")
trap 'rm -rf "$work"' EXIT

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"

# Nothing of the user's settings goes into the result.
plain_git()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=0 \
		git -c core.autocrlf=false -c core.quotePath=off -c core.abbrev=12 \
		-c diff.renames=false -c diff.algorithm=myers -c diff.context=3 \
		-c gc.auto=0 -c commit.gpgSign=false -c advice.detachedHead=false "$@"
}

# Who and when: GIT_AUTHOR_* and GIT_COMMITTER_*.
identity()
{
	local who=${SIGNOFF:-${SERIES_AUTHOR:-}} when=${SOURCE_DATE_EPOCH:-}

	if [ -z "$who" ]; then
		who=$(git -C "$project_dir" config user.name 2>/dev/null || true)
		who="$who <$(git -C "$project_dir" config user.email 2>/dev/null || true)>"
		[[ $who == ?*' <'?*'>' ]] || who='grace-cmdqv <grace-cmdqv@localhost>'
	fi
	[[ $who == ?*' <'?*@?*'>' ]] || die "'$who' is no author: give \"Name <address>\""
	[ -n "$when" ] || when=$(git -C "$project_dir" log -1 --format=%ct 2>/dev/null || true)
	export GIT_AUTHOR_NAME=${who% <*} GIT_COMMITTER_NAME=${who% <*}
	who=${who##*<}
	export GIT_AUTHOR_EMAIL=${who%>} GIT_COMMITTER_EMAIL=${who%>}
	# The start of the year that the kernels are built in, see kernel.sh.
	export GIT_AUTHOR_DATE="${when:-1767225600} +0000" GIT_COMMITTER_DATE="${when:-1767225600} +0000"
}

# The version of the source tree $1, if its Makefile is there.
version_of()
{
	local number

	number=$(sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = *//p' "$1/Makefile" 2>/dev/null | paste -sd .)
	printf '%s\n' "${number:-6.12.y}"
}

# Files of the base that the series changes: hooked ones, and ours in their place.
touched_files()
{
	local tree=$1 path

	sort -u "$work/own" "$work/hooked" | while IFS= read -r path; do
		[ ! -f "$tree/$path" ] || printf '%s\n' "$path"
	done
}

# apply_patch FILE REPO [OPTION...]: with no fuzz.
apply_patch()
{
	local file=$1 repo=$2

	shift 2
	patch -d "$repo" -p1 --fuzz=0 --batch --no-backup-if-mismatch --reject-file=- "$@" \
		<"$file" >"$work/patch.log" 2>&1 && grep -q '^patching file' "$work/patch.log"
}

# step NAME REPO: what the step brings, committed.
step()
{
	local name=$1 repo=$2 what arg

	while read -r what arg; do
		case $what in
		hook)
			apply_patch "$hooks/$arg" "$repo" --forward || {
				sed 's/^/    /' "$work/patch.log" >&2
				die "step $name: base/hooks/$arg does not apply (no fuzz is allowed): does it need a hook of a later step?"
			}
			;;
		apply)
			apply_patch "$steps/$arg" "$repo" --forward ||
				failed "$work/patch.log" "step $name: base/series/$arg"
			;;
		revert)
			apply_patch "$steps/$arg" "$repo" --reverse ||
				failed "$work/patch.log" "step $name: taking back base/series/$arg"
			;;
		file)
			mkdir -p "$repo/$(dirname "$arg")"
			cp "$project_dir/$arg" "$repo/$arg"
			if [ -x "$project_dir/$arg" ]; then chmod 755 "$repo/$arg"; else chmod 644 "$repo/$arg"; fi
			;;
		esac
	done <"$work/plan/$name.do"

	# Everything: what the kernel's .gitignore files leave out, too.
	plain_git -C "$repo" add -A -f
	! plain_git -C "$repo" diff --cached --quiet || die "step $name changes nothing"
	# Who applies it may have set git to refuse that.
	# A title on a page that is seven letters long looks like a conflict to git.
	plain_git -C "$repo" diff --cached --check |
		grep -E ': (trailing whitespace|space before tab|new blank line)' >"$work/blanks" || true
	if [ -s "$work/blanks" ]; then
		head -n 20 "$work/blanks" | sed 's/^/    /' >&2
		die "step $name adds blanks where none should be"
	fi
	cp "$work/plan/$name.message" "$work/message"
	[ -z "${SIGNOFF:-}" ] || printf '\nSigned-off-by: %s\n' "$SIGNOFF" >>"$work/message"
	plain_git -C "$repo" commit -q --cleanup=verbatim -F "$work/message"
}

# The tree as tree.sh makes it, of the files that differ from the base alone.
final_state()
{
	local tree=$1 version=$2 stage=$3

	mkdir "$stage"
	apply_hooks "$tree" "$version" "$stage"
	rsync -a --files-from="$work/own" "$project_dir/" "$stage/"
}

# same_tree A B: content and executable bits.
same_tree()
{
	diff -rq --no-dereference --exclude=.git "$1" "$2" >"$work/differ" || return 1
	diff <(cd "$1" && find . -name .git -prune -o -type f -perm /100 -print | sort) \
		<(cd "$2" && find . -name .git -prune -o -type f -perm /100 -print | sort) >"$work/differ"
}

generate()
{
	local out=$1 info version tree repo=$work/repo name number

	if [ -d "${2:-}" ]; then
		tree=$2
		version=$(version_of "$tree")
	else
		info=$("$base_dir/linux-source.sh" pristine "${2:-}")
		version=${info%% *}
		tree=${info#* }
	fi
	identity
	list_hooks
	mkdir "$work/plan"
	"$base_dir/series.py" plan "$steps" "$hooks" "$work/own" "$work/series" "$work/plan" >"$work/log" 2>&1 || {
		sed 's/^/    /' "$work/log" >&2
		die "base/series does not fit the project's hooks and files"
	}

	mkdir "$repo"
	touched_files "$tree" >"$work/base"
	rsync -a --files-from="$work/base" "$tree/" "$repo/"
	plain_git -C "$repo" init -q -b "linux-6.12.y"
	plain_git -C "$repo" add -A -f
	plain_git -C "$repo" commit -q -m "$version"
	while IFS= read -r name; do
		step "$name" "$repo"
	done <"$work/plan/steps"

	final_state "$tree" "$version" "$work/stage"
	same_tree "$work/stage" "$repo" || {
		head -n 20 "$work/differ" | sed "s,$work/,,g; s/^/    /" >&2
		die "the series does not end where base/tree.sh does"
	}

	# What git takes for the letter's subject and text.
	sed -e '/^#/d' -e 's/^Subject: //' -e "s/@VERSION@/$version/" "$steps/0000-cover-letter" >"$work/letter"
	plain_git -C "$repo" config branch.linux-6.12.y.description "$(cat "$work/letter")"
	mkdir "$work/out"
	plain_git -C "$repo" format-patch -q -o "$work/out" --cover-letter \
		--cover-from-description=subject --subject-prefix='PATCH 6.12' --numbered \
		--no-signature --no-renames --stat=75 --stat-name-width=60 \
		"$(plain_git -C "$repo" rev-list --max-parents=0 HEAD)"

	number=0
	while IFS= read -r name; do
		number=$((number + 1))
		(cd "$work/out" && echo "$(printf '%04d' "$number")"-*.patch) >>"$work/out/series"
	done <"$work/plan/steps"
	[ "$number" = "$(find "$work/out" -name '[0-9]*.patch' ! -name '0000-*' | wc -l)" ] ||
		die "there are not as many patches as steps"
	(cd "$work/out" && xargs cat <series >series.mbox)

	mkdir -p "$out"
	rm -f "$out"/[0-9]*.patch "$out/series.mbox" "$out/series"
	cp "$work/out"/* "$out/"
	"$base_dir/series.py" text "$out" >"$work/log" || {
		sed 's/^/    /' "$work/log" >&2
		say "notice: these messages should be otherwise (the suite 'series' fails for it)"
	}
	say "$out: $number patches for $version; git am $out/series.mbox"
}

# The whole way of a user: a clean tree in git, and the patches.
am()
{
	local dir tree=$2 repo=$3

	dir=$(cd "$1" && pwd -P)
	identity
	list_hooks
	rm -rf "$repo"
	mkdir -p "$repo"
	cp -a --reflink=auto "$tree/." "$repo/"
	plain_git -C "$repo" init -q -b master
	plain_git -C "$repo" add -A -f
	plain_git -C "$repo" commit -q -m base
	plain_git -C "$repo" tag base
	plain_git -C "$repo" am -q --whitespace=error "$dir/series.mbox" >"$work/am.log" 2>&1 ||
		failed "$work/am.log" "git am $dir/series.mbox on $tree"

	final_state "$tree" "$(version_of "$tree")" "$work/stage"
	plain_git -C "$repo" diff --name-only --no-renames base >"$work/changed"
	mkdir "$work/result"
	rsync -a --files-from="$work/changed" --ignore-missing-args "$repo/" "$work/result/"
	# A file that is as in the base was not changed by the series.
	(cd "$work/stage" && find . -type f -printf '%P\n') | while IFS= read -r path; do
		! cmp -s "$work/stage/$path" "$tree/$path" || rm "$work/stage/$path"
	done
	find "$work/stage" "$work/result" -type d -empty -delete
	same_tree "$work/stage" "$work/result" || {
		head -n 20 "$work/differ" | sed "s,$work/,,g; s/^/    /" >&2
		die "with the series $tree becomes something else than with base/tree.sh"
	}
}

case ${1:-} in
generate)
	case $# in 2|3) ;; *) die "usage: $0 generate OUT [VERSION|DIRECTORY]" ;; esac
	generate "$2" "${3:-}"
	;;
am)
	[ $# = 4 ] || die "usage: $0 am DIR TREE REPO"
	am "$2" "$3" "$4"
	;;
*)
	die "usage: $0 generate OUT [VERSION|DIRECTORY] | am DIR TREE REPO"
	;;
esac
