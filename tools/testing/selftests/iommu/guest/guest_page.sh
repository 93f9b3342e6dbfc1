#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command lines of Documentation/virt/tegra241-cmdqv/operator.rst, run as they stand
# there: each of its blocks that has a name, and nothing of it is repeated here. The rules:
# what the page says to do can be done; a guest that is started so says what the page says that
# it says, has queues of the size that the page says, and reads its disks rightly; the
# host shows what the page says; and afterwards all VINTFs are free.
#
# For the emulated board, whose first two NVMe disks have the names that the page uses.
# Wants the page and a kernel for guests, guest-Image, beside itself or in GUEST_PAGE and
# GUEST_KERNEL.
#
# Most functions are run by try():
# shellcheck disable=SC2317

here=$(cd "$(dirname "$0")" && pwd)
page=$here/operator.rst
[ -e "$page" ] || page=$here/kselftest/iommu/guest/operator.rst
page=${GUEST_PAGE:-$page}
kernel=${GUEST_KERNEL:-$here/guest-Image}
# The guest says all that it has to say on its console, which takes its time
patience=$((300 * ${BOARD_SLOW:-1}))
first=0000:01:00.0
second=0000:02:00.0
hugepages=/proc/sys/vm/nr_hugepages
number=0
failures=0

echo "TAP version 13"

# Why nothing of it can be tried here; each result is skipped then
skip=
lacks() { skip=${skip:-$*}; }

# block NAME: the lines of the page's block of that name
block()
{
	awk -v name="$1" '
		/^[^ ]/ { inside = /^\.\. code-block::/; hit = 0; next }
		inside && $1 == ":name:" { hit = $2 == name; next }
		hit && NF { print substr($0, 4) }' "$page"
}

# words NAME...: a command line of these blocks, as it would be typed
words()
{
	printf '%s' "$(block "$1")"
	shift
	for name; do
		printf ' \\\n%s' "$(block "$name")"
	done
	echo
}

# try WHAT FUNCTION [ARGUMENT...]: one result
try()
{
	what=$1
	shift
	number=$((number + 1))
	if [ -n "$skip" ]; then
		echo "ok $number $what # SKIP $skip"
	elif "$@"; then
		echo "ok $number $what"
	else
		failures=$((failures + 1))
		echo "not ok $number $what"
	fi
}

no()
{
	echo "# $*"
	return 1
}

driver_of() { basename "$(readlink "/sys/bus/pci/devices/$1/driver" || echo none)"; }

# give DEVICE: back to the host's own driver
give()
{
	echo >"/sys/bus/pci/devices/$1/driver_override"
	[ "$(driver_of "$1")" = none ] || echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
	echo "$1" >/sys/bus/pci/drivers_probe
}

# sum DEVICE: of the first MiB of the host's disk
sum()
{
	for disk in "/sys/bus/pci/devices/$1/nvme"/nvme*/nvme*n1; do
		dd if="/dev/${disk##*/}" bs=64k count=16 2>/dev/null | md5sum
	done
}

# says NAME FILE: each line of the block is in the file
says()
{
	block "$1" >"$work/expected"
	[ -s "$work/expected" ] || no "the page has no block $1" || return
	while IFS= read -r line; do
		grep -qF -- "$line" "$2" || no "nobody has said: $line" || return
	done <"$work/expected"
}

vintfs() { cat /sys/kernel/debug/iommu/tegra241_cmdqv/*/vintfs; }
in_use() { vintfs | sed -n 's/^total .* taken=\([0-9]*\) .*/\1/p'; }

# Not what has ended and nobody has waited for
alive() { grep -q '^State:.[^ZX]' "/proc/$qemu/status" 2>/dev/null; }

# The guest's first process: what the kernel has said about its SMMU, a sum of each
# disk, and then it waits for a line.
make_initrd()
{
	mkdir -p "$work/root/bin" "$work/root/dev" "$work/root/proc" "$work/root/sys"
	cp /bin/busybox "$work/root/bin/"
	cat >"$work/root/init" <<-'END'
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs dev /dev
		/bin/busybox mount -t sysfs sys /sys
		exec </dev/console >/dev/console 2>&1
		# Which disk gets which name is left to chance, and when, too.
		for device in /sys/bus/pci/drivers/nvme/*:*; do
			until disk=$(echo $device/nvme/nvme*/nvme*n1) && [ -e "$disk" ]; do
				/bin/busybox sleep 0.1
			done
			echo "SUM $(/bin/busybox dd if=/dev/${disk##*/} bs=64k count=16 2>/dev/null |
				/bin/busybox md5sum)"
		done
		echo READY
		read -r line
		/bin/busybox poweroff -f
	END
	chmod 755 "$work/root/init"
	(cd "$work/root" && find . | cpio -o -H newc) >"$work/initrd" 2>/dev/null
}

# start NAME...: QEMU with the command line of these blocks, until the guest is ready
start()
{
	words "$@" >"$work/command"
	[ -z "${replace:-}" ] || sed -i "$replace" "$work/command"
	sed 's/^/# /' "$work/command"
	sh -n "$work/command" || return
	rm -f "$work/in"
	mkfifo "$work/in"
	(cd "$work" && echo "exec $(cat command)" >run && exec sh ./run) \
		<"$work/in" >"$work/console" 2>&1 &
	qemu=$!
	exec 5>"$work/in"
	waited=0
	until grep -q '^READY' "$work/console"; do
		alive || no "QEMU has ended" || return
		[ "$waited" -lt "$patience" ] || no "the guest was not ready after $waited s" || return
		sleep 1
		waited=$((waited + 1))
	done
}

