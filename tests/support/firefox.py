"""A real Firefox, as it is installed: driven through Marionette, which it brings along.

Playwright drives a Firefox of its own alone. Of the protocol little is needed: open a
page, and run a script in it that may take a while.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PREFERENCES = {
    "marionette.port": 0,  # filled in
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def installed() -> str | None:
    """The path of an installed Firefox, if there is one."""
    return shutil.which("firefox") or shutil.which("firefox-esr")


class Firefox:
    """One window of a running Firefox."""

    def __init__(self, port):
        self._socket, self._number = _connected(port), 0
        self._received()  # its greeting
        self.ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self.ask("WebDriver:SetTimeouts", {"script": 240_000, "pageLoad": 60_000})

    def ask(self, command, parameters):
        """Have a command carried out; what it gives. RuntimeError where it fails."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters])
        self._socket.sendall(f"{len(message.encode())}:{message}".encode())
        _, _, error, result = self._received()
        if error:
            raise RuntimeError(f"{error['error']}: {error['message']}")
        return result

    def _received(self):
        head = b""
        while not head.endswith(b":"):
            head += self._socket.recv(1)
        left, body = int(head[:-1]), b""
        while len(body) < left:
            body += self._socket.recv(left - len(body))
        return json.loads(body)

    def open(self, address):
        self.ask("WebDriver:Navigate", {"url": address})

    def run(self, script, *arguments):
        """What an asynchronous function of the page gives; its body is `script`."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            "const given = [...arguments].slice(0, -1);"
            f"(async (...given) => {{ {script} }})(...given)"
            ".then((value) => done({value}), (error) => done({error: String(error)}));"
        )
        asked = {"script": wrapped, "args": arguments, "sandbox": None}
        answer = self.ask("WebDriver:ExecuteAsyncScript", asked)["value"]
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("value")


def _connected(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=300)
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("Firefox did not start")


@contextmanager
def running():
    """A Firefox with a profile of its own, ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});"
            for name, value in (PREFERENCES | {"marionette.port": port}).items()
        ]
        Path(profile, "user.js").write_text("\n".join(lines))
        process = subprocess.Popen(
            [
                installed(),
                "-headless",
                "-no-remote",
                "-marionette",
                "-profile",
                profile,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Firefox(port)
        finally:
            process.terminate()
            process.wait(20)
