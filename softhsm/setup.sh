# shellcheck shell=bash
# What softhsm/rehearse and tests/run share: is the toolchain new enough, and which Debian packages are missing.
# Sourced, not run; `root` is the folder of the checkout.

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

# Ends with a clear message where cargo or rustc is missing or older than rust-version in Cargo.toml.
check_toolchain() {
  local wanted found advice
  wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$root/Cargo.toml")
  advice="Install Rust $wanted or newer with rustup (Debian 13: apt-get install rustup; rustup default stable). Debian's own rustc is older."
  command -v cargo >/dev/null && command -v rustc >/dev/null || die "cargo and rustc are not to be found in PATH. $advice"
  found=$(rustc --version 2>/dev/null | cut -d' ' -f2) || true
  [ -n "$found" ] || die "rustc is installed but has no toolchain. Run: rustup default stable"
  [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)" = "$wanted" ] ||
    die "rustc $found is too old. $advice"
}

# install PACKAGE:HOW-TO-TELL:WHY ...   Installs by apt what is missing, says what and why, touches nothing otherwise.
# HOW-TO-TELL is a command's name, or a shell glob of a file that the package brings.
install_missing() {
  local line package tell why missing=() sudo=()
  for line in "$@"; do
    IFS=: read -r package tell why <<<"$line"
    if command -v "$tell" >/dev/null || compgen -G "$tell" >/dev/null; then continue; fi
    say "missing: $package ($why)"
    # One entry may name several packages.
    read -ra more <<<"$package"
    missing+=("${more[@]}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "this is no Debian: install by hand what is named above"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "run as root: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  say "installing with apt-get: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq -o DPkg::Lock::Timeout=300 &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o DPkg::Lock::Timeout=300 "${missing[@]}" >&2 </dev/null || die "apt-get could not install: ${missing[*]}"
}
