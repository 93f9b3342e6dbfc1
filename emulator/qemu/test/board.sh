#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Is the board what its properties say, and the CMDQV device a faithful world
# around the model? On the stock kernel, with registers and tables read as root.
# KTAP on standard output.

# shellcheck disable=SC2317 # functions that check calls
set -uo pipefail
. "$(dirname "$0")/lib.sh"

SMMU_IDR3=0x0905000c
FWB=$((1 << 8))
CMDQV_PARAM=0x0b000004
CANWBS=$((1 << 2))

plan 13

mkdir "$work/share"

# look NAME OPTION...: boot and note what the board says about itself
look()
{
	local name=$1

	shift
	mkdir -p "$work/share/$name"
	boot "$name" --kernel "$stock" --share "$work/share" "$@" -- sh -c "
		cd $name
		cp /sys/firmware/acpi/tables/IORT /sys/firmware/acpi/tables/DSDT .
		cp /proc/iomem iomem
		cp /sys/class/dmi/id/product_name product
		cat /sys/devices/virtual/dmi/id/sys_vendor >vendor
		devmem $SMMU_IDR3 >idr3
		ls -d /sys/bus/acpi/devices/NVDA200C:00 /sys/bus/acpi/devices/CMQO0001:00 >acpi 2>/dev/null
		grep -q NVDA200C iomem && devmem $CMDQV_PARAM >param
		grep -q CMQO0001 iomem && devmem 0x0b880000 >magic
		cat /sys/bus/acpi/devices/NVDA200C:00/uid >uid 2>/dev/null
		for group in /sys/kernel/iommu_groups/*; do ls \$group/devices | wc -l; done >groups
		for function in /sys/bus/pci/devices/*; do
			echo \"\${function##*/} \$(cat \$function/vendor):\$(cat \$function/device)\"
		done >pci
		true"
}

saw() { cat "$work/share/$1/$2"; }

fwb() { equal IDR3.FWB "$(($(saw "$1" idr3) & FWB))" "$2"; }

# The memory access flags of the root complex in an IORT (DEN0049E, tables 2, 14, 17)
iort_flags()
{
	python3 - "$work/share/$1/IORT" <<-'END'
	import struct, sys
	iort = open(sys.argv[1], 'rb').read()
	nodes, offset = struct.unpack_from('<II', iort, 36)
	for _ in range(nodes):
	    kind, length = struct.unpack_from('<BH', iort, offset)
	    if kind == 2:
	        print(iort[offset + 16 + 7])
	    offset += length
	END
}

canwbs() { equal CANWBS "$(($(iort_flags "$1") & CANWBS))" "$2"; }

look default
check "the board says what it is" equal product "$(saw default product)" "Emulated Grace CMDQV board"
placed()
{
	says "$work/share/default/iomem" '^0b000000-0b82ffff : NVDA200C:00$' &&
		says "$work/share/default/iomem" '^0b880000-0b8cffff : CMQO0001:00$' &&
		equal "_UID, the SMMU's IORT identifier" "$(saw default uid)" 1
}
check "unit and observer are where they should be" placed
check "the mailbox is the observer's" equal magic "$(saw default magic)" 0x4F514D43
# 2 NVMe and 2 edu on buses of their own; the kernel groups a device once it has a driver
apart()
{
	says "$work/share/default/pci" '^0000:01:00.0 0x1b36:0x0010$' &&
		says "$work/share/default/pci" '^0000:02:00.0 0x1b36:0x0010$' &&
		says "$work/share/default/pci" '^0000:03:00.0 0x1234:0x11e8$' &&
		says "$work/share/default/pci" '^0000:04:00.0 0x1234:0x11e8$' &&
		equal "IOMMU groups of more than one device" "$(grep -cv '^1$' "$work/share/default/groups")" 0
}
check "two NVMe disks and two edu devices, each alone behind its root port" apart
check "IDR3.FWB is set by default" fwb default $FWB
check "IORT has CANWBS by default" canwbs default $CANWBS

look neither --machine smmu-fwb=off,iort-canwbs=off
check "smmu-fwb=off clears IDR3.FWB" fwb neither 0
check "iort-canwbs=off clears CANWBS" canwbs neither 0

# VER 3, 8 SID slots, 4 VINTFs, 16 VCMDQs; 64 KiB pages of 4 VINTFs
small()
{
	equal PARAM "$(saw small param)" 0x00003243 &&
		says "$work/share/small/iomem" '^0b000000-0b0affff : NVDA200C:00$'
}
look small --machine cmdqv-ver=3,cmdqv-log2-sids=3,cmdqv-log2-vintfs=2,cmdqv-log2-vcmdqs=4
check "number of VINTFs, VCMDQs and SID slots follow the properties" small

plain()
{
	explain off
	equal status "$status" 0 && equal "ACPI devices" "$(saw off acpi)" "" &&
		silent "$work/share/off/iomem" 'NVDA200C|CMQO0001'
}
look off --machine cmdqv=off
check "cmdqv=off takes unit and observer away" plain

refused()
{
	boot refused --kernel "$stock" --machine cmdqv-log2-vintfs=7 -- true
	equal status "$status" 125 && says "$work/refused.err" 'emulator failed.*CMDQV'
}
check "a unit that can't exist is refused" refused

# The unit driven by hand; the program's own results are subtests. Time counts
# instructions, so that delays don't depend on how busy this machine is.
compiled()
{
	"${CROSS_COMPILE:-aarch64-linux-gnu-}gcc" -std=gnu11 -O2 -static -Wall -Wextra -Werror \
		-o "$work/share/unit" "$(dirname "$0")/unit.c"
}
check "the program that drives the unit compiles" compiled
boot unit --icount --kernel "$stock" --share "$work/share" \
	--append 'arm_smmu_v3.bypass_vcmdq=1 iommu.strict=1' -- ./unit /dev/nvme0n1
sed 's/^/    /' "$work/unit.out"
drives()
{
	equal status "$status" 0 && says "$work/unit.report" '^check ok=1$'
}
check "the unit does what it does on its own" drives
finish
