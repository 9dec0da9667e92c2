"""A real Jupyter server on a free port, in a folder of its own; gone afterwards."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(folder, program, *options):
    """Run `jupyter-lab` or `jupyter-server` in a folder; yields (address, token)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    own = {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": f"{folder}/.config",
        "JUPYTER_DATA_DIR": f"{folder}/.data",
        "JUPYTER_RUNTIME_DIR": f"{folder}/.runtime",
        "IPYTHONDIR": f"{folder}/.ipython",
    }
    log = (folder / "log").open("w+")
    process = subprocess.Popen(
        [
            *(Path(sys.executable).parent / program, "--no-browser"),
            *(f"--port={port}", "--ServerApp.port_retries=0", "--allow-root"),
            *(f"--ServerApp.root_dir={folder}", *options),
        ],
        env=os.environ | own,
        cwd=folder,
        stdout=log,
        stderr=log,
    )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/api?token={token}", process, log)
        yield f"http://127.0.0.1:{port}", token
    finally:
        process.send_signal(signal.SIGTERM)  # the server ends its kernels first
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def _wait_until_up(address, process, log):
    for _ in range(600):
        assert process.poll() is None, log.seek(0) or log.read()
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("the server did not start")
