"""A headless Chromium, driven over a pipe by its DevTools protocol, as a user sees it.

No package is needed: messages are JSON texts that end with a zero byte.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time

__all__ = ["CHROMIUM", "Chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)

# The browser reads its commands from the file descriptor 3 and answers on 4.
_START = """
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
os.dup2(high[0], 3), os.dup2(high[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-pipe",
)


class Chromium:
    """A page of a browser, with what it complained of and what it asked for."""

    def __init__(self, folder, timeout=90.0):
        self.timeout = timeout
        self.errors, self.requests = [], []
        self._loaded, self._id, self._buffer = False, 0, b""
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        profile = f"--user-data-dir={folder / 'profile'}"
        self.log = (folder / "chromium.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START, str(commands), str(answers)),
                *(CHROMIUM, *_OPTIONS, profile, "about:blank"),
            ],
            pass_fds=(commands, answers),
            stdout=self.log,
            stderr=self.log,
        )
        os.close(commands)
        os.close(answers)
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self):
        """Open a page and listen to it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.page(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the browser."""
        self.process.terminate()
        self.process.wait(30)
        os.close(self._to)
        os.close(self._from)
        self.log.close()

    def open(self, url, *, width, height=900, mobile=False, scale=1):
        """Load a page at a width, as a desktop or as a phone shows it."""
        self.page(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )
        for place in ("about:blank", url):  # a change of the fragment loads nothing
            self._loaded = False
            self.page("Page.navigate", url=place)
            self._read_until(lambda: self._loaded)

    def evaluate(self, expression):
        """Return the value of an expression of JavaScript."""
        found = self.page("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def screenshot(self, path, *, whole=True):
        """Write a picture of the page."""
        found = self.page("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def pdf(self, path):
        """Print the page."""
        found = self.page("Page.printToPDF", printBackground=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def page(self, method, **params):
        """Call a method of the page."""
        return self.call(method, session=self.session, **params)

    def call(self, method, session=None, **params):
        """Call a method of the browser, and return its result."""
        self._id += 1
        message = {"id": self._id, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        found = {}
        own = self._id
        self._read_until(lambda: own in found, found)
        assert "error" not in found[own], found[own]
        return found[own]["result"]

    def _read_until(self, is_done, found=None):
        until = time.monotonic() + self.timeout
        while not is_done():
            for message in self._messages(until):
                if "id" in message and found is not None:
                    found[message["id"]] = message
                self._hear(message)

    def _messages(self, until):
        ready, _, _ = select.select([self._from], [], [], until - time.monotonic())
        assert ready, "the browser did not answer in time"
        part = os.read(self._from, 1 << 16)
        assert part, f"the browser ended with {self.process.poll()}"
        self._buffer += part
        *whole, self._buffer = self._buffer.split(b"\0")
        return [json.loads(text) for text in whole]

    def _hear(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(params["args"])
        elif method == "Log.entryAdded":
            self.errors.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"][:80])
