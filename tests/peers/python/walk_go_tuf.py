#!/usr/bin/env python3
"""Walks a TUF repository with go-tuf, as `gh attestation trusted-root` holds it. See peer.py for the call and the answer.

gh reads a repository and downloads one target, `trusted_root.json`. Where no target was asked for, a repository without that
target is still a good walk; any other target is left out and answered with null. `gh` has to be beside this interpreter.
It runs in a network namespace that holds nothing but the loopback, so that it can ask nobody else.
"""

import argparse
import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile

import peer

TARGET = "trusted_root.json"
ALONE = "OFFICIANT_GO_TUF_ALONE"


def main() -> int:
    args = peer.command_line("walk a TUF repository with go-tuf")
    gh = pathlib.Path(sys.executable).parent / "gh"
    if not gh.exists():
        print(f"{gh} is not installed", file=sys.stderr)
        return 3
    enter_empty_network()
    client = f"go-tuf (in {run([gh, '--version'], os.environ).stdout.splitlines()[0]})"
    with tempfile.TemporaryDirectory() as home, peer.served(args.metadata, args.targets) as url:
        error = walk(args, gh, home, url)
        kept = list(pathlib.Path(home).glob(".cache/gh/.sigstore/root/*/root.json"))
        root = peer.trusted_version(kept[0]) if kept else None
    return peer.verdict(client, args, root, error, TARGET if args.target == TARGET else None)


def walk(args: argparse.Namespace, gh: pathlib.Path, home: str, url: str) -> str | None:
    """Refreshes and downloads; returns what the client said where it refused."""
    # Without a proxy that answers, nothing but a loopback address can be reached; Go never asks a proxy for those.
    nowhere = "http://127.0.0.1:1"
    environment = {"HOME": home, "PATH": "/usr/bin:/bin", "GH_NO_UPDATE_NOTIFIER": "1", "GH_TELEMETRY": "false"}
    environment |= {"HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}
    call = [gh, "attestation", "trusted-root", "--verify-only", "--tuf-url", url.rstrip("/"), "--tuf-root", args.root]
    ended = run(call, environment)
    said = ended.stderr.strip()
    if ended.returncode == 0:
        return None
    refreshed = f"failed to download target file {TARGET}" in said or f"target {TARGET} not found" in said
    return None if refreshed and args.target != TARGET else said


def run(call: list, environment) -> subprocess.CompletedProcess:
    return subprocess.run(call, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def enter_empty_network() -> None:
    """Starts this program again inside a network namespace of its own, where the kernel lets us have one."""
    if ALONE in os.environ:
        bring_loopback_up()
        return
    alone = ["unshare", "--net", "--map-root-user"]
    try:
        allowed = subprocess.run([*alone, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if allowed:
        os.execvpe(alone[0], [*alone, sys.executable, *sys.argv], os.environ | {ALONE: "1"})


def bring_loopback_up() -> None:
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, get_flags, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(control, set_flags, struct.pack("16sh14x", b"lo", flags | up))


if __name__ == "__main__":
    sys.exit(main())
