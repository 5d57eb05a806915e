"""Runs every Rust test in a process of its own and counts them; called by tests/run.

    run_tests.py COUNTS yes|no FEATURES        yes: also the tests marked #[ignore]

A PKCS#11 module is initialised once per process and reads its configuration from the environment, so tests may not share one.
cargo-nextest does that; where it is not installed, the test programs are run here, one test after another. A passing test
that printed a line "skipped: …" is listed and counted as skipped. COUNTS receives "passed failed skipped".
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

# The program, and the test rig that has tests of its own.
PACKAGES = ["--package=officiant", "--package=virtual-yubikey"]

# A test program that runs on one thread has begun the line with the test's name.
SAID_SKIPPED = re.compile(r"^(?:test \S+ \.\.\. )?((?:skipped|not run): .*)$", re.MULTILINE)


def main() -> int:
    counts, ignored = pathlib.Path(sys.argv[1]), sys.argv[2] == "yes"
    run = with_nextest if has_nextest() else one_by_one
    passed, failed, notes = run(ignored, ["--features", sys.argv[3]])
    skipped = {test for test, note in notes if note.startswith("skipped")}
    for note in sorted({note for _, note in notes}):
        tests = sorted({test for test, said_it in notes if said_it == note})
        print(f"{note}\n    in {', '.join(tests)}")
    counts.write_text(f"{passed - len(skipped)} {failed} {len(skipped)}\n")
    return 0 if failed == 0 and passed > 0 else 1


def has_nextest() -> bool:
    return subprocess.run(["cargo", "nextest", "--version"], capture_output=True).returncode == 0


def with_nextest(ignored: bool, features: list[str]):
    # nextest keeps its reports below the workspace, wherever the target folder is.
    report = pathlib.Path("target/nextest/default/junit.xml")
    report.unlink(missing_ok=True)
    call = ["cargo", "nextest", "run", "--locked", "--no-tests=fail", "--cargo-quiet", *PACKAGES, *features]
    ended = subprocess.run([*call, *(["--run-ignored=all"] if ignored else [])]).returncode
    if not report.exists():
        return 0, 1, []
    passed, failed, notes = 0, 0, []
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')} {case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            continue
        passed += 1
        notes += said(name, "\n".join(part.text or "" for part in case if part.tag in ("system-out", "system-err")))
    # A run that ended badly without a failed test (killed, say) has not passed.
    return passed, failed or int(ended != 0), notes


def one_by_one(ignored: bool, features: list[str]):
    print("cargo-nextest is not installed: one process a test, one after another")
    build = ["cargo", "test", "--locked", "--quiet", "--no-run", "--message-format=json-render-diagnostics", *PACKAGES, *features]
    built = subprocess.run(build, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        return 0, 1, []
    passed, failed, notes = 0, 0, []
    for program in test_programs(built.stdout):
        for test in listed(program, ignored):
            name = f"{pathlib.Path(program).name.rsplit('-', 1)[0]} {test}"
            call = [program, "--exact", test, "--nocapture", "--include-ignored"]
            # As cargo would call it.
            manifest = os.environ | {"CARGO_MANIFEST_DIR": os.getcwd()}
            ended = subprocess.run(call, env=manifest, capture_output=True, text=True, errors="replace")
            output = ended.stdout + ended.stderr
            if ended.returncode == 0:
                passed += 1
                notes += said(name, output)
            else:
                failed += 1
                print(f"FAILED {name}\n{output}")
    print(f"test result: {'ok' if failed == 0 else 'FAILED'}. {passed} passed; {failed} failed")
    return passed, failed, notes


def test_programs(messages: str) -> list[str]:
    artifacts = [json.loads(line) for line in messages.splitlines() if line.startswith("{")]
    return [a["executable"] for a in artifacts if a.get("profile", {}).get("test") and a.get("executable")]


def listed(program: str, ignored: bool) -> list[str]:
    def names(*more: str) -> list[str]:
        out = subprocess.run([program, "--list", "--format", "terse", *more], capture_output=True, text=True, check=True).stdout
        return [line.removesuffix(": test") for line in out.splitlines() if line.endswith(": test")]

    slow = set(names("--ignored"))
    return [name for name in names() if ignored or name not in slow]


def said(name: str, output: str):
    return [(name, match.group(1)) for match in SAID_SKIPPED.finditer(output)]


if __name__ == "__main__":
    sys.exit(main())
