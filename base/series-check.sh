#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# series-check.sh [steps|versions] [FROM]
#	What takes too long for "make test". KTAP on standard output.
#
# steps: after each patch of the series, from number FROM on, with IOMMUFD=n, m and y:
#	the directories that it changes are compiled; neither the compiler nor sparse says
#	anything of the series' files that they don't say of the base; each symbol that is
#	needed is there, and exported if a module needs it; and each C file of drivers/
#	that the patch brings has been compiled. One whose option can't be had yet is
#	compiled for itself. Expects build/obj, for the symbols of the rest of the kernel.
# versions: the series for each 6.12.y that apt offers is applied by git am, the kernel
#	built and booted on the board, where it runs tests of queues.
#
# Both if neither is named. Objects are in build/series-check.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

build=$project_dir/build
check=$build/series-check
cross=aarch64-linux-gnu-
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d "${TMPDIR:-/tmp}/grace-series-check.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$check"

# The kernel's build must not depend on the day, nor on what git says.
export KBUILD_BUILD_TIMESTAMP='2026-01-01 00:00:00 UTC'
export KBUILD_BUILD_USER=grace-cmdqv KBUILD_BUILD_HOST=bench KBUILD_BUILD_VERSION=1

number=0
failures=0

# ---- each step

# What the series changes of the kernel is in these, compiled as far as the
# configuration says. They call what is elsewhere, never the other way round.
dirs=(drivers/acpi/arm64 drivers/iommu drivers/vfio mm)

kmake()
{
	local obj=$1

	shift
	make -C "$check/linux" O="$obj" ARCH=arm64 CROSS_COMPILE="$cross" \
		CC="ccache ${cross}gcc" -j"$jobs" "$@" </dev/null
}

# fragment VALUE: the configuration with that value of IOMMUFD. With m, all is a module
# that can be one, so that a symbol that is not exported is missed.
fragment()
{
	local rest=$1

	[ "$1" != n ] || rest=y
	cat "$base_dir/config/series.config"
	echo "CONFIG_IOMMUFD=$1"
	printf "CONFIG_%s=$rest\n" VFIO VFIO_PCI ARM_SMMU_V3_KUNIT_TEST \
		ARM_SMMU_V3_IOMMUFD_KUNIT_TEST TEGRA241_CMDQV_KUNIT_TEST
}

configure()
{
	local obj=$check/obj-$1 have

	mkdir -p "$obj"
	fragment "$1" >"$obj.config"
	KCONFIG_ALLCONFIG=$obj.config kmake "$obj" -s allnoconfig || return 1
	have=$(sed -n 's/^CONFIG_IOMMUFD=//p' "$obj/.config")
	[ "${have:-n}" = "$1" ] || { echo "error: IOMMUFD is ${have:-n}"; return 1; }
}

# What compiler and sparse say about the series' files, without the lines' numbers,
# which every step changes. $1: log
said()
{
	grep -E '(warning|error):' "$1" | grep -Ff "$work/touched" |
		sed -E 's,^(\.\./)*linux/,,; s/:[0-9]+(:[0-9]+)?:/:/' | sort -u || true
}

# compile VALUE LOG: nothing that the base has not said already. What is compiled links:
# each symbol that it needs is there.
compile()
{
	local obj=$check/obj-$1 log=$2 dir goals=()

	: >"$log"
	if [ -s "$work/kconfig" ]; then
		configure "$1" >>"$log" 2>&1 || return 1
	fi
	for dir in "${dirs[@]}"; do
		grep -qE "^(include|$dir)/" "$work/changed" && goals+=("$dir/")
	done
	kmake "$obj" C=1 CHECK="$work/sparse" prepare "${goals[@]}" >>"$log" 2>&1 || return 1
	said "$log" | comm -23 - "$work/base-$1" >"$work/new"
	[ ! -s "$work/new" ] || return 1
	"$base_dir/series.py" links "$obj" "$work/elsewhere" "${dirs[@]}" >"$work/new"
}

# The C files that no configuration compiles at this step.
compile_alone()
{
	local log=$1 path value

	: >"$log"
	while IFS= read -r path; do
		for value in n m y; do
			[ ! -f "$check/obj-$value/${path%.c}.o" ] || continue 2
		done
		echo "alone: $path" >>"$log"
		kmake "$check/obj-y" C=1 CHECK="$work/sparse" \
			KCFLAGS="-DCONFIG_ARM_SMMU_V3_IOMMUFD=1 -DCONFIG_TEGRA241_CMDQV=1" \
			"${path%.c}.o" >>"$log" 2>&1 || return 1
		# The next one is compiled as the configuration says.
		rm -f "$check/obj-y/${path%.c}.o"
	done < <(grep '^drivers/.*\.c$' "$work/changed" || true)
	said "$log" >"$work/new"
	[ ! -s "$work/new" ]
}

# bring COMMIT: its files into the tree, only those that differ.
bring()
{
	git -C "$work/repo" checkout -q "$1"
	rsync -rlp --checksum --exclude=.git "$work/repo/" "$check/linux/"
}

