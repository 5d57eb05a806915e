#!/usr/bin/env python3
"""Walks a TUF repository with python-tuf, as a client that trusts one root would. See peer.py for the call and the answer."""

import argparse
import importlib.metadata
import pathlib
import sys
import tempfile

from tuf.ngclient import Updater

import peer


def main() -> int:
    args = peer.command_line("walk a TUF repository with python-tuf")
    client = f"python-tuf {importlib.metadata.version('tuf')}"
    with tempfile.TemporaryDirectory() as state, peer.served(args.metadata, args.targets) as url:
        error = walk(args, pathlib.Path(state), url)
        root = peer.trusted_version(pathlib.Path(state) / "root.json")
    return peer.verdict(client, args, root, error, args.target)


def walk(args: argparse.Namespace, state: pathlib.Path, url: str) -> str | None:
    """Refreshes and downloads; returns what the client said where it refused."""
    downloads = state / "downloads"
    downloads.mkdir()
    try:
        updater = Updater(str(state), url, str(downloads), url + "targets/", bootstrap=args.root.read_bytes())
        updater.refresh()
        if args.target is not None:
            info = updater.get_targetinfo(args.target)
            if info is None:
                return f"target {args.target} is not in the metadata"
            updater.download_target(info)
    except Exception as refusal:  # whatever stops the client is its verdict
        return f"{type(refusal).__name__}: {refusal}"
    return None


if __name__ == "__main__":
    sys.exit(main())
