#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Run suites and print their results as subtests of one KTAP document:
#	ktap.sh NAME COMMAND [NAME COMMAND]...
# Fails if any suite fails, or stops before its plan is done.
echo "KTAP version 1"
echo "1..$(($# / 2))"
number=0
failed=0
while [ $# -ge 2 ]; do
	number=$((number + 1))
	out=$($2)
	status=$?
	echo "$out" | sed 's/^/  /'
	plan=$(echo "$out" | sed -n 's/^1\.\.//p')
	results=$(echo "$out" | grep -c '^ok \|^not ok ')
	if [ "$status" -eq 0 ] && [ "$plan" = "$results" ]; then
		echo "ok $number $1"
	else
		echo "# exit status $status, $results of ${plan:-no} results"
		echo "not ok $number $1"
		failed=1
	fi
	shift 2
done
exit $failed
