#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# configs.sh [WORD]: do the drivers compile, without a warning in the project's files, with
# each of the options that matter on and off, and does the iommufd core on machines
# that have no SMMU? KTAP, one case a configuration. Only drivers/iommu and
# drivers/vfio are compiled, not a whole kernel. WORD: only those with it in their name.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

tree=$project_dir/build/linux
check=$project_dir/build/check
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d "${TMPDIR:-/tmp}/grace-configs.XXXXXX")
trap 'rm -rf "$work"' EXIT

# shellcheck source-path=SCRIPTDIR source=hooks.sh
. "$base_dir/hooks.sh"
list_hooks
grep -E '^(drivers|include)/.*\.[ch]$' "$work/own" >"$work/files"
cat "$work/hooked" >>"$work/files"

# "name: option=value ...", on top of the board's configuration. What an option
# depends on has to be said as well, the outcome is compared with what was asked.
configurations=(
	"CMDQV alone, no iommufd: IOMMUFD=n TEGRA241_CMDQV=y"
	"neither CMDQV nor iommufd: IOMMUFD=n TEGRA241_CMDQV=n"
	"iommufd, its SMMUv3 part off: IOMMUFD=y ARM_SMMU_V3_IOMMUFD=n TEGRA241_CMDQV=y"
	"the SMMUv3 part without CMDQV: IOMMUFD=y ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=n"
	"iommufd as a module: MODULES=y IOMMUFD=m ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"no SVA, no KUnit: ARM_SMMU_V3_SVA=n KUNIT=n ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"no debugfs: DEBUG_FS=n ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"debugfs as distributions have it: IOMMU_DEBUGFS=n DEBUG_FS=y ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"debugfs, the VM side off: IOMMUFD=n DEBUG_FS=y TEGRA241_CMDQV=y"
	"no tracing: FTRACE=n ENABLE_DEFAULT_TRACERS=n ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"64 KiB pages: ARM64_4K_PAGES=n ARM64_64K_PAGES=y ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"no SMMUv3 at all: ARM_SMMU_V3=n IOMMUFD=y"
	"no mock driver: IOMMUFD_TEST=n IOMMUFD=y ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"no fault injection: FAULT_INJECTION=n IOMMUFD_TEST=n IOMMUFD=y ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
)
# The same for other architectures, on top of core.config; for these a compiler comes
# with an x86 machine.
declare -A elsewhere=(
	[x86_64]="64BIT=y SMP=y"
	[i386]="64BIT=n SMP=y"
)
for configuration in \
	"the core and the mock driver on ARCH: IOMMUFD=y IOMMUFD_TEST=y" \
	"the core alone on ARCH: IOMMUFD=y IOMMUFD_TEST=n FAULT_INJECTION=n"
do
	for arch in x86_64 i386; do
		configurations+=("${configuration/ARCH/$arch} ${elsewhere[$arch]}")
	done
done

if [ $# -gt 0 ]; then
	mapfile -t configurations < <(printf '%s\n' "${configurations[@]}" | grep "^[^:]*$1" || true)
fi

kmake()
{
	local cross=

	[ "$arch" != arm64 ] || cross=aarch64-linux-gnu-
	make -C "$tree" O="$obj" ARCH="$arch" CROSS_COMPILE="$cross" \
		CC="ccache ${cross}gcc" -j"$jobs" "$@" </dev/null
}

# As asked? $@: option=value
as_asked()
{
	local pair have

	for pair in "$@"; do
		have=$(sed -n "s/^CONFIG_${pair%%=*}=//p" "$obj/.config")
		[ "${have:-n}" = "${pair#*=}" ] || { echo "asked for $pair, got ${have:-n}"; return 1; }
	done
}

# try NAME OPTION=VALUE...
try()
{
	local pair fragments=(core) goals=(drivers/iommu/)

	if [ "$arch" = arm64 ]; then
		fragments=(bench project selftest kunit kunit-project)
		goals+=(drivers/vfio/)
	fi
	(cd "$base_dir/config" && cat "${fragments[@]/%/.config}") >"$work/fragments"
	for pair in "$@"; do
		sed -i "/^CONFIG_${pair%%=*}=/d" "$work/fragments"
		echo "CONFIG_$pair" >>"$work/fragments"
	done
	KCONFIG_ALLCONFIG=$work/fragments kmake -s allnoconfig && as_asked "$@" &&
		kmake W=1 prepare "${goals[@]}"
}

echo "KTAP version 1"
modular=0
[[ ${configurations[*]} != *"iommufd as a module:"* ]] || modular=1
echo "1..$((${#configurations[@]} + modular))"
number=0
failures=0
module=not\ tried
for configuration in "${configurations[@]}"; do
	number=$((number + 1))
	name=${configuration%%: *}
	case $name in
	*\ on\ *)	arch=${name##* on } ;;
	*)		arch=arm64 ;;
	esac
	if [ "$arch" != arm64 ] && [ "$(uname -m)" != x86_64 ]; then
		echo "ok $number - $name # SKIP needs an x86 machine's compiler"
		continue
	fi
	obj=$check/configs-$arch
	mkdir -p "$obj"
	# shellcheck disable=SC2086 # words
	set -- ${configuration#*: }
	verdict=ok
	# What is up to date would say nothing: the configurations share objects.
	(cd "$obj" && sed -n 's/\.c$/.o/p' "$work/files" | xargs -r rm -f)
	if ! try "$@" >"$obj.log" 2>&1; then
		verdict='not ok'
		grep -E -B1 -A6 'error:|\*\*\*|^asked for' "$obj.log" | head -n 40 | sed 's/^/# /'
	elif grep -E 'warning:' "$obj.log" | grep -Ff "$work/files" >"$work/said"; then
		verdict='not ok'
		head -n 20 "$work/said" | sed 's/^/# /'
	fi
	if [ "$name" = "iommufd as a module" ] && [ "$verdict" = ok ]; then
		# Built-in code can't call into a module: no symbol that only iommufd has.
		find "$obj/drivers/iommu/iommufd" -name '*.o' ! -name 'iova_bitmap.o' ! -name 'driver.o' \
			-exec aarch64-linux-gnu-nm --defined-only -g {} + 2>/dev/null |
			awk 'NF == 3 { print $3 }' | sort -u >"$work/defined"
		aarch64-linux-gnu-nm -u "$obj/drivers/iommu/arm/built-in.a" 2>/dev/null |
			awk '$1 == "U" { print $2 }' | sort -u | comm -12 - "$work/defined" >"$work/said"
		module=ok
		if [ -s "$work/said" ]; then
			module='not ok'
			sed 's/^/# /' "$work/said"
		fi
		[ -s "$work/defined" ] || module='not ok'
	fi
	if [ "$arch" = i386 ] && [ "$verdict" = ok ]; then
		# What it divides 64 bits by would be missed by the linker only.
		nm -u "$obj/drivers/iommu/iommufd/built-in.a" 2>/dev/null |
			grep -E '__u?(div|mod)(mod)?di[34]' >"$work/said" || true
		if [ -s "$work/said" ]; then
			verdict='not ok'
			sed 's/^/# /' "$work/said"
		fi
	fi
	[ "$verdict" = ok ] || failures=$((failures + 1))
	echo "$verdict $number - $name ($*)"
done
if [ "$modular" = 1 ]; then
	[ "$module" = ok ] || failures=$((failures + 1))
	[ "$module" = ok ] || module='not ok'
	echo "$module $((number + 1)) - the built-in SMMUv3 driver needs no symbol of iommufd the module"
fi
[ "$failures" = 0 ]
