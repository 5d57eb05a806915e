#!/usr/bin/env python3
"""Completes the output of a root ceremony into a whole repository, with python-tuf's own writer, so that clients can refresh.

    complete.py --roots DIR --key ONLINE.pem [--key …] --out DIR [--target NAME=FILE …] [--version N] [--days N] [--now TIME]

DIR holds the signed roots, `1.root.json`, `2.root.json`, …; they are copied byte for byte. The newest names the keys of the
online roles: each role is signed by every given private key (PKCS#8 PEM, no passphrase) that it names, so a key may serve one
role or all of them. OUT gets `metadata/` and `targets/`. A target `hello.txt` is always there, and `trusted_root.json`, the one
name that go-tuf's front end asks for. Exit code 0, or 1 with the reason.
"""

import argparse
import datetime
import hashlib
import pathlib
import sys

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner, Key
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

ALWAYS = {"hello.txt": b"hello\n", "trusted_root.json": b"{}\n"}


def main() -> int:
    args = command_line()
    metadata, targets = args.out / "metadata", args.out / "targets"
    metadata.mkdir(parents=True)
    targets.mkdir()
    root = copied_roots(args.roots, metadata)
    signers = [load_pem_private_key(key.read_bytes(), None) for key in args.key]
    repository = Repository(root, signers, metadata, targets, args.version, args.now + datetime.timedelta(days=args.days))
    repository.write(ALWAYS | dict(args.target))
    return 0


def command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="complete signed roots into a whole repository")
    parser.add_argument("--roots", type=pathlib.Path, required=True)
    parser.add_argument("--key", type=pathlib.Path, action="append", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--target", type=named_file, action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--version", type=int, default=1, help="of timestamp, snapshot and targets")
    parser.add_argument("--days", type=int, default=7, help="until they expire")
    parser.add_argument("--now", type=utc, default=datetime.datetime.now(datetime.timezone.utc), metavar="TIME")
    return parser.parse_args()


def named_file(text: str) -> tuple[str, bytes]:
    name, _, file = text.partition("=")
    return name, pathlib.Path(file).read_bytes()


def utc(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def copied_roots(source: pathlib.Path, metadata: pathlib.Path) -> Root:
    """Copies every signed root and gives the newest."""
    files = sorted(source.glob("*.root.json"), key=lambda file: int(file.name.split(".")[0]))
    if not files:
        sys.exit(f"{source} holds no N.root.json")
    for file in files:
        (metadata / file.name).write_bytes(file.read_bytes())
    return Metadata[Root].from_bytes(files[-1].read_bytes()).signed


class Repository:
    """Writes the online roles that one root asks for."""

    def __init__(self, root: Root, keys: list, metadata: pathlib.Path, targets: pathlib.Path, version: int, expires):
        self.root, self.keys, self.version, self.expires = root, keys, version, expires.replace(microsecond=0)
        self.metadata, self.targets = metadata, targets

    def write(self, contents: dict[str, bytes]) -> None:
        targets = Targets(version=self.version, expires=self.expires)
        for name, content in contents.items():
            targets.targets[name] = self.write_target(name, content)
        self.sign("targets", targets)
        snapshot = Snapshot(version=self.version, expires=self.expires, meta={"targets.json": MetaFile(self.version)})
        self.sign("snapshot", snapshot)
        timestamp = Timestamp(version=self.version, expires=self.expires, snapshot_meta=MetaFile(self.version))
        self.sign("timestamp", timestamp)

    def write_target(self, name: str, content: bytes) -> TargetFile:
        file = TargetFile.from_data(name, content, ["sha256"])
        folder, _, base = name.rpartition("/")
        digest = hashlib.sha256(content).hexdigest()
        places = [name]
        if self.root.consistent_snapshot:
            # The specification puts the digest before the file's name, tough before the whole path.
            places = [f"{folder}/{digest}.{base}".lstrip("/"), f"{digest}.{name}"]
        for place in places:
            path = self.targets / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return file

    def sign(self, role: str, signed) -> None:
        whole = Metadata(signed)
        signers = self.signers(role)
        if len(signers) < self.root.roles[role].threshold:
            sys.exit(f"{role}: {len(signers)} of the given keys may sign it, {self.root.roles[role].threshold} are needed")
        for signer in signers:
            whole.sign(signer, append=True)
        versioned = self.root.consistent_snapshot and role != "timestamp"
        name = f"{self.version}.{role}.json" if versioned else f"{role}.json"
        whole.to_file(str(self.metadata / name), JSONSerializer())

    def signers(self, role: str) -> list[CryptoSigner]:
        named = [self.root.keys[keyid] for keyid in self.root.roles[role].keyids]
        return [CryptoSigner(private, key) for key in named for private in self.keys if raw(private.public_key()) == raw_of(key)]


def raw(public) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def raw_of(key: Key) -> bytes:
    """A metadata key as DER; an Ed25519 key stands in metadata as bare hex."""
    text = key.keyval["public"]
    if text.startswith("-----BEGIN"):
        return raw(load_pem_public_key(text.encode()))
    ed25519_head = bytes.fromhex("302a300506032b6570032100")
    return ed25519_head + bytes.fromhex(text)


if __name__ == "__main__":
    sys.exit(main())
