"""Debian's Chromium through chromedriver's HTTP interface: what a person would do and see."""

import base64
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from tests.missing import missing

#: Without the background flags Chromium calls home at every start.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-default-browser-check"),
)
KEYS = {"Escape": "\ue00c", "Enter": "\ue007", "Tab": "\ue004"}


def need_chromium() -> tuple[str, str]:
    """chromium, chromedriver; without them the test is skipped, under CI it fails."""
    found = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not all(found):
        missing("chromium or chromedriver is not installed (apt-get install chromium chromium-driver)")
    return found


class Browser:
    """One headless window. `run` gives the value of a script's `return`."""

    def __init__(self, width=1280, height=860, dark=False):
        chromium, driver = need_chromium()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.profile = tempfile.mkdtemp(prefix="poolwatch-chromium-")
        self.driver = subprocess.Popen([driver, f"--port={port}"], stdout=subprocess.DEVNULL)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
        self._wait_for_driver()
        flags = [*FLAGS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]
        options = {"binary": chromium, "args": flags}
        always = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        made = self.http.post("/session", json={"capabilities": {"alwaysMatch": always}}).json()["value"]
        assert "sessionId" in made, made
        self.session = f"/session/{made['sessionId']}"
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **screen)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.devtools("Emulation.setEmulatedMedia", features=scheme)

    def _wait_for_driver(self):
        for _ in range(200):
            try:
                if self.http.get("/status").json()["value"]["ready"]:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("chromedriver did not come up")

    def _post(self, path, **body):
        answer = self.http.post(self.session + path, json=body)
        assert answer.is_success, answer.json()["value"]["message"]
        return answer.json()["value"]

    def devtools(self, command, **params):
        return self._post("/goog/cdp/execute", cmd=command, params=params)

    def block(self, *urls):
        """From now on requests of these patterns fail as without a network, and no others."""
        self.devtools("Network.enable")
        self.devtools("Network.setBlockedURLs", urls=urls)

    def go(self, url):
        self._post("/url", url=url)

    def run(self, script, *args):
        return self._post("/execute/sync", script=script, args=list(args))

    def press(self, key):
        value = KEYS.get(key, key)
        actions = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def wait(self, script, *args, seconds=60):
        """The first truthy value of the script; AssertionError with the page's text when none comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.run(script, *args):
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}\n{self.run('return document.body.innerText')[:2000]}")

    def complaints(self):
        """What the console said since the last call, warnings and errors."""
        return [entry["message"] for entry in self._post("/se/log", type="browser")]

    def picture(self, path: Path):
        path.write_bytes(base64.b64decode(self.http.get(f"{self.session}/screenshot").json()["value"]))

    def close(self):
        self.http.delete(self.session)
        self.http.close()
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
