#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fuzz-points.py [--functions] OBJ POINTS...: what the fuzzer reached, file by file.

OBJ is where the kernel was built, POINTS are files of addresses, as the fuzzer writes
them. Of each object file that was built for KCOV: how many points it has, and how many
of them were reached. --functions: also which functions were not reached at all. What
the compiler put into its callers has points there; the copy for other files, if nobody
calls it, counts as not reached.
"""

import bisect
import collections
import pathlib
import re
import subprocess
import sys

DIRECTORIES = ("drivers/iommu/iommufd", "drivers/iommu/arm/arm-smmu-v3")
CROSS = "aarch64-linux-gnu-"
# Tests of the kernel's own, trace events, and what links several files
NOT_COUNTED = re.compile(r"test|trace|built-in|^(iommufd|arm_smmu_v3)\.o$")


def points_of(path):
    """Function by function, how many points the object file has."""
    text = subprocess.run([CROSS + "objdump", "-dr", "--no-show-raw-insn", path],
                          check=True, capture_output=True, text=True).stdout
    count = collections.Counter()
    function = ""
    for line in text.splitlines():
        start = re.match(r"[0-9a-f]+ <([^>]+)>:$", line)
        if start:
            function = start[1]
        elif "R_AARCH64_CALL26\t__sanitizer_cov_trace_pc" in line:
            count[function] += 1
    return count


def main():
    arguments = sys.argv[1:]
    functions = arguments[:1] == ["--functions"]
    if functions:
        arguments = arguments[1:]
    if len(arguments) < 2:
        sys.exit("usage: fuzz-points.py [--functions] OBJ POINTS...")
    obj = pathlib.Path(arguments[0])
    reached = set()
    for name in arguments[1:]:
        reached |= {int(line, 16) for line in pathlib.Path(name).read_text("ascii").split()}

    symbols = []
    for line in (obj / "System.map").read_text("ascii").splitlines():
        address, kind, name = line.split()
        if kind in "tT" and not name.startswith("$"):
            symbols.append((int(address, 16), name))
    symbols.sort()
    starts = [address for address, _ in symbols]
    hits = collections.Counter()
    for address in reached:
        hits[symbols[bisect.bisect_right(starts, address) - 1][1]] += 1

    total = got = 0
    for directory in DIRECTORIES:
        for path in sorted((obj / directory).glob("*.o")):
            if NOT_COUNTED.search(path.name):
                continue
            count = points_of(path)
            if not count:
                continue
            # Static functions of the same name elsewhere are rare, and never more than all
            mine = {name: min(n, hits[name]) for name, n in count.items()}
            total += sum(count.values())
            got += sum(mine.values())
            print("%5d of %5d  %s" % (sum(mine.values()), sum(count.values()),
                                      (path.relative_to(obj)).with_suffix(".c")))
            if functions:
                missed = sorted(name for name, n in mine.items()
                                if not n and not name.startswith("_sub_"))
                if missed:
                    print("%16s not: %s" % ("", " ".join(missed)))
    print("# figure: fuzz_points_reached %d points of the kernel's code reached, of %d there are"
          % (got, total))


if __name__ == "__main__":
    main()
