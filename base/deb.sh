#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deb.sh build TREE OBJ SELFTESTS OUT
#	Builds the kernel of TREE, which base/tree.sh made, in OBJ, and Debian packages for
#	arm64 of it, of the installed selftests in SELFTESTS (base/selftests.sh) and of the
#	tools of tools/cmdqv into the directory OUT. What it has of other versions goes.
# deb.sh configure TREE OBJ
#	Only makes OBJ/.config the configuration that this kernel has.
# deb.sh version TREE
#	The packages' version.
# deb.sh release TREE
#	The kernel's release, "uname -r".
#
# DEB_CONFIG	"debian" (default): Debian's own configuration for arm64 with the project's
#		options (base/config/deb.config); "small": the board's, with modules, for
#		the tests of the packages
# DEB_DEBUG_INFO  "y" (default): as Debian has it, for BTF; "package": and a package of
#		debugging symbols; "n": none, see base/config/deb-lean.config
# DEB_SIGN_KEY	file with key and certificate to sign modules with (PEM)
# DEB_REVISION	the packages' revision, instead of that in base/deb/changelog
#
# The top entry of base/deb/changelog says which revision it is (+cmdqvN), who makes it,
# and when. N goes up whenever others than the last packages are given to somebody, and
# never back, not for a newer 6.12.y either.

set -euo pipefail
shopt -s inherit_errexit
. "$(dirname "$0")/lib.sh"

flavour_config=${DEB_CONFIG:-debian}
case $flavour_config in
debian)	flavour=arm64 ;;
small)	flavour=small-arm64 ;;
*)	die "there is no configuration '$flavour_config': DEB_CONFIG is debian or small" ;;
esac
changelog=$(grep -v '^#' "$base_dir/deb/changelog")
revision=${DEB_REVISION:-$(sed -n '1s/^linux-cmdqv (BASE+cmdqv\([0-9]*\)) .*/\1/p' <<<"$changelog")}
[[ $revision =~ ^[1-9][0-9]*$ ]] || die "the packages' revision is no number: '$revision'"
debug_info=${DEB_DEBUG_INFO:-y}
[[ $debug_info =~ ^(y|n|package)$ ]] || die "DEB_DEBUG_INFO is y, n or package, not '$debug_info'"

cross=
[ "$(uname -m)" = aarch64 ] || cross=aarch64-linux-gnu-
jobs=${JOBS:-$(nproc)}

# Neither the clock, the user nor the machine go into the result.
export KBUILD_BUILD_TIMESTAMP='2026-01-01 00:00:00 UTC'
export KBUILD_BUILD_USER=grace-cmdqv KBUILD_BUILD_HOST=bench KBUILD_BUILD_VERSION=1
SOURCE_DATE_EPOCH=$(date -d "$(sed -n '/^ -- /{s/.*>  //p;q}' <<<"$changelog")" +%s)
export SOURCE_DATE_EPOCH

# What "make" has to be told each time. The firmware starts no compressed kernel.
make_options=(ARCH=arm64 ${cross:+"CROSS_COMPILE=$cross"} "CC=ccache ${cross}gcc"
	KBUILD_IMAGE=arch/arm64/boot/Image)

kmake()
{
	local tree=$1 obj=$2

	shift 2
	make -C "$tree" O="$obj" "${make_options[@]}" -j"$jobs" "$@"
}

# ---- versions

# The version of linux-source-6.12 that TREE was made of, as base/tree.sh noted it.
base_version()
{
	local manifest

	manifest=$(dirname "$1")/.$(basename "$1").manifest
	[ -f "$manifest" ] || die "$1 was not made by base/tree.sh"
	head -n 1 "$manifest"
}

# Newer than Debian's own package of the version that we build on, older than the next.
package_version()
{
	printf '%s+cmdqv%s\n' "$(base_version "$1")" "$revision"
}

# What Debian calls the release of this version, without its flavour, and then ours: so
# boot loaders, which sort by it, order the kernels as apt orders the packages. To sort(1)
# a + in place of the second - would be older than Debian's.
local_version()
{
	local version=$1 debian

	case $version in
	*~deb[0-9]*u*)	debian=${version##*~}; debian=${debian%%u*} ;;
	*~bpo*)		debian=bpo ;;
	*)		debian=deb13 ;; # the release that 6.12 belongs to
	esac
	printf '+%s-cmdqv%s-%s\n' "$debian" "$revision" "$flavour"
}

release()
{
	local version

	version=$(base_version "$1")
	printf '%s%s\n' "${version%%[-~]*}" "$(local_version "$version")"
}

# ---- configuration

