"""Colours and type of pictures.

Colours are those of Okabe and Ito, which people who see colours differently tell apart; shape and outline say the
same once more.
"""

from __future__ import annotations

__all__ = ["CELL", "DARK", "DARK_PAGE", "LIGHT", "LIGHT_PAGE", "LINE", "style"]

CELL = 7.3  # width of a character of 12 px, at most
LINE = 16.0

# role: fill, outline
LIGHT = {
    "input": ("#e3f0fb", "#0072b2"),
    "parameter": ("#fdf0d9", "#a85f00"),
    "constant": ("#f1f2f4", "#6b7280"),
    "operation": ("#ffffff", "#57606a"),
    "result": ("#e2f4ed", "#00795c"),
}
DARK = {
    "input": ("#0f2a3f", "#56b4e9"),
    "parameter": ("#392a0e", "#e69f00"),
    "constant": ("#262b33", "#9aa4b2"),
    "operation": ("#1e2329", "#aab2bd"),
    "result": ("#0d3329", "#2fc39a"),
}
LIGHT_PAGE = {"page": "#ffffff", "text": "#1b1f24", "muted": "#59636e", "line": "#6e7781"}
DARK_PAGE = {"page": "#14171b", "text": "#e9ecef", "muted": "#aab2bd", "line": "#8b949e"}

_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def _rules(roles: dict[str, tuple[str, str]], page: dict[str, str]) -> str:
    out = [
        f".mgc-page{{fill:{page['page']}}}",
        f".mgc text{{fill:{page['text']}}}",
        f".mgc .mgc-m{{fill:{page['muted']}}}",
        f".mgc-e{{stroke:{page['line']}}}",
        f".mgc-a{{fill:{page['line']}}}",
    ]
    for role, (fill, stroke) in roles.items():
        out.append(f".mgc-{role} .mgc-s{{fill:{fill};stroke:{stroke}}}.mgc-{role} .mgc-b{{fill:{stroke}}}")
        out.append(f".mgc-{role} .mgc-o{{fill:{page['page']}}}")
    return "".join(out)


_BASE = (
    f".mgc text{{font:12px {_FONT};white-space:pre}}"
    ".mgc .mgc-t{font-weight:700}.mgc .mgc-o{font-weight:700;text-anchor:middle}"
    ".mgc-s{stroke-width:1.5}.mgc-e{fill:none;stroke-width:1.4}.mgc-constant .mgc-s{stroke-dasharray:4 3}"
    ".mgc-result .mgc-s{stroke-width:2}"
)


def style(theme: str) -> str:
    """Return the rules of a picture: 'light', 'dark', or 'auto' for what the reader's screen is set to."""
    if theme == "dark":
        return _BASE + _rules(DARK, DARK_PAGE)
    light = _BASE + _rules(LIGHT, LIGHT_PAGE)
    return (
        light
        if theme == "light"
        else f"{light}@media screen and (prefers-color-scheme:dark){{{_rules(DARK, DARK_PAGE)}}}"
    )
