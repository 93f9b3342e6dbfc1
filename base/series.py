#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What base/series.sh needs to know of base/series: the steps of the patch series.

series.py plan STEPS HOOKS OWN SERIES OUT
    Reads the step files of the directory STEPS and writes what each step brings to
    the directory OUT: "OUT/steps", the names in order, and for each of them
    OUT/NAME.message and OUT/NAME.do ("hook PATCH", "file PATH", "apply PATCH",
    "revert PATCH", a line each). HOOKS is the directory of the hooks, OWN the list of
    the project's files for the kernel tree, SERIES that of the hooks. Ends with a list
    of what is wrong: each hook and each file is in exactly one step.

A step file is named NNNN-name and looks like this; lines that begin with # in its
first and last part are comments.

    Subject: subsystem: Do something

    Why.
    ---
    hook 0123-name.patch
    file drivers/iommu/file.c
    file tools/testing/selftests/iommu/*.c

"message 0123-name.patch" in the place of subject and text takes both from that hook;
a Subject line before it replaces the hook's.

A file of drivers/ or include/ is named by its path alone, so that whoever adds one
has to think about where it belongs. Elsewhere patterns may stand: * and ? are of
one directory, ** is of any depth. A path goes before a pattern.

"apply tmp-NAME.patch" is a patch of base/series that only the steps until "revert
tmp-NAME.patch" need.
"""

import os
import re
import sys

PATTERNS = ("tools/", "Documentation/")


class Wrong(Exception):
    pass


def lines(path):
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


def pattern(glob):
    out = ""
    for part in re.split(r"(\*\*/?|\*|\?)", glob):
        if part.startswith("**"):
            out += ".*"
        elif part == "*":
            out += "[^/]*"
        elif part == "?":
            out += "[^/]"
        else:
            out += re.escape(part)
    return re.compile(out + r"\Z")


def hook_message(path):
    """Subject and text of a hook: all that is before its patch."""
    text = []
    for line in lines(path):
        if line == "---" or line.startswith("--- a/") or line.startswith("--- /dev/null"):
            break
        text.append(line)
    if not text or not text[0].startswith("Subject: "):
        raise Wrong(f"{path} has no Subject")
    return text[0][len("Subject: "):], "\n".join(text[1:]).strip("\n")


def read_step(path, hooks):
    """Returns subject, text and what the step does: pairs of words."""
    name = os.path.basename(path)
    text = lines(path)
    if "---" not in text:
        raise Wrong(f"{name} has no line '---' between the message and what it brings")
    cut = text.index("---")
    subject, body = None, []
    for line in text[:cut]:
        if line.startswith("#"):
            continue
        if subject is None and line.startswith("Subject: "):
            subject = line[len("Subject: "):]
        elif line.startswith("message "):
            theirs, what = hook_message(os.path.join(hooks, line.split()[1]))
            subject = subject or theirs
            body.append(what)
        else:
            body.append(line)
    body = "\n".join(body).strip("\n")
    if not subject or not body:
        raise Wrong(f"{name} needs a Subject and a text")
    does = []
    for line in text[cut + 1:]:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in ("hook", "file", "apply", "revert") or len(words) != 2:
            raise Wrong(f"{name}: what is '{line}'?")
        does.append(words)
    if not does:
        raise Wrong(f"{name} brings nothing")
    return subject, body, does


def plan(steps_dir, hooks_dir, own_list, series_list, out):
    own, series = lines(own_list), lines(series_list)
    names = sorted(n for n in os.listdir(steps_dir) if re.match(r"\d{4}-", n) and not n.endswith("~"))
    names = [n for n in names if n != "0000-cover-letter"]
    wrong = []
    steps = {}
    for name in names:
        try:
            steps[name] = read_step(os.path.join(steps_dir, name), hooks_dir)
        except (Wrong, OSError) as e:
            wrong.append(str(e))

    hook_in, file_in, globs, applied = {}, {}, [], {}
    for name, (_, _, does) in steps.items():
        for what, arg in does:
            if what == "hook":
                if arg not in series:
                    wrong.append(f"{name} names the hook {arg}, which base/hooks/series does not")
                hook_in.setdefault(arg, []).append(name)
            elif what == "file" and not re.search(r"[*?]", arg):
                if arg not in own:
                    wrong.append(f"{name} names {arg}, but the project has no such file")
                file_in.setdefault(arg, []).append(name)
            elif what == "file":
                if not arg.startswith(PATTERNS):
                    wrong.append(f"{name}: a pattern ({arg}) may only stand for files of {' and '.join(PATTERNS)}")
                globs.append((name, arg, pattern(arg)))
            elif what == "apply":
                applied[arg] = name
            elif what == "revert":
                if applied.pop(arg, None) is None:
                    wrong.append(f"{name} reverts {arg}, which no step before it has applied")
    for arg, name in applied.items():
        wrong.append(f"{name} applies {arg}, which no step after it reverts")

    used = set()
    for path in own:
        if path in file_in:
            continue
        hits = [(n, g) for n, g, p in globs if p.match(path)]
        used.update(hits)
        for n in dict.fromkeys(n for n, _ in hits):
            file_in.setdefault(path, []).append(n)
    for name, glob, _ in globs:
        if (name, glob) not in used:
            wrong.append(f"{name}: the pattern {glob} stands for no file")

    for hook in series:
        where = hook_in.get(hook, [])
        if not where:
            wrong.append(f"no step has the hook {hook}: name it in the file of base/series that it belongs to "
                         "('hook " + hook + "'), or add a file for a step of its own")
        elif len(where) > 1:
            wrong.append(f"more than one step has the hook {hook}: {', '.join(where)}")
    for path in own:
        where = file_in.get(path, [])
        if not where:
            wrong.append(f"no step has the file {path}: name it in the file of base/series that it belongs to "
                         "('file " + path + "'), or add a file for a step of its own")
        elif len(where) > 1:
            wrong.append(f"more than one step has the file {path}: {', '.join(where)}")
    if wrong:
        for line in wrong:
            print(line, file=sys.stderr)
        return 1

    by_step = {}
    for path, where in file_in.items():
        by_step.setdefault(where[0], []).append(path)
    with open(os.path.join(out, "steps"), "w", encoding="utf-8") as f:
        f.writelines(n + "\n" for n in names)
    for name, (subject, body, does) in steps.items():
        with open(os.path.join(out, name + ".message"), "w", encoding="utf-8") as f:
            f.write(f"{subject}\n\n{body}\n")
        with open(os.path.join(out, name + ".do"), "w", encoding="utf-8") as f:
            f.writelines(f"{what} {arg}\n" for what, arg in does if what != "file")
            f.writelines(f"file {path}\n" for path in sorted(by_step.get(name, [])))
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "plan":
        sys.exit(plan(*sys.argv[2:]))
    sys.exit(__doc__)