# "VERSION SUITE" of linux-config-6.12 for the version $1 of the source: of the same 6.12.y
# if there is one, else the newest.
config_package()
{
	local suite version newest=

	for suite in trixie-security trixie; do
		version=$("$base_dir/apt.sh" version linux-config-6.12:arm64 "$suite")
		[ -n "$version" ] || continue
		if [ "${version%%-*}" = "${1%%-*}" ]; then
			printf '%s %s\n' "$version" "$suite"
			return
		fi
		if [ -z "$newest" ] || dpkg --compare-versions "$version" gt "${newest% *}"; then
			newest="$version $suite"
		fi
	done
	[ -n "$newest" ] || die "apt knows no package linux-config-6.12 for arm64"
	printf '%s\n' "$newest"
}

# debian_config VERSION: the file with Debian's configuration, from the cache.
debian_config()
{
	local package version suite kept work

	package=$(config_package "$1")
	version=${package% *} suite=${package#* }
	[ "${version%%-*}" = "${1%%-*}" ] ||
		say "notice: apt has Debian's configuration of $version only, not of ${1%%-*}; new options take their defaults"
	kept=$cache_dir/linux-config/$version
	if [ ! -f "$kept" ]; then
		work=$(mktemp -d "$cache_dir/linux-config.XXXXXX")
		"$base_dir/apt.sh" unpack linux-config-6.12:arm64 "$suite" "$work"
		mkdir -p "$(dirname "$kept")"
		xz -dc "$work/usr/src/linux-config-6.12/config.arm64_none_arm64.xz" >"$kept.new" ||
			die "linux-config-6.12 $version has no configuration of arm64"
		mv "$kept.new" "$kept"
		rm -rf "$work"
	fi
	printf '%s\n' "$kept"
}

# settings FILE...: "CONFIG_NAME VALUE" for each option that these name, n for one that is
# not set; of several the last one counts, as for kconfig.
settings()
{
	cat "$@" | sed -nE 's/^(CONFIG_[A-Za-z0-9_]+)=(.*)$/\1 \2/p; s/^# (CONFIG_[A-Za-z0-9_]+) is not set$/\1 n/p' |
	awk '{ name = $1; sub(/^[^ ]* /, ""); value[name] = $0 }
		END { for (name in value) print name, value[name] }' | sort
}

# differences WANTED HAVE: "NAME=WANTED (is HAVE)", of two lists of settings, for what the
# first one names.
differences()
{
	join -a 1 -e n -o 0,1.2,2.2 <(sed 's/ /\t/' "$1") <(sed 's/ /\t/' "$2") -t "$(printf '\t')" |
		awk -F'\t' '$2 != $3 { print $1 "=" $2 " (is " $3 ")" }'
}

# Is it known that the option $1 depends on the tools?
by_toolchain()
{
	local pattern

	for pattern in "${toolchain_options[@]}"; do
		# shellcheck disable=SC2053 # a pattern
		[[ ${1#CONFIG_} != $pattern ]] || return 0
	done
	return 1
}

configure()
{
	local tree=$1 obj=$2 version fragments=() start line lost=
	local work=$obj/.deb

	version=$(base_version "$tree")
	mkdir -p "$work"
	case $flavour_config in
	debian)
		start=$(debian_config "$version")
		fragments=("$base_dir/config/deb.config")
		[ "$debug_info" != n ] || fragments+=("$base_dir/config/deb-lean.config")
		;;
	small)
		start=/dev/null
		fragments=("$base_dir"/config/{bench,project,deb-small}.config)
		;;
	esac
	{
		printf 'CONFIG_LOCALVERSION="%s"\n# CONFIG_LOCALVERSION_AUTO is not set\n' "$(local_version "$version")"
		if [ -n "${DEB_SIGN_KEY:-}" ]; then
			[ -r "$DEB_SIGN_KEY" ] || die "DEB_SIGN_KEY: $DEB_SIGN_KEY can't be read"
			printf 'CONFIG_MODULE_SIG_ALL=y\nCONFIG_MODULE_SIG_KEY="%s"\n' "$(realpath "$DEB_SIGN_KEY")"
		fi
	} >"$work/ours"
	fragments+=("$work/ours")
	cat "$start" "${fragments[@]}" >"$work/wanted.new"
	# kconfig itself notes changed Kconfig files; the merge is repeated only if what we
	# ask for changed.
	if cmp -s "$work/wanted.new" "$work/wanted" && [ -f "$obj/.config" ] &&
			[ -z "$(find "$tree" -name 'Kconfig*' -newer "$work/wanted" -print -quit)" ]; then
		return 0
	fi
	rm -f "$work/wanted"
	if [ "$flavour_config" = debian ]; then
		cp "$work/wanted.new" "$obj/.config"
		kmake "$tree" "$obj" olddefconfig >"$obj.log" 2>&1 ||
			failed "$obj.log" "configuring the kernel in $tree"
	else
		KCONFIG_ALLCONFIG=$work/wanted.new kmake "$tree" "$obj" allnoconfig >"$obj.log" 2>&1 ||
			failed "$obj.log" "configuring the kernel in $tree"
	fi
	settings "$obj/.config" >"$work/have"
	settings "${fragments[@]}" >"$work/asked"
	lost=$(differences "$work/asked" "$work/have")
	if [ -n "$lost" ]; then
		printf '%s\n' "$lost" >&2
		die "these options of base/config can't be had as asked"
	fi
	# What Debian has on must be as it is there, unless we ask for something else.
	settings "$start" >"$work/debian"
	readarray -t toolchain_options < <(sed 's/#.*//' "$base_dir/deb/toolchain-options" | tr -s ' \t' '\n' | sed '/^$/d')
	differences "$work/debian" "$work/have" | grep -v '=n ' |
		grep -vFf <(sed 's/ .*/=/' "$work/asked") >"$work/differences" || true
	lost=
	while IFS= read -r line; do
		by_toolchain "${line%%=*}" || lost+="$line"$'\n'
	done <"$work/differences"
	if [ -n "$lost" ]; then
		printf '%s' "$lost" >&2
		die "these options of Debian's configuration would be lost, for no reason in base/deb/toolchain-options"
	fi
	mv "$work/wanted.new" "$work/wanted"
	say "$(release "$tree"): $(grep -c '=[ym]$' "$obj/.config") options on, $(grep -c '=m$' "$obj/.config") of them modules"
}

# ---- packages

# pkg_config SYSROOT: a program that tells where the arm64 libcrypto in SYSROOT is, for
# sign-file, which goes into the package of headers and links with it.
pkg_config()
{
	cat <<-END
		#!/bin/sh
		case \$* in
		*--cflags*libcrypto*)	echo "-I$1/usr/include -I$1/usr/include/aarch64-linux-gnu" ;;
		*--libs*libcrypto*)	echo "-L$1/usr/lib/aarch64-linux-gnu -lcrypto -Wl,--allow-shlib-undefined" ;;
		*)			exec pkg-config "\$@" ;;
		esac
	END
}

