#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs.sh [--all] TREE OBJ OUT: the project's pages as HTML in OUT, made by the kernel's
# own "make htmldocs" from the source tree TREE, with what that needs on the way in OBJ.
# OUT/index.html leads to them. The whole log: OBJ/htmldocs.log.
#
# What is made is a book of the project's pages and the few of Linux's that they refer
# to, so that references between them are links. With --all it is all of the kernel's
# documentation, which takes an hour, and shows that the pages fit into it.
#
# Fails if Sphinx has anything to say about a file of the project's, pages and the
# comments that become part of a page alike.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The book, and what its pages refer to
book=virt/tegra241-cmdqv
references=(userspace-api/iommufd)

usage() { die "usage: $0 [--all] TREE OBJ OUT"; }

all=
if [ "${1:-}" = --all ]; then
	all=1
	shift
fi
[ $# = 3 ] || usage
tree=$(cd "$1" && pwd -P)
mkdir -p "$2"
obj=$(cd "$2" && pwd -P)
out=$3
log=$obj/htmldocs.log
html=$obj/Documentation/output

work=$(mktemp -d "${TMPDIR:-/tmp}/grace-docs.XXXXXX")
trap 'rm -rf "$work"' EXIT

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"
list_hooks

options=(-j"${JOBS:-$(nproc)}")
variables=(SPHINXDIRS=.)
if [ -z "$all" ]; then
	patterns="$book/**"
	for page in "${references[@]}"; do
		patterns+=,$page.rst
	done
	options+=(-D "include_patterns=$patterns" -D "master_doc=$book/index")
	# Pages made of network protocols' descriptions, in the source tree itself
	variables+=(YNL_INDEX=)
fi

# What is up to date would say nothing.
rm -rf "$html"
# The distribution's Python, which Sphinx and its theme are packages of.
export PATH=/usr/bin:$PATH
progress "making the pages" "$log" '^reading sources' \
	make -C "$tree" O="$obj" htmldocs "${variables[@]}" SPHINXOPTS="${options[*]}"

# Without sphinx-build the kernel says so, skips it and is content.
[ -e "$html/$book/index.html" ] || failed "$log" "making the pages"

# A page, or a comment in the source that is part of one. Sphinx has absolute paths.
grep -E '(WARNING|ERROR|CRITICAL|SEVERE|warning|error)\b' "$log" |
	grep -F -f <(sed -e 's,^,/,' -e 's,\.rst$,,' "$work/own") >"$work/said" || true
if [ -s "$work/said" ]; then
	sed "s,$tree/,," "$work/said" >&2
	die "the pages have warnings; the whole log: $log"
fi

mkdir -p "$out"
rm -rf "${out:?}"/*
cp -r "$html/." "$out/"
rm -rf "$out/.doctrees" "$out"/*.h.rst
cat "$base_dir/docs.css" >>"$out/_static/custom.css"
if [ -z "$all" ]; then
	cat >"$out/index.html" <<-END
		<!DOCTYPE html>
		<meta charset="utf-8">
		<meta http-equiv="refresh" content="0; url=$book/index.html">
		<title>Documentation</title>
		<a href="$book/index.html">Documentation</a>
	END
fi
say "the pages: $out/$book/index.html"
