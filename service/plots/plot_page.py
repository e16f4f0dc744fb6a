"""A figure as a page of HTML that loads nothing from elsewhere."""

import html
from importlib.util import find_spec
from pathlib import Path

# plotly.js makes styles and functions as it goes (parallel coordinates); nothing may come from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
{script}
<style>body {{ margin: 0; background: white; }} #plot {{ min-height: 520px; }}</style>
</head>
<body>
<div id="plot"></div>
<script>
const figure = {figure};
Plotly.newPlot("plot", figure.data, figure.layout, {{responsive: true, displaylogo: false}});
</script>
</body>
</html>
"""


def plotly_script() -> Path:
    """The file plotly.min.js, 5 MB, as the Plotly package brings it."""
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def linked_page(figure: str, *, title: str, script_url: str) -> str:
    """A page that takes plotly.js from the service that serves it. `figure` is JSON."""
    return _page(figure, title=title, script=f'<script src="{html.escape(script_url)}"></script>')


def whole_page(figure: str, *, title: str) -> str:
    """A page with plotly.js in it (5 MB): it can be kept, sent and opened anywhere. `figure` is JSON."""
    return _page(figure, title=title, script=f"<script>{plotly_script().read_text(encoding='utf-8')}</script>")


def _page(figure: str, *, title: str, script: str) -> str:
    # In a script element "<" could begin its end tag; in JSON it is only found in texts.
    return PAGE.format(policy=POLICY, title=html.escape(title), script=script, figure=figure.replace("<", "\\u003c"))
