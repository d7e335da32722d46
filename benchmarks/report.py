"""From the raw JSON of a run to what people look at: ratios in the terminal, a table, a figure."""

import html
import math
from dataclasses import dataclass

OURS = "micrograd-c"
GPT = "microgpt, training: step"

# What the README shows: heading, group of benchmarks, engines beside micrograd's three.
TABLE = [
    ("moons demo, one training step, script unchanged", "moons, one training step: step"),
    (
        "MLP(64, [128, 128, 10]), one sample, forward + backward",
        "MLP(64, [128, 128, 10]), one sample: forward + backward",
    ),
    ("one operation `a*b`, dropped at once", "eager op a*b: dropped"),
    ("one operation `a*b`, 100,000 kept and then dropped", "eager op a*b: kept and then dropped"),
    ("building a wide graph of 100,000 nodes, per node", "wide graph of 100,000 nodes: build"),
    ("`backward()` over it, per node", "wide graph of 100,000 nodes: backward"),
    ("`backward()` over 1,000,000 nodes, per node", "wide graph of 1,000,000 nodes: backward"),
    ("`p.data -= lr * p.grad`, per parameter", "p.data -= lr * p.grad: update"),
]
COLUMNS = {
    OURS: OURS,
    "micrograd-c, cffi core": "micrograd-c, cffi core",
    "micrograd": "micrograd, as published",
    "micrograd, collector off": "micrograd, collector off",
    "xad": "xad",
    "torch": "torch, scalars",
    "plain C": "plain C",
}

PANELS = [
    (
        "Two moons, one training step (script unchanged; xad, torch, autograd: a port)",
        "moons, one training step: step",
    ),
    (
        "MLP(64, [128, 128, 10]), one sample, forward + backward",
        "MLP(64, [128, 128, 10]), one sample: forward + backward",
    ),
    ("microgpt (examples/microgpt.py): a training step, Adam included; its own class replaced", GPT),
    ("One operation a*b, 100,000 kept and then dropped", "eager op a*b: kept and then dropped"),
    ("backward() over 100,000 nodes, per node", "wide graph of 100,000 nodes: backward"),
]
BARS = {
    OURS: ("ours", "micrograd-c"),
    "micrograd-c, cffi core": ("cffi", "micrograd-c, cffi"),
    "micrograd": ("published", "micrograd"),
    "micrograd, collector off": ("off", "micrograd, gc off"),
    "micrograd-c, optim": ("ours", "micrograd-c, optim"),
    "micrograd-c, dot": ("ours", "micrograd-c, dot"),
    "micrograd-c, programs": ("ours", "micrograd-c, programs"),
    "pure Python": ("published", "pure Python"),
    "pure Python, collector off": ("off", "pure Python, gc off"),
    "xad": ("peer", "xad"),
    "torch": ("peer", "torch, scalars"),
    "autograd": ("peer", "autograd"),
    "torch, dense": ("dense", "torch, dense"),
    "plain C": ("dense", "plain C"),
}


@dataclass(frozen=True)
class Entry:
    """The median of one engine in one group of benchmarks, in seconds a unit."""

    engine: str
    seconds: float
    spread: float
    unit: str
    rounds: int
    disturbed: int
    bytes_per_node: float


def read(results):
    """Sort the benchmarks of a pytest-benchmark JSON.

    Returns
    -------
    dict of str to dict of str to Entry
        Group -> engine -> entry, in the order of the run.
    """
    groups = {}
    for benchmark in results["benchmarks"]:
        info, stats = benchmark["extra_info"], benchmark["stats"]
        groups.setdefault(benchmark["group"], {})[info["engine"]] = Entry(
            engine=info["engine"],
            seconds=stats["median"] / info["per"],
            spread=stats["iqr"] / stats["median"],
            unit=info["unit"],
            rounds=stats["rounds"],
            disturbed=info["disturbed_rounds"],
            bytes_per_node=info.get("bytes_per_node", math.nan),
        )
    return groups


