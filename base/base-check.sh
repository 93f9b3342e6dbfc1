#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# base-check.sh: do the hooks apply, without fuzz, to every 6.12.y that this
# machine's apt sources offer? KTAP on standard output, one case a version.
#
# Of versions that are not unpacked anyway only the directories that hooks are
# about are taken out of the package; these stay in the cache, the package does not.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

package=linux-source-6.12
# A hook outside of these costs a new download of each version.
usual=(drivers/acpi/arm64 drivers/iommu drivers/vfio include/acpi include/linux include/uapi/linux mm
	tools/testing/selftests/iommu)
work=$(mktemp -d "${TMPDIR:-/tmp}/grace-base-check.XXXXXX")
trap 'rm -rf "$work"' EXIT

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"
list_hooks

# Members of the package's archive to take out, sorted.
{
	grep -vE "^($(IFS='|'; echo "${usual[*]}"))/" "$work/hooked" || true
	printf '%s\n' "${usual[@]}"
} | sort >"$work/wanted"

# partial VERSION: a directory with at least the hooked files of that version.
partial()
{
	local version=$1 home=$cache_dir/base-$1

	if [ -d "$home/linux" ]; then
		printf '%s\n' "$home/linux"
		return
	fi
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

mapfile -t versions < <("$base_dir/linux-source.sh" list)
[ ${#versions[@]} -gt 0 ] || die "apt offers no $package"

echo "KTAP version 1"
echo "1..${#versions[@]}"
number=0
failures=0
for version in "${versions[@]}"; do
	number=$((number + 1))
	verdict=ok
	rm -rf "$work/stage"
	mkdir "$work/stage"
	dir=$(partial "$version")
	if ! (apply_hooks "$dir" "$version" "$work/stage") 2>"$work/messages"; then
		verdict='not ok'
		failures=$((failures + 1))
		sed 's/^/# /' "$work/messages"
	fi
	echo "$verdict $number - $(wc -l <"$work/series") hooks apply without fuzz to $package $version"
	if ! sed -n 's/^tested = //p' "$base_dir/versions" | tr -d '*' | tr ' ' '\n' | grep -qxF "$version"; then
		echo "# not yet among the versions tested in base/versions: $version"
	fi
done
[ "$failures" = 0 ]