# What cannot be asked of a guest that has not come up is a failure, too.
up()
{
	if ! alive || ! grep -q '^READY' "$work/console"; then
		no "the guest isn't up"
	fi
}

# disks DEVICE...: the guest has read from them what is on them, in this order
disks()
{
	for disk; do
		cat "$work/sum.$disk"
	done >"$work/expected"
	sed -n 's/^SUM //p' "$work/console" | tr -d '\r' | cmp -s - "$work/expected" ||
		no "the guest read: $(grep ^SUM "$work/console")"
}

# queues N LENGTH: the guest has N queues of LENGTH commands each
queues()
{
	[ "$(grep -c "allocated $2 entries for vcmdq" "$work/console")" = "$1" ] ||
		no "not $1 queues of $2: $(grep 'entries for' "$work/console")"
}

# length PAGES: of a queue in memory of such pages, as the page's table has it
length()
{
	sed -n "s/^.*  $1  *\([0-9]*\)\$/\1/p" "$page"
}

# The guest, told to, ends
ends()
{
	echo 2>/dev/null >&5
	exec 5>&-
	waited=0
	while alive && [ "$waited" -lt "$patience" ]; do
		sleep 1
		waited=$((waited + 1))
	done
	! alive || kill -9 "$qemu"
	wait "$qemu"
	status=$?
	[ "$status" = 0 ] || no "QEMU's status is $status" || return
	[ "$(in_use)" = 0 ] || no "left: $(vintfs)"
}

# stop WHAT: end the guest, and judge that
stop()
{
	try "$1: QEMU ends by itself, and all VINTFs are free" ends
	[ $failures = "${before:-0}" ] || sed 's/^/# /' "$work/console"
	before=$failures
}

host_says()
{
	dmesg >"$work/dmesg"
	says host-says "$work/dmesg"
}

bound()
{
	block bind >"$work/bind" && [ -s "$work/bind" ] && sh -e "$work/bind" &&
		[ "$(driver_of "$first")" = vfio-pci ] || return
	# What the page does not repeat
	sed "s/$first/$second/g" "$work/bind" >"$work/bind2" && sh -e "$work/bind2"
}

guest_has_queues()
{
	start guest && says guest-says "$work/console" && queues 2 "$(length '4 KiB')" &&
		disks "$first"
}

host_has_queues()
{
	up && [ "$(in_use)" = 1 ] &&
		vintfs | grep -q "^vintf v=1 .* device=$first .* queues=2 "
}

# What can be added can be added to each other, and each boot takes its time.
two_smmus()
{
	reserved=$(cat "$hugepages")
	sh -e -c "$(block reserve)"
	start guest hugepages second-smmu && disks "$first" "$second"
}

long_queues()
{
	echo "$reserved" >"$hugepages"
	up && queues 4 "$(length '2 MiB')"
}

two_devices() { start guest shared second-device && disks "$first" "$second"; }
short_queues() { up && says guest-says "$work/console" && queues 2 "$(length '4 KiB')"; }

no_queues()
{
	replace=s/cmdqv=on/cmdqv=off/
	start guest && ! grep -q vcmdq "$work/console" && disks "$first"
}

vintfs_in_use() { up && [ "$(in_use)" = "$1" ]; }

prepare()
{
	work=$(mktemp -d)
	trap '! alive || kill -9 "$qemu"; rm -rf "$work"' EXIT
	# Of a QEMU that has ended too early
	trap '' PIPE
	ln -s "$kernel" "$work/Image"
	make_initrd
	for device in $first $second; do
		give "$device"
		waited=0
		until sum "$device" | grep -v ' /' >"$work/sum.$device" || [ $waited = 10 ]; do
			sleep 1
			waited=$((waited + 1))
		done
		[ -s "$work/sum.$device" ] || lacks "$device is no NVMe disk"
	done
}

[ -r "$page" ] || lacks "there is no page $page"
[ -r "$kernel" ] || lacks "there is no kernel for guests, $kernel"
[ -n "$(in_use 2>/dev/null)" ] || lacks "this machine has no CMDQV in use"
for device in $first $second; do
	[ -d "/sys/bus/pci/devices/$device" ] || lacks "this machine has no device $device"
done
firmware=$(block guest 2>/dev/null | sed -n 's/.*-bios \([^ ]*\).*/\1/p')
[ -r "$firmware" ] || lacks "there is no firmware $firmware"
[ -n "$(command -v qemu-system-aarch64)" ] || lacks "there is no qemu-system-aarch64"
[ -n "$skip" ] || prepare

echo "1..16"
try "the host says what the page says" host_says
try "bind: the device is vfio-pci's" bound

try "guest: it has its queues, and reads its disk" guest_has_queues
try "guest: the host shows its VINTF with two queues" host_has_queues
stop guest

try "hugepages, second-smmu: the guest reads both disks" two_smmus
try "hugepages, second-smmu: it has four queues, as long as the page says" long_queues
try "hugepages, second-smmu: there are two VINTFs" vintfs_in_use 2
stop "hugepages, second-smmu"

try "shared, second-device: the guest reads both disks" two_devices
try "shared, second-device: it has two queues" short_queues
try "shared, second-device: there is one VINTF for both" vintfs_in_use 1
stop "shared, second-device"

try "cmdqv=off: the guest has an SMMU without queues of its own, and reads its disk" no_queues
try "cmdqv=off: there is no VINTF" vintfs_in_use 0
stop cmdqv=off

[ -z "$skip" ] || exit 4
for device in $first $second; do
	give "$device"
done
exit $((failures != 0))
