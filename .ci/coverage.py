"""Print which lines and branches of the C code the tests reach, and what they do not reach.

python .ci/coverage.py COUNTS.json   what gcovr has counted; `make coverage` makes it

It fails below the floors, which stand with their reasons in docs/reliability.md.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES, BRANCHES = 99.0, 94.5  # percent


def merged(lines):
    """Return {line number: (count, {branch: count})}; a line of the op table stands in several functions."""
    found = {}
    for line in lines:
        count, branches = found.get(line["line_number"], (0, {}))
        for branch in line.get("branches", []):
            key = branch.get("branchno"), branch.get("source_block_id")
            branches[key] = branches.get(key, 0) + branch["count"]
        found[line["line_number"]] = count + line["count"], branches
    return found


def percent(part, whole):
    """Return what share is reached, in percent."""
    return 100.0 * part / whole if whole else 100.0


def main():
    """Print what is not reached and a table; return whether a floor is missed."""
    data = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    totals, table = [0, 0, 0, 0], []
    for file in sorted(data["files"], key=lambda f: f["file"]):
        text = (ROOT / file["file"]).read_text(encoding="utf-8").split("\n")
        figures = [0, 0, 0, 0]
        for number, (count, branches) in sorted(merged(file["lines"]).items()):
            left = sum(not n for n in branches.values())
            for i, n in enumerate((count > 0, 1, len(branches) - left, len(branches))):
                figures[i] += n
            if left or not count:
                what = f"{left} of {len(branches)} branches" if left else "line"
                print(f"{file['file']}:{number}: {what}: {text[number - 1].strip()}")
        totals = [a + b for a, b in zip(totals, figures)]
        table.append((file["file"], percent(*figures[:2]), percent(*figures[2:])))
    lines, branches = percent(*totals[:2]), percent(*totals[2:])
    for name, *shares in [*table, (f"all, of {totals[1]} and {totals[3]}", lines, branches)]:
        print("{:32} lines {:6.1f} %  branches {:6.1f} %".format(name, *shares))
    return lines < LINES or branches < BRANCHES


if __name__ == "__main__":
    sys.exit(main())
