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

work=$(mktemp -d "${TMPDIR:-/tmp}/grace-base-check.XXXXXX")
trap 'rm -rf "$work"' EXIT

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"
list_hooks

mapfile -t versions < <("$base_dir/linux-source.sh" list)
[ ${#versions[@]} -gt 0 ] || die "apt offers no linux-source-6.12"

echo "KTAP version 1"
echo "1..${#versions[@]}"
number=0
failures=0
for version in "${versions[@]}"; do
	number=$((number + 1))
	verdict=ok
	rm -rf "$work/stage"
	mkdir "$work/stage"
	dir=$(partial_tree "$version")
	if ! (apply_hooks "$dir" "$version" "$work/stage") 2>"$work/messages"; then
		verdict='not ok'
		failures=$((failures + 1))
		sed 's/^/# /' "$work/messages"
	fi
	echo "$verdict $number - $(wc -l <"$work/series") hooks apply without fuzz to linux-source-6.12 $version"
	if ! sed -n 's/^tested = //p' "$base_dir/versions" | tr -d '*' | tr ' ' '\n' | grep -qxF "$version"; then
		echo "# not yet among the versions tested in base/versions: $version"
	fi
done
[ "$failures" = 0 ]
