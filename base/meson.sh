#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# meson.sh: makes sure that a meson >= 1.5 and pycotap can be had and prints the
# directory that PYTHONPATH must name for QEMU's configure and for its build,
# an empty line if the machine's own packages will do (Debian 13).
#
# Debian 12 has an older meson. The packages of bookworm-backports, both pure
# Python, are then unpacked in the cache; nothing is installed.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

enough()
{
	PYTHONPATH=${1:-} /usr/bin/python3 - <<-'END' 2>/dev/null
		from importlib.metadata import version
		import mesonbuild, pycotap
		have = tuple(int(part) for part in version("meson").split(".")[:2])
		raise SystemExit(have < (1, 5))
	END
}

if enough; then
	echo
	exit 0
fi
tools=$cache_dir/meson
if ! enough "$tools/usr/lib/python3/dist-packages"; then
	say "unpacking meson from bookworm-backports in the cache"
	rm -rf "$tools"
	"$base_dir/apt.sh" unpack meson bookworm-backports "$tools"
	"$base_dir/apt.sh" unpack python3-pycotap bookworm-backports "$tools"
	enough "$tools/usr/lib/python3/dist-packages" ||
		die "no meson >= 1.5 with pycotap: on Debian 13 install meson and python3-pycotap, on Debian 12 bookworm-backports must have them"
fi
printf '%s\n' "$tools/usr/lib/python3/dist-packages"
