"""How Sphinx builds the site. `make docs` gathers the pages first, see docs/make_site.py."""

import re
import sys
from pathlib import Path

from docutils import nodes
from latex2mathml import converter as latex2mathml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from micrograd_c import __version__  # noqa: E402

project = "micrograd-c"
copyright = "micrograd-c contributors"
version = release = __version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx_copybutton"]
root_doc = "index"
exclude_patterns = ["files", "examples"]
nitpicky = True
smartquotes = False  # what stands in quotes is code more often than speech: 'sum'

# Pages: nothing is fetched from elsewhere, neither now nor by a reader's browser.
html_theme = "furo"
html_title = f"micrograd-c {version}"
html_static_path = [str(ROOT / "docs" / "_static")]
html_favicon = str(ROOT / "docs" / "_static" / "favicon.svg")
html_css_files, html_js_files = ["site.css"], ["site.js"]
templates_path = [str(ROOT / "docs" / "_templates")]
html_extra_path = [str(ROOT / "build" / "docs-live")]
html_copy_source = html_show_sourcelink = html_show_sphinx = html_domain_indices = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b5cad",
        "color-brand-content": "#0b5cad",
        "color-code-background": "#f6f8fa",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6cb6ff",
        "color-brand-content": "#6cb6ff",
        "color-code-background": "#1d2127",
    },
}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Markdown and notebooks. They run, so that pages and pictures that move are in them; some seconds.
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_ipywidgets_js = {}
html_math_renderer = "mathml"

# Docstrings are NumPy's; what stands in single backticks is code.
default_role = "literal"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
numpydoc_class_members_toctree = False
python_maximum_signature_line_length = 80
add_module_names = False


# Classes that readers get from a function and never call.
MADE_BY_FUNCTIONS = ("Function", "Program", "Picture", "Explanation", "Training")


def _lines_of_ops(app, what, name, obj, options, lines):
    """Keep the lines of an op's docstring apart: its derivatives, and where it is defined."""
    if lines and lines[0].startswith("Return z = "):
        lines[2:] = [f"| {line}" for line in lines[2:] if line]


def _plain_signature(app, what, name, obj, options, signature, returned):
    """Leave out of a signature what is not for readers: marks, arguments for messages, all of what we make."""
    if what == "class" and obj.__name__ in MADE_BY_FUNCTIONS:
        return "", None
    return signature and (re.sub(r"(, )?/(?=\))|, \*\*unknown", "", signature), returned)


def _no_lists_of_arguments(app, page, template, context, doctree):
    """Let a signature of several lines be no list of definitions without terms."""
    lines = re.compile(r"<dl>\n((?:<dd><em class=\"sig-param.*?</dd>\n)+)</dl>")
    context["body"] = lines.sub(
        lambda found: re.sub(r"<(/?)dd>", r"<\1span>", f'<span class="arguments">{found[1]}</span>'),
        context.get("body", ""),
    )


def _mathml(writer, node):
    """Write a formula as the MathML that browsers know, without a script."""
    display = "block" if isinstance(node, nodes.math_block) else "inline"
    writer.body.append(latex2mathml.convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
    app.connect("autodoc-process-docstring", _lines_of_ops, priority=400)  # before numpydoc
    app.connect("autodoc-process-signature", _plain_signature, priority=400)
    app.connect("html-page-context", _no_lists_of_arguments)
