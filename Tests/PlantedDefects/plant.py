"""Plants all defects in a copy of the checkout, each behind a switch: plant.py COPY DEFECT…

A defect is a text file: a line of explanation, then for each place `file`, `find`, `replace`, `end`. The text to find
has to be there exactly once, so that a defect that no longer fits the sources is noticed. What replaces it asks
`planted("01")`, which is true in a process whose BATON_PLANTED is 01: one build serves all defects, one at a time.
With --check instead of COPY it plants nothing, and only says whether every defect fits the sources here.
"""

import pathlib
import sys

SWITCH = """import Glibc

private let plantedDefect = getenv("BATON_PLANTED").map { String(cString: $0) }

func planted(_ number: String) -> Bool { plantedDefect == number }
"""


def edits(path):
    place, parts, key = None, {}, None
    for line in pathlib.Path(path).read_text().splitlines():
        if key is None and line.startswith("#"):
            continue
        if key is None and line.startswith("file "):
            place, parts = line[5:], {}
        elif line in ("find", "replace") and place:
            key = line
            parts[key] = []
        elif line == "end" and place:
            yield place, "\n".join(parts["find"]), "\n".join(parts["replace"])
            place, key = None, None
        else:
            parts[key].append(line)


def main(copy, *defects):
    checks_only = copy == "--check"
    copy = pathlib.Path("." if checks_only else copy)
    for defect in defects:
        for place, find, replace in edits(defect):
            path = copy / place
            text = path.read_text()
            count = text.count(find)
            if count != 1:
                sys.exit(f"{pathlib.Path(defect).name} does not fit {place}: its text is there {count} times")
            if checks_only:
                continue
            path.write_text(text.replace(find, replace))
            module = copy / "/".join(place.split("/")[:2])
            (module / "PlantedDefects.swift").write_text(SWITCH)


main(*sys.argv[1:])