def duration(seconds):
    """Write a time with three digits and the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if seconds >= size or unit == "ns":
            digits = max(0, 2 - math.floor(math.log10(seconds / size))) if seconds else 0
            return f"{seconds / size:.{min(digits, 2)}f} {unit}"


def times(ratio):
    """Write a ratio with three digits, a small one with one."""
    if ratio < 0.095:
        return f"{ratio:.1g}x"
    digits = 2 - math.floor(math.log10(ratio))
    return f"{round(ratio, digits):,.{min(max(digits, 0), 2)}f}x"


def disturbed_groups(groups):
    """Return what is shown in the README and was disturbed in more than a quarter of an engine's rounds."""
    shown = {group for _, group in TABLE + PANELS} & groups.keys()
    return [group for group in sorted(shown) if any(4 * e.disturbed > e.rounds for e in groups[group].values())]


def terminal_table(groups):
    """Return all groups as text: median, spread, and how many times ours."""
    lines = []
    for group, entries in groups.items():
        unit = next(iter(entries.values())).unit
        lines.append(f"\n{group}{f', per {unit}' if unit else ''}")
        ours = entries.get(OURS)
        for entry in entries.values():
            line = f"  {entry.engine:<34}{duration(entry.seconds):>10}  ±{50 * entry.spread:3.0f} %"
            if ours and entry is not ours:
                line += f"{times(entry.seconds / ours.seconds):>9}"
            if entry.disturbed:
                line += f"   {entry.disturbed} disturbed"
            if not math.isnan(entry.bytes_per_node):
                line += f"   {entry.bytes_per_node:.0f} bytes a node"
            lines.append(line)
    lines += ["", *facts(groups), "", "±: half the interquartile range. x: times as long as micrograd-c."]
    return "\n".join(lines)


def facts(groups):
    """Return what no ratio says: import time, memory, and a small graph in a crowd, as sentences."""
    sentences = []
    gpt = groups.get(GPT, {})
    if "pure Python" in gpt:
        slowest = gpt["pure Python"].seconds
        steps = [
            f"{name} {duration(entry.seconds)}"
            + (f" ({times(slowest / entry.seconds)})" if name.startswith(OURS) else "")
            for name, entry in sorted(gpt.items(), key=lambda item: -item[1].seconds)
        ]
        sentences.append(
            "A training step of `examples/microgpt.py`, a GPT of 4,192 parameters, and times the speed of pure "
            f"Python: {'; '.join(steps)}. The first of ours is the script's own class under `--replace-value`."
        )
    imports = groups.get("import: import", {})
    if {"python", OURS} <= imports.keys():
        bare = imports["python"].seconds  # a package that does nothing can come out a little faster
        over = {name: duration(max(0.0, e.seconds - bare)) for name, e in imports.items() if name != "python"}
        sentences.append("Import, over bare Python: " + ", ".join(f"{k} {v}" for k, v in over.items()) + ".")
    memory = groups.get("1,000,000 kept nodes: build", {})
    if memory:
        each = ", ".join(f"{name} {entry.bytes_per_node:.0f}" for name, entry in memory.items())
        sentences.append(f"Bytes a node, all included, of 1,000,000 kept nodes: {each}.")
    crowd = groups.get("100 nodes: backward", {})
    if len(crowd) == 2:
        alone, crowded = (entry.seconds for entry in crowd.values())
        sentences.append(
            f"`backward()` over 100 nodes while 5,000,000 others are alive takes {times(crowded / alone)} "
            "the time of the same with no others."
        )
    return sentences


