"""matplotlib, readable on a light and on a dark page: transparent ground, mid-grey ink, mid-tone colours."""

from __future__ import annotations

import sys

from cycler import cycler
from matplotlib import pyplot

INK = "#8a8a8a"
COLOURS = ["#3d8bd4", "#e0782f", "#3fa66a", "#b565c9", "#d9534f", "#9a8a3c"]

pyplot.rcParams.update({
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "legend.frameon": False,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.prop_cycle": cycler(color=COLOURS), "axes.spines.top": False, "axes.spines.right": False,
    "grid.color": INK, "grid.alpha": 0.25, "axes.grid": True, "lines.linewidth": 2.0,
    "figure.figsize": (7.5, 3.6), "figure.dpi": 110, "figure.constrained_layout.use": True, "font.size": 10,
})  # fmt: skip

if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
    # SVG stays sharp, and "transparent" keeps the page's own background.
    shell.run_line_magic("matplotlib", "inline")
    shell.run_line_magic("config", "InlineBackend.figure_formats = ['svg']")
    shell.run_line_magic("config", "InlineBackend.print_figure_kwargs = {'facecolor': 'none', 'bbox_inches': 'tight'}")
