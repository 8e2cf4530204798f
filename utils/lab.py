"""Opens the learner's copy of the course in JupyterLab."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from .machine import ROOT

FIRST = "00_start_here.ipynb"
PORT = 8888
# No news, no update checks, nothing asked of the network; no jupytext, which the build uses but a learner must
# not meet (it would open the course's Python files as notebooks, and save them as such).
SETTINGS = Path(__file__).with_name("jupyter")


class PortTaken(RuntimeError):
    """The port that was asked for is in use."""


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(asked: int | None) -> int:
    """`asked`, which must be free; without it the first free one from 8888. Raises PortTaken."""
    if asked is not None:
        if not free(asked):
            raise PortTaken(f"port {asked} is taken; without --port the next free one is used.")
        return asked
    for port in range(PORT, PORT + 100):
        if free(port):
            return port
    raise PortTaken(f"ports {PORT} to {PORT + 99} are all taken; name a free one: ./study lab --port 9500")


def command(port: int, browser: bool, notebook: Path) -> list[str]:
    """JupyterLab with the course as its root, so that every notebook finds `utils`."""
    options = [
        f"--ServerApp.root_dir={ROOT}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--Application.log_level=WARN",
        f"--LabApp.default_url=/lab/tree/{notebook.relative_to(ROOT)}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if not browser:
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # a container; Jupyter would refuse
    return [sys.executable, "-m", "jupyterlab", *options]


def open_lab(port: int | None, browser: bool) -> None:
    """Bring work/ up to date and become JupyterLab. Raises PortTaken before anything is started."""
    from .notebook import workspace

    chosen = choose_port(port)
    for message in workspace.sync():
        print(message)
    if port is None and chosen != PORT:
        print(f"Port {PORT} is taken (another JupyterLab?); this one is at {chosen}.")
    paths = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}
    line = command(chosen, browser, ROOT / "work" / FIRST)
    print("JupyterLab is starting; Ctrl-C here ends it. Your notebooks are in work/ and stay there.", flush=True)
    os.execve(line[0], line, environment)