# The arm64 libcrypto, once per machine; prints where.
libcrypto()
{
	local root=$cache_dir/libcrypto-arm64 work

	if [ ! -d "$root" ]; then
		work=$(mktemp -d "$cache_dir/libcrypto.XXXXXX")
		"$base_dir/apt.sh" unpack libssl-dev:arm64 trixie "$work"
		"$base_dir/apt.sh" unpack libssl3t64:arm64 trixie "$work"
		mv -T "$work" "$root"
	fi
	printf '%s\n' "$root"
}

# "SOURCE (= VERSION)" of the C library that the static selftests hold.
static_libc()
{
	local package=libc6-dev

	[ -z "$cross" ] || package=libc6-dev-arm64-cross
	# shellcheck disable=SC2016 # for dpkg-query
	dpkg-query -W -f '${source:Package} (= ${source:Version})\n' "$package"
}

# debianize TREE OBJ SELFTESTS DEST: makes OBJ/debian of base/deb.
debianize()
{
	local tree=$1 obj=$2 selftests=$3 dest=$4
	local debian=$obj/debian version release base maintainer kind="" about name
	local depends="" recommends="" provides=""
	local -a leave_out=() options=("${make_options[@]}")

	version=$(package_version "$tree")
	release=$(release "$tree")
	base=$(base_version "$tree")
	if [ -n "${DEBEMAIL:-}" ]; then
		maintainer="${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>"
	else
		maintainer=$(sed -n '/^ -- /{s/^ -- \(.*>\)  .*/\1/p;q}' <<<"$changelog")
	fi
	case $flavour_config in
	debian)
		about='It is configured as Debian configures its own for 64-bit ARM.'
		depends='initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool'
		recommends=apparmor
		provides='wireguard-modules (= 1.0.0)'
		;;
	small)
		kind=', small'
		about="It is a small one, for the project's emulated board and tests of packages."
		;;
	esac
	[ "$debug_info" = package ] || leave_out+=("linux-image-$release-dbg")
	[ -f "$project_dir/tools/cmdqv/Makefile" ] || leave_out+=(cmdqv-tools)
	if [ -n "$cross" ] && grep -q '^CONFIG_MODULE_SIG_FORMAT=y' "$obj/.config"; then
		pkg_config "$(libcrypto)" >"$obj/.deb/pkg-config"
		chmod +x "$obj/.deb/pkg-config"
		options+=("HOSTPKG_CONFIG=$obj/.deb/pkg-config")
	fi

	rm -rf "$debian"
	mkdir -p "$debian/source"
	echo '3.0 (native)' >"$debian/source/format"
	{
		if [ -n "${DEB_REVISION:-}" ]; then
			sed -n '1p' <<<"$changelog"
			printf '\n  * Built with DEB_REVISION=%s.\n\n' "$DEB_REVISION"
			sed -n '/^ -- /{p;q}' <<<"$changelog"
			echo
		fi | sed "1s/+cmdqv[0-9]*/+cmdqv$revision/"
		printf '%s\n' "$changelog"
	} | sed "s/(BASE+/($base+/" >"$debian/changelog"
	# One paragraph a package, those that are not to be built go.
	awk -v RS= -v ORS='\n\n' -v out="${leave_out[*]}" '
		BEGIN { split(out, names, " "); for (i in names) no["Package: " names[i]] = 1 }
		{ split($0, lines, "\n"); if (!(lines[1] in no)) print }' <(substitute <"$base_dir/deb/control") \
		>"$debian/control"
	for name in preinst postinst prerm postrm; do
		substitute <"$base_dir/deb/image.$name" >"$debian/linux-image-$release.$name"
	done
	substitute <"$base_dir/deb/headers.postinst" >"$debian/linux-headers-$release.postinst"
	for name in image headers; do
		[ ! -f "$base_dir/deb/$name.lintian-overrides" ] ||
			substitute <"$base_dir/deb/$name.lintian-overrides" >"$debian/linux-$name-$release.lintian-overrides"
	done
	cp "$base_dir"/deb/linux-*.lintian-overrides "$debian/" 2>/dev/null || true
	grep -v '^#' "$base_dir/deb/copyright" >"$debian/copyright"
	cp "$base_dir"/deb/{rules,elf-files,library-depends,only-arm64} "$debian/"
	{
		printf '%s := %s\n' RELEASE "$release" FLAVOUR "$flavour" DEST "$dest" SELFTESTS "$selftests" \
			MAKE_OPTIONS "$(printf "'%s' " "${options[@]}")" \
			TOOLS_MAKE "\$(MAKE) -C '$project_dir/tools/cmdqv' O='$obj/.deb/tools' CC='${cross}gcc'" \
			SUBSTITUTIONS "$(printf "'-V%s' " "image:Depends=$depends" "image:Recommends=$recommends" \
				"image:Provides=$provides" "static:Built-Using=$(static_libc)")"
	} >"$debian/rules.vars"
}

