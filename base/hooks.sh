# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Applying base/hooks; sourced by tree.sh, base-check.sh and others after lib.sh. The
# caller sets "work" to a directory of its own for what is noted on the way:
#
#   own		files of the project's that go into the kernel tree
#   series	the hooks in order
#   hooked	files that the hooks touch

hooks=$base_dir/hooks
own_dirs=(drivers include tools Documentation)

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

# list_hooks: fill in the lists above; ends if a hook makes no sense.
list_hooks()
{
	local hook

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
}

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

# apply_hooks PRISTINE VERSION STAGE: copy just the files that the hooks touch from
# the source tree PRISTINE to STAGE and apply the hooks there, without fuzz. Ends
# with the hook's name, the file and the hunk if one does not apply.
apply_hooks()
{
	local pristine=$1 version=$2 stage=$3 path hook

	while IFS= read -r path; do
		# Not there: a file that a hook adds, or hook_failed() will say so.
		[ -f "$pristine/$path" ] || continue
		mkdir -p "$stage/$(dirname "$path")"
		cp -p "$pristine/$path" "$stage/$path"
	done <"$work/hooked"

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
}

# A hook outside of these costs a new download of each version.
usual_dirs=(drivers/acpi/arm64 drivers/iommu drivers/vfio include/acpi include/linux include/uapi/linux mm
	tools/testing/selftests/iommu)

# partial_tree VERSION: prints a directory with at least the files of that version that
# are hooked or that the project has taken over. Of versions that are not unpacked
# anyway only the directories that hooks are about are taken out of the package; these
# stay in the cache, the package does not.
partial_tree()
{
	local version=$1 home=$cache_dir/base-$1 package=linux-source-6.12

	if [ -d "$home/linux" ]; then
		printf '%s\n' "$home/linux"
		return
	fi
	# Members of the package's archive to take out, sorted.
	{
		grep -vE "^($(IFS='|'; echo "${usual_dirs[*]}"))/" "$work/hooked" || true
		printf '%s\n' "${usual_dirs[@]}"
	} | sort >"$work/wanted"
	(
		lock "linux-$version"
		# What was asked for, not what is there: a hook may add a file.
		if [ -f "$home/hooked.list" ] && [ -z "$(comm -13 "$home/hooked.list" "$work/wanted")" ]; then
			exit 0
		fi
		mkdir -p "$work/deb"
		rm -rf "$home/hooked" "$home/hooked.list"
		mkdir -p "$home/hooked"
		say "fetching what hooks touch in $package $version (a download of 150 MB)"
		(cd "$work/deb" && rm -f ./*.deb &&
			apt-get -q -o APT::Sandbox::User=root download "$package=$version" >"$work/log" 2>&1) ||
			failed "$work/log" "downloading $package $version"
		# tar fails for a file that isn't in there, after taking out the others.
		sed "s,^,$package/," "$work/wanted" >"$work/members"
		dpkg-deb --fsys-tarfile "$work"/deb/*.deb | tar -xO "./usr/src/$package.tar.xz" |
			tar -xJ --strip-components=1 -C "$home/hooked" -T "$work/members" 2>"$work/tar.log" || true
		[ -n "$(find "$home/hooked" -type f -print -quit)" ] ||
			failed "$work/tar.log" "unpacking $package $version"
		rm -f "$work"/deb/*.deb
		cp "$work/wanted" "$home/hooked.list"
	) || exit 1
	printf '%s\n' "$home/hooked"
}
