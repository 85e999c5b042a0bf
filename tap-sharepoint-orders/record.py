"""Records the exchanges with a real tenant as fixtures for the tests, scrubbed of tokens, hosts, ids and names.

    python tap-sharepoint-orders/record.py --config config.json [--into FOLDER]

The settings are the tap's own, for a site whose library holds at least one file. Nothing is changed there. A recording
is what one session makes of the library: it is found, listed, its first file downloaded, its changes asked for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tap_sharepoint_orders.connect import open_sharepoint
from tap_sharepoint_orders.library import LibraryError
from tap_sharepoint_orders.tap import TapSharePointOrders

if TYPE_CHECKING:
    import requests
    from tap_sharepoint_orders.sharepoint import SharePoint

FIXTURES = Path(__file__).parent / "tests" / "sharepoint" / "exchanges"

KEPT_KEYS = frozenset(
    {
        *("@odata.nextLink", "@odata.deltaLink", "@microsoft.graph.downloadUrl", "value", "error", "code", "message"),
        *("innerError", "request-id", "id", "name", "webUrl", "size", "eTag", "cTag", "file", "hashes", "mimeType"),
        *("quickXorHash", "folder", "childCount", "root", "deleted", "state", "parentReference", "driveId"),
        *("driveType", "lastModifiedDateTime", "displayName"),
    }
)
"""What a recording may hold of a body. Whatever else Graph tells, of people above all, is left out."""

KEPT_HEADERS = frozenset(
    {"content-type", "content-length", "content-range", "accept-ranges", "retry-after", "location"}
)
PLAIN_VALUES = frozenset({"documentLibrary", "business", "deleted", "root"})
SCRUBBED_TEXT = frozenset({"id", "driveId", "name", "displayName", "message", "request-id", "eTag", "cTag"})


class Scrubber:
    """Replaces what is the tenant's by made-up words, the same one each time."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def word(self, kind: str, found: str) -> str:
        """The made-up word for something found; a file keeps its ending."""
        if found in PLAIN_VALUES or found == "":
            return found
        ending = "".join(Path(found).suffixes[-1:]) if kind == "name" else ""
        if not re.fullmatch(r"\.\w{1,5}", ending):
            ending = ""
        return self._words.setdefault(found, f"{kind}-{len(self._words) + 1}{ending}")

    def link(self, found: str) -> str:
        """A link that leads nowhere, equal for equal links."""
        path = unquote(found).partition("?")[0]
        if "/delta" in path:
            return f"https://graph.microsoft.com/v1.0/delta?token={self.word('token', found)}"
        host = "graph.microsoft.com/v1.0" if "graph" in found.partition("/v1.0")[0] else "contoso.sharepoint.com"
        return f"https://{host}/{self.word('link', found)}"

    def body(self, found: Any, key: str = "") -> Any:  # noqa: ANN401 - JSON
        """A body without anything of the tenant's."""
        if isinstance(found, dict):
            return {name: self.body(value, name) for name, value in found.items() if name in KEPT_KEYS}
        if isinstance(found, list):
            return [self.body(value, key) for value in found]
        if isinstance(found, str):
            if key == "webUrl" or "Link" in key or key.endswith("downloadUrl"):
                return self.link(found)
            if key in SCRUBBED_TEXT:
                return self.word(key, found)
            if key == "quickXorHash":
                return hashlib.sha256(found.encode()).hexdigest()[:27] + "="
        return found

    def exchange(self, answer: requests.Response, what: str) -> dict[str, Any]:
        """One exchange: what was asked, in the tests' words, and what was answered. Contents are left out."""
        headers = {name: value for name, value in answer.headers.items() if name.lower() in KEPT_HEADERS}
        if "Location" in headers:
            headers["Location"] = self.link(headers["Location"])
        recorded: dict[str, Any] = {"request": what, "status": answer.status_code, "headers": headers}
        if "json" in answer.headers.get("Content-Type", ""):
            headers.pop("Content-Length", None)
            recorded["body"] = self.body(answer.json())
        return recorded


def session(library: SharePoint, reopen: Any) -> list[tuple[str, list[dict[str, Any]]]]:  # noqa: ANN401 - a function
    """Work with the library once and record every exchange.

    Args:
        library: the tenant's library, nothing remembered.
        reopen: opens it again, with what it remembers.

    Returns:
        Names of the steps and their exchanges.

    Raises:
        LibraryError: the library cannot be listed, or is empty.
    """
    scrubber = Scrubber()
    steps: list[tuple[str, list[dict[str, Any]]]] = []

    def listen(opened: SharePoint) -> None:
        def keep(answer: requests.Response, *_: object, **__: object) -> None:
            steps[-1][1].append(scrubber.exchange(answer, f"{answer.request.method} {asked(str(answer.url))}"))

        for http in (opened.graph.session, opened.downloader.session):
            http.hooks["response"].append(keep)

    listen(library)
    steps.append(("first-listing", []))
    files = library.files()
    if not files:
        msg = "the library is empty: put a file into it"
        raise LibraryError(msg)
    steps.append(("download", []))
    with tempfile.TemporaryFile() as target:
        library.copy(min(files, key=lambda file: file.size_bytes), target)
    steps.append(("later-listing", []))
    again = reopen(library.memory())
    listen(again)
    again.files()
    return steps


def asked(url: str) -> str:
    """What a request was for, without any of its names."""
    path = unquote(url).partition("/v1.0")[2].partition("?")[0]
    if not path:
        return "content"
    for pattern, what in (
        (r"/sites/[^/]+/drives?$", path.rpartition("/")[2]),
        (r"/delta$", "delta"),
        (r"/children$", "children"),
        (r"/root(:.*)?$", "folder"),
        (r"/items/[^/]+$", "item"),
        (r"^/sites", "site"),
    ):
        if re.search(pattern, path):
            return what
    return "other"


def main() -> int:
    """Record. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="the tap's settings as JSON")
    parser.add_argument("--into", type=Path, default=FIXTURES, help="where the recordings go")
    options = parser.parse_args()
    config = dict(TapSharePointOrders(config=json.loads(options.config.read_text())).config)
    try:
        steps = session(open_sharepoint(config, None), lambda memory: open_sharepoint(config, memory))
    except LibraryError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    options.into.mkdir(parents=True, exist_ok=True)
    for name, exchanges in steps:
        path = options.into / f"recorded-{name}.json"
        path.write_text(json.dumps({"made": "recorded by record.py", "exchanges": exchanges}, indent=1) + "\n")
        sys.stdout.write(f"{path}: {len(exchanges)} exchanges\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