# For debianize() alone, whose variables it uses.
substitute()
{
	sed -e "s/@release@/$release/g; s/@flavour@/$flavour/g; s/@upstream@/${base%%[-~]*}/g" \
		-e "s/@kind@/$kind/g; s/@about@/$about/g; s/@maintainer@/$maintainer/g"
}

build()
{
	local tree=$1 obj=$2 selftests=$3 out=$4 version goals=(Image modules) deb
	local work=$obj/.deb/packages

	configure "$tree" "$obj"
	version=$(package_version "$tree")
	KBUILD_BUILD_VERSION_TIMESTAMP="cmdqv $version ($(date -u -d "@$SOURCE_DATE_EPOCH" +%F))"
	export KBUILD_BUILD_VERSION_TIMESTAMP
	[ "$flavour_config" = small ] || goals+=(dtbs)
	progress "building the kernel $(release "$tree")" "$obj.log" '^  \(CC\|AS\|LD\|AR\|HOSTCC\) ' \
		kmake "$tree" "$obj" "${goals[@]}"
	rm -rf "$work"
	mkdir -p "$work"
	debianize "$tree" "$obj" "$selftests" "$work"
	progress "making the packages $version" "$obj.deb.log" '^	dh_' \
		package "$obj"
	mkdir -p "$out"
	rm -f "$out"/*.deb
	mv "$work"/*.deb "$out/"
	for deb in "$out"/*.deb; do
		say "${deb##*/}: $(($(stat -c %s "$deb") / 1024)) KiB"
	done
}

# Of all that dpkg-buildpackage does, what makes binary packages.
package()
{
	cd "$1"
	dpkg-architecture -a arm64 -c make -f debian/rules binary -j"$jobs"
}

case ${1:-}.$# in
build.5)
	[ -d "$4" ] || die "$4 is missing: make selftests makes it"
	mkdir -p "$3" "$5"
	build "$(cd "$2" && pwd -P)" "$(cd "$3" && pwd -P)" "$(cd "$4" && pwd -P)" "$(cd "$5" && pwd -P)"
	;;
configure.3)
	mkdir -p "$3"
	configure "$(cd "$2" && pwd -P)" "$(cd "$3" && pwd -P)"
	;;
version.2)
	package_version "$(cd "$2" && pwd -P)"
	;;
release.2)
	release "$(cd "$2" && pwd -P)"
	;;
*)
	sed -n 's/^# \?//; 4,26p' "$0" >&2
	exit 2
	;;
esac
