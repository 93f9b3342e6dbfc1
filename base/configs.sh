#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# configs.sh: do the drivers compile, without a warning in the project's files, with
# each of the options that matter on and off? KTAP, one case a configuration. Only
# drivers/iommu and drivers/vfio are compiled, not a whole kernel.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

tree=$project_dir/build/linux
obj=$project_dir/build/check/configs
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
	"64 KiB pages: ARM64_4K_PAGES=n ARM64_64K_PAGES=y ARM_SMMU_V3_IOMMUFD=y TEGRA241_CMDQV=y"
	"no SMMUv3 at all: ARM_SMMU_V3=n IOMMUFD=y"
)

kmake()
{
	make -C "$tree" O="$obj" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
		CC="ccache aarch64-linux-gnu-gcc" -j"$jobs" "$@" </dev/null
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
	local pair

	cat "$base_dir"/config/{bench,project,selftest,kunit,kunit-project}.config >"$work/fragments"
	for pair in "$@"; do
		sed -i "/^CONFIG_${pair%%=*}=/d" "$work/fragments"
		echo "CONFIG_$pair" >>"$work/fragments"
	done
	KCONFIG_ALLCONFIG=$work/fragments kmake -s allnoconfig && as_asked "$@" &&
		kmake W=1 prepare drivers/iommu/ drivers/vfio/
}

mkdir -p "$obj"
echo "KTAP version 1"
echo "1..$((${#configurations[@]} + 1))"
number=0
failures=0
module=not\ tried
for configuration in "${configurations[@]}"; do
	number=$((number + 1))
	name=${configuration%%: *}
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
	[ "$verdict" = ok ] || failures=$((failures + 1))
	echo "$verdict $number - $name ($*)"
done
[ "$module" = ok ] || failures=$((failures + 1))
[ "$module" = ok ] || module='not ok'
echo "$module $((number + 1)) - the built-in SMMUv3 driver needs no symbol of iommufd the module"
[ "$failures" = 0 ]
