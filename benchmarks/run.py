"""Measure micrograd-c beside micrograd and whichever of xad, autograd and torch are installed.

python benchmarks/run.py            everything; renews results/, the figure and the README's table
python benchmarks/run.py --quick    few rounds, nothing heavy; prints ratios and keeps nothing
python benchmarks/run.py -k moons   some of it; prints ratios and keeps nothing
python benchmarks/run.py --report   renews figure and table from the results that are kept
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import report

HERE = Path(__file__).parent
ROOT = HERE.parent
README = ROOT / "README.md"
FIGURE = ROOT / "docs" / "speed.svg"
BEGIN, END = "<!-- speed:begin -->", "<!-- speed:end -->"


def measure(quick, expression):
    """Run pytest-benchmark over bench_*.py and return its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "results.json")
        command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), str(HERE)]
        command += ["-q", "--benchmark-quiet", f"--benchmark-json={output}"]
        command += ["--quick"] if quick else []
        command += ["-k", expression] if expression else []
        status = subprocess.run(command, cwd=HERE, check=False).returncode  # not the sources: what is installed
        if status:
            sys.exit(status)
        return json.loads(output.read_text())


def kept_results():
    """Return the path of the results of this kind of machine and Python."""
    version = f"{sys.implementation.name}{sys.version_info.major}.{sys.version_info.minor}"
    return HERE / "results" / f"{sys.platform}-{version}.json"


def keep(results, path):
    """Write results with one benchmark a line, so that two runs can be compared with diff."""
    rows = ",\n".join(json.dumps(benchmark) for benchmark in results["benchmarks"])
    head = json.dumps({key: value for key, value in results.items() if key != "benchmarks"}, indent=1)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{head[:-2]},\n "benchmarks": [\n{rows}\n]}}\n')


def publish(groups, results):
    """Write the figure, and both into README.md between its marks (print the table where there are none)."""
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_text(report.figure(groups), encoding="utf-8")
    table = report.markdown_table(groups, results)
    picture = f"![Bars: the time of micrograd-c and others]({FIGURE.relative_to(ROOT).as_posix()})"
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        README.write_text(f"{before}{BEGIN}\n{picture}\n\n{table}\n{END}{after}", encoding="utf-8")
    else:
        print(f"\n{README.name} has no {BEGIN} ... {END}; its table would be:\n\n{table}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds, and none of the heavy races")
    parser.add_argument("-k", metavar="EXPRESSION", help="only the benchmarks that match, as for pytest")
    parser.add_argument("--report", action="store_true", help="do not measure")
    options = parser.parse_args()

    path = kept_results()
    results = json.loads(path.read_text()) if options.report else measure(options.quick, options.k)
    groups = report.read(results)
    whole = not (options.quick or options.k)
    disturbed = report.disturbed_groups(groups)
    if whole and not disturbed and not options.report:
        keep(results, path)  # first: ten minutes of measuring
    print(report.terminal_table(groups))
    if whole and disturbed:
        sys.exit(f"The machine was too busy for fair ratios. Nothing was kept. Disturbed: {'; '.join(disturbed)}")
    if whole:
        publish(groups, results)


if __name__ == "__main__":
    main()
