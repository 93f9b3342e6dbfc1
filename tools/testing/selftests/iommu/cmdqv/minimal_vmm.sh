#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs minimal_vmm, the program that Documentation/virt/tegra241-cmdqv/abi.rst explains,
# with an edu device as the emulated board has them. The device goes to vfio-pci for
# that, and back to nobody. The rules: the program as it is printed there works, and
# elsewhere says what is missing.

here=$(cd "$(dirname "$0")" && pwd)
devices=/sys/bus/pci/devices

skip()
{
	echo "TAP version 13"
	echo "ok 1 - minimal_vmm # SKIP $*"
	echo "1..1"
	exit 4
}

# vfio_name: what VFIO calls the device $bdf
vfio_name()
{
	for entry in "$devices/$bdf/vfio-dev/"vfio*; do
		[ ! -e "$entry" ] || echo "${entry##*/}"
	done
}

[ -c /dev/iommu ] || skip "no /dev/iommu"
[ -d /sys/bus/pci/drivers/vfio-pci ] || skip "no vfio-pci"
bdf=
for dir in "$devices"/*; do
	if grep -qsx 0x1234 "$dir/vendor" && grep -qsx 0x11e8 "$dir/device"; then
		bdf=${dir##*/}
		break
	fi
done
[ -n "$bdf" ] || skip "needs an edu device, as the emulated board has"

given=
if [ -z "$(vfio_name)" ]; then
	[ ! -e "$devices/$bdf/driver" ] || skip "$bdf has another driver"
	echo vfio-pci >"$devices/$bdf/driver_override"
	echo "$bdf" >/sys/bus/pci/drivers_probe
	given=1
fi
[ -n "$(vfio_name)" ] || skip "no CONFIG_VFIO_DEVICE_CDEV, or $bdf can't be given to vfio-pci"

"$here/minimal_vmm" "/dev/vfio/devices/$(vfio_name)"
status=$?

if [ -n "$given" ]; then
	echo "$bdf" >"$devices/$bdf/driver/unbind"
	echo >"$devices/$bdf/driver_override"
fi
exit $status
