"""Walks a long chain of roots with python-tuf.

    python_tuf.py memory DIR WALKS    the roots of DIR from memory, in TrustedMetadataSet; tells how long each walk took
    python_tuf.py updater DIR WALKS   once, the whole client, which reads DIR itself; how long is measured from outside

An Updater follows 256 roots in one update; the limit is raised here.
"""

import json
import pathlib
import sys
import tempfile
import time
import urllib.parse

ROOTS = 1000


def main() -> None:
    how, folder, walks = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    if how == "updater":
        print(json.dumps({"root": update(folder)}))
    else:
        roots = [(folder / f"{n}.root.json").read_bytes() for n in range(1, ROOTS + 1)]
        reached, ms, cpu = zip(*(in_memory(roots) for _ in range(walks)))
        print(json.dumps({"root": reached[0], "ms": ms, "cpu": cpu}))


def in_memory(roots: list[bytes]) -> tuple[int, float, float]:
    from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
    from tuf.ngclient.config import EnvelopeType

    begun, used = time.perf_counter(), time.process_time()
    trusted = TrustedMetadataSet(roots[0], EnvelopeType.METADATA)
    for root in roots[1:]:
        trusted.update_root(root)
    return trusted.root.version, (time.perf_counter() - begun) * 1e3, (time.process_time() - used) * 1e3


def update(folder: pathlib.Path) -> int:
    from tuf.api.exceptions import DownloadHTTPError
    from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

    class FromDisk(FetcherInterface):
        def _fetch(self, url: str):
            try:
                return iter([pathlib.Path(urllib.parse.urlsplit(url).path).read_bytes()])
            except FileNotFoundError:
                raise DownloadHTTPError("no such file", 404)

    first = (folder / "1.root.json").read_bytes()
    with tempfile.TemporaryDirectory() as state:
        updater = Updater(
            state, folder.as_uri(), fetcher=FromDisk(), config=UpdaterConfig(max_root_rotations=ROOTS + 1), bootstrap=first
        )
        updater.refresh()
        reached = json.loads((pathlib.Path(state) / "root.json").read_bytes())["signed"]["version"]
    if reached != ROOTS:
        sys.exit(f"reached root {reached}")
    return reached


main()
