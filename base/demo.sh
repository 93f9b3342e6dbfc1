#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh [GRACE-VM OPTION...]: shows on the emulated board how VMs get command
# queues of their own. The model's log of what its hardware did is left in
# build/demo.report, the kernel's messages in build/demo.console.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

build=$project_dir/build
status=0
"$project_dir/emulator/grace-vm" run --share "$build/selftests" --timeout 240 \
	--console "$build/demo.console" --log "$build/demo.report" "$@" -- \
	/mnt/share/grace-demo || status=$?
if [ "$status" != 0 ]; then
	say "error: the demo ended with status $status"
	say "the kernel's messages: $build/demo.console, the model's log: $build/demo.report"
fi
exit "$status"
