#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Is the emulated board shaped to our own driver? Linux 6.12's in-kernel CMDQV
# driver, in a kernel with no hook and no file of ours, has to find the unit and
# to use it for the host's own DMA, and the unit has to have seen it.
# KTAP on standard output.

# shellcheck disable=SC2317 # functions that check calls
set -uo pipefail
. "$(dirname "$0")/lib.sh"

TLBI_NH_VA=0x12
CMD_SYNC=0x46
requests=256

# Each request of 4 KiB is mapped and, since the mode is strict, invalidated by
# itself before the kernel may use the memory again. The data goes both ways, so a
# translation that was cached too long would be seen.
# shellcheck disable=SC2016 # for the board's shell
io='
set -e
dmesg
head -c $((4096 * '$requests')) /dev/urandom >/tmp/data
disk=/dev/$(basename "$(grep -l grace-2 /sys/block/nvme*/device/serial | sed s,/device/serial,,)")
dd if=/tmp/data of="$disk" bs=4k oflag=direct
dd if="$disk" of=/tmp/back bs=4k count='$requests' iflag=direct
cmp /tmp/data /tmp/back
echo "sum $(sha256sum </tmp/data | cut -d" " -f1)"
echo "unhandled faults: $(dmesg | grep -c "arm-smmu-v3.*event 0x" || :)"
dmesg | grep "CMDQ error" || :
'

# io_boot NAME OPTION...: boot, with I/O on a disk whose image stays at hand
io_boot()
{
	local name=$1

	shift
	truncate -s 16M "$work/$name.img"
	boot "$name" --kernel "$stock" --disk "$work/$name.img" \
		--append 'iommu.strict=1 iommu.passthrough=0' "$@" -- sh -c "$io"
}

io_worked()
{
	local name=$1 sum

	explain "$name"
	sum=$(head -c $((4096 * requests)) "$work/$name.img" | sha256sum | cut -d' ' -f1)
	[ "$status" = 0 ] && says "$work/$name.out" "^sum $sum\$" &&
		says "$work/$name.out" '^unhandled faults: 0$'
}

# Both queues of VINTF 0 belong to the driver; with two CPUs writing, either may
# have run them. Nobody else's may.
only_vintf0()
{
	silent "$work/$1.report" '^(executed|refused) v=([1-9][0-9]*) ' &&
		silent "$work/$1.report" '^executed seq=.* hyp_own=0 '
}

plan 11

io_boot used
check "stock 6.12 does NVMe I/O through the SMMU, data intact on both sides" io_worked used
check "its driver finds the unit" says "$work/used.out" 'found companion CMDQV device: NVDA200C:00'
check "it allocates the queues of VINTF 0" says "$work/used.out" 'allocated [0-9]+ entries for vcmdq0'
check "the unit executed a TLBI for each request" \
	at_least TLBI_NH_VA "$(executed used 0 $TLBI_NH_VA)" $((2 * requests))
check "the unit executed a CMD_SYNC for each request" \
	at_least CMD_SYNC "$(executed used 0 $CMD_SYNC)" $((2 * requests))
check "only VINTF 0 executed commands, as the hypervisor's own" only_vintf0 used
check "the unit refused nothing and saw no rule broken" \
	says "$work/used.report" '^total executed=[0-9]+ refused=0 violations=0 '
check "the unit is consistent at the end" says "$work/used.report" '^check ok=1'

# The same I/O without the unit: what was counted above came through it.
io_boot unused --append 'arm_smmu_v3.disable_cmdqv=1'
check "with disable_cmdqv the same I/O works without the unit" io_worked unused
check "and the unit executes nothing" says "$work/unused.report" '^total executed=0 '

# Errors reach the driver by the interrupt: one fetch aborts, the driver
# acknowledges it, the queue goes on.
abort_recovered()
{
	io_worked abort && says "$work/abort.out" 'CMDQ error .*: Abort on command fetch' &&
		says "$work/abort.report" '^refused v=0 reason=fetch count=[12]$' &&
		says "$work/abort.report" ' irqs=[1-9]'
}
io_boot abort --inject 'fetch_abort q=0 arg=1' --inject 'fetch_abort q=1 arg=1'
check "an aborted fetch interrupts, and the driver's recovery works" abort_recovered
finish