# What is defined in the rest of the kernel, that of the board having more than the
# check's; and what is exported there, by the sources. $1: a source tree
elsewhere()
{
	local full=$build/obj tree=$1

	[ -f "$full/System.map" ] || die "$full/System.map is missing: make kernel"
	awk '$2 ~ /[A-Z]/ { print $3 }' "$full/System.map" | sort -u >"$work/all"
	# Not what these directories define there, which may come with a later step.
	(cd "$full" && find "${dirs[@]}" -name '*.o' -exec "${cross}nm" --defined-only -g {} + 2>/dev/null) |
		awk 'NF == 3 { print $3 }' | sort -u >"$work/ours"
	comm -23 "$work/all" "$work/ours" >"$work/elsewhere"
	(cd "$tree" && grep -rhoE 'EXPORT_SYMBOL(_GPL|_NS|_NS_GPL)?\(\w+' kernel lib mm fs virt block \
		arch/arm64 drivers/{acpi,base,pci,iommu}) | sed 's/.*(/__ksymtab_/' |
		grep -vxFf <(sed 's/^/__ksymtab_/' "$work/ours") >>"$work/elsewhere"
}

steps()
{
	local from=${1:-1} info tree value commit name verdict start took log

	info=$("$base_dir/linux-source.sh" pristine)
	tree=${info#* }
	elsewhere "$tree"
	"$base_dir/series.sh" generate "$work/steps" "${info%% *}"
	sed -n 's,^+++ b/,,p; s,^--- a/,,p' "$work/steps"/[0-9]*.patch | sort -u >"$work/touched"
	mkdir "$work/base"
	rsync -a --files-from="$work/touched" --ignore-missing-args "$tree/" "$work/base/"
	"$base_dir/series.sh" am "$work/steps" "$work/base" "$work/repo"
	mapfile -t commits < <(git -C "$work/repo" rev-list --reverse HEAD)
	if [ "$from" -lt 1 ] || [ "$from" -ge "${#commits[@]}" ]; then
		die "there is no step $from"
	fi

	# Only for files that the series is about: the source is the last argument.
	cat >"$work/sparse" <<-END
		#!/bin/sh
		for source; do :; done
		path=\${source#"$check/linux/"}
		path=\${path#../linux/}
		grep -qxF -- "\$path" "$work/touched" || exit 0
		exec sparse "\$@"
	END
	chmod +x "$work/sparse"

	say "the state before step $from in $check/linux"
	mkdir -p "$check/linux"
	rsync -rlp --checksum --delete "$tree/" "$check/linux/"
	bring "${commits[from - 1]}"
	for value in n m y; do
		# Most objects are the same in all three.
		if [ "$value" != n ]; then
			rsync -a --ignore-existing "$check/obj-n/" "$check/obj-$value/"
		fi
		configure "$value" >"$check/base-$value.log" 2>&1 || failed "$check/base-$value.log" "configuring"
		progress "before step $from, IOMMUFD=$value" "$check/base-$value.log" '^  \(CC\|AS\|LD\) ' \
			kmake "$check/obj-$value" prepare "${dirs[@]/%//}"
		# What the base needs of the rest of the kernel is there; and what is said of
		# its own files.
		"$base_dir/series.py" needs "$check/obj-$value" "${dirs[@]}" >>"$work/elsewhere"
		sed -n 's/\.c$/.o/p' "$work/touched" | (cd "$check/obj-$value" && xargs -r rm -f)
		kmake "$check/obj-$value" C=1 CHECK="$work/sparse" "${dirs[@]/%//}" >"$check/base-$value.log" 2>&1 ||
			failed "$check/base-$value.log" "sparse before step $from, IOMMUFD=$value"
		said "$check/base-$value.log" >"$work/base-$value"
	done

	while [ "$from" -lt "${#commits[@]}" ]; do
		commit=${commits[from]}
		name=$(git -C "$work/repo" log -1 --format=%s "$commit")
		git -C "$work/repo" diff --name-only "$commit^" "$commit" >"$work/changed"
		grep -E '(^|/)Kconfig' "$work/changed" >"$work/kconfig" || true
		bring "$commit"
		took=
		verdict=0
		: >"$work/new"
		if grep -qvE '^(tools|Documentation)/' "$work/changed"; then
			for value in n m y; do
				start=$SECONDS
				log=$check/step-$from-$value.log
				compile "$value" "$log" || { verdict=1; break; }
				took+=" IOMMUFD=$value $((SECONDS - start)) s"
			done
			if [ "$verdict" = 0 ]; then
				log=$check/step-$from-alone.log
				compile_alone "$log" || verdict=1
				[ ! -s "$log" ] || took+=", $(grep -c '^alone:' "$log") alone"
			fi
		fi
		if [ "$verdict" != 0 ]; then
			if [ -s "$work/new" ]; then
				cp "$work/new" "$work/why"
			else
				grep -E -A4 "$error_lines" "$log" >"$work/why" || tail -n 20 "$log" >"$work/why"
			fi
		fi
		result "$verdict" "step $from: $name (${took:-nothing of the kernel})" "$work/why"
		from=$((from + 1))
	done
}

# ---- each version

versions()
{
	local version

	while IFS= read -r version; do
		if "$base_dir/series-boot.sh" "$version" >"$check/boot-$version.log" 2>&1; then
			grep '^# ' "$check/boot-$version.log" || true
			result 0 "the series on $version: git am, build, boot, tests of queues"
		else
			result 1 "the series on $version: git am, build, boot, tests of queues" \
				<(tail -n 30 "$check/boot-$version.log")
		fi
	done < <("$base_dir/linux-source.sh" list)
}

echo "KTAP version 1"
case ${1:-all} in
steps)		steps "${2:-1}" ;;
versions)	versions ;;
all)		steps; versions ;;
*)		die "usage: $0 [steps|versions] [FROM]" ;;
esac
echo "1..$number"
[ "$failures" = 0 ]
