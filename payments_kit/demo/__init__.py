"""`payments demo`: the whole service on one machine, with a web page or as a scripted tour.

The heavy imports are inside the functions, so that `payments --help` stays fast.
"""

from pathlib import Path


def run_demo(data: Path | None, port: int, open_browser: bool, show_servers: bool = False) -> int:
    """Start everything and serve the page until Ctrl-C; return the exit status.

    Args:
        data: the data folder; None for `.payments-demo` in the current folder.
        port: the port of the page. If it is in use, another one is chosen; 0 chooses any.
        open_browser: whether to open the page in a browser.
        show_servers: whether to print DATABASE_URL and NATS_URL.
    """
    from payments_kit.demo.run import run_page

    return run_page(data, port, open_browser, show_servers)


def run_tour(data: Path | None) -> int:
    """Start everything, run the scripted tour and print its results; return the exit status.

    Args:
        data: the data folder; None for temporary folders, which are removed at the end.
    """
    from payments_kit.demo.run import run_steps

    return run_steps(data)