def markdown_table(groups, results):
    """Return the README's table: medians, and in brackets how many times ours."""
    columns = [name for name in COLUMNS if any(name in groups.get(group, {}) for _, group in TABLE)]
    lines = [
        "| | " + " | ".join(COLUMNS[name] for name in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for heading, group in TABLE:
        entries = groups.get(group, {})
        if OURS not in entries:
            continue
        cells = [_cell(entries.get(name), entries[OURS]) for name in columns]
        lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    lines += ["", *(f"{sentence}\n" for sentence in facts(groups))]
    lines.append(
        f"Medians of rounds run in turn; in brackets: times as long as micrograd-c. {machine(results)}. "
        "How it was measured, and what it does not say: [benchmarks](benchmarks/README.md)."
    )
    return "\n".join(lines)


def machine(results):
    """Return processor, system, versions and date of a run."""
    info = results["machine_info"]
    installed = info["versions"]
    versions = [f"{name} {installed[name]}" for name in ("micrograd", "xad", "torch") if name in installed]
    python = f"{info['python_implementation']} {info['python_version']}"
    processor = info["cpu"].get("brand_raw", info["machine"])
    return ", ".join([processor, info["system"], python, *versions, results["datetime"][:10]])


def _cell(entry, ours):
    if entry is None:
        return ""
    if entry is ours:
        return f"**{duration(entry.seconds)}**"
    return f"{duration(entry.seconds)} ({times(entry.seconds / ours.seconds)})"


# ---- the figure ----

STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .ratio { font-weight: 600 }
  .tick { font-size: 11px; fill: #59636e }
  .grid { stroke: #d0d7de }
  .ours { fill: #0072b2 } .cffi { fill: #56b4e9 } .published { fill: #d55e00 } .off { fill: #e69f00 }
  .peer { fill: #8c959f } .dense { fill: #009e73 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .tick { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .ours { fill: #56b4e9 } .cffi { fill: #0072b2 }
  }
"""
WIDTH, LEFT, RIGHT = 850, 180, 130  # on the left the names of the bars
BAR, GAP = 18, 6


def figure(groups):
    """Return an SVG of bars, one panel a workload; logarithmic, a decade equally wide in all panels."""
    panels = [(title, groups[group]) for title, group in PANELS if OURS in groups.get(group, {})]
    ranges = [_decades(entries) for _, entries in panels]
    decade = (WIDTH - LEFT - RIGHT) / max(high - low for low, high in ranges)

    body, y = [], 52
    for (title, entries), (low, high) in zip(panels, ranges):
        shown = [entries[name] for name in BARS if name in entries]
        bottom = y + 14 + len(shown) * (BAR + GAP)
        body.append(_text(20, y, title, 'class="title"'))
        for power in range(low, high + 1):
            x = LEFT + (power - low) * decade
            body.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 10}" y2="{bottom}"/>')
            number, unit = duration(10.0**power).split()
            label = f"{float(number):g} {unit}"
            body.append(_text(x, bottom + 14, label, 'class="tick" text-anchor="middle"'))
        ours = entries[OURS].seconds
        for i, entry in enumerate(sorted(shown, key=lambda entry: entry.seconds)):
            body += _bar(entry, ours, y + 14 + i * (BAR + GAP), (math.log10(entry.seconds) - low) * decade)
        y = bottom + 48

    height = y - 14
    note = "Time on a logarithmic scale: shorter is better. Bold: times as long as micrograd-c."
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Speed of micrograd-c and others">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(20, 26, note, 'class="tick"'),
    ]
    return "\n".join([*head, *body, "</svg>\n"])


def _decades(entries):
    shown = [entries[name].seconds for name in BARS if name in entries]
    low = math.floor(math.log10(min(shown)) - 0.2)  # the shortest bar is to be seen
    return low, math.ceil(math.log10(max(shown)))


def _bar(entry, ours, y, length):
    kind, name = BARS[entry.engine]
    baseline = y + BAR - 5
    marks = [
        _text(LEFT - 8, baseline, name, 'text-anchor="end"'),
        f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>',
        _text(LEFT + length + 8, baseline, duration(entry.seconds)),
    ]
    if entry.engine != OURS:
        marks.append(_text(LEFT + length + 72, baseline, times(entry.seconds / ours), 'class="ratio"'))
    return marks


def _text(x, y, text, attributes=""):
    return f'<text x="{x:.1f}" y="{y}" {attributes}>{html.escape(text)}</text>'
