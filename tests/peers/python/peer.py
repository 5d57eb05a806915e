"""What the Python peers share: the command line of a walk, a loopback server, the verdict line.

Every walker is called the same way and answers with one line of JSON:

    WALKER --root 1.root.json --metadata DIR [--targets DIR] [--target NAME] [--expect VERSION]
    {"client": "python-tuf 7.0.1", "ok": true, "root": 2, "target": null, "error": null}

`root` is the version of the last root that the client came to trust (null when it refused even the first one), `target` what
it downloaded. Exit code 0 where ok, 1 where refused, 2 for a wrong command line, 3 where the client cannot run here.
"""

import argparse
import contextlib
import http.server
import json
import pathlib
import threading
import urllib.parse


def command_line(what: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--root", type=pathlib.Path, required=True, help="the root that the client trusts to begin with")
    parser.add_argument("--metadata", type=pathlib.Path, required=True, help="the folder of the repository's metadata")
    parser.add_argument("--targets", type=pathlib.Path, help="the folder of its targets")
    parser.add_argument("--target", help="a target to download after the refresh")
    parser.add_argument("--expect", type=int, help="the root version to reach")
    return parser.parse_args()


def verdict(client: str, args: argparse.Namespace, root: int | None, error: str | None, target: str | None) -> int:
    """Prints the verdict and gives the exit code."""
    if error is None and args.expect not in (None, root):
        error = f"reached root {root}, expected {args.expect}"
    fetched = target if error is None else None
    print(json.dumps({"client": client, "ok": error is None, "root": root, "target": fetched, "error": error}))
    return 0 if error is None else 1


def trusted_version(root: pathlib.Path) -> int | None:
    """The version of the root that a client keeps in its own folder."""
    try:
        return json.loads(root.read_bytes())["signed"]["version"]
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def served(metadata: pathlib.Path, targets: pathlib.Path | None):
    """Serves a repository on a free loopback port while the block runs: metadata at /, targets at /targets/. Gives the URL."""

    class Repository(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            plain = urllib.parse.urlsplit(path).path
            if plain.startswith("/targets/") and targets is not None:
                self.directory = str(targets)
                return super().translate_path(plain.removeprefix("/targets"))
            self.directory = str(metadata)
            return super().translate_path(plain)

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Repository) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
