#!/usr/bin/env python3
"""Puts shares of an officiant backup together again. Needs Python 3 and nothing else.

  recover.py identity SHARE SHARE...  > identity.txt     each SHARE a file: the rows of a page, or the text of its QR code
  recover.py file CODES               > backup.age       CODES a file: the texts of the sealed file's QR codes, one a line
  recover.py rows SIZE ROWS           > backup.age       ROWS a file: the typed rows of the sealed file, SIZE its length in bytes

Then: age -d -i identity.txt -o key.pem backup.age

Where the file says "officiant wrapped key 1" in its first line:

  recover.py kek SHARE SHARE...       > kek.txt          as identity
  recover.py wrapped FILE             > wrapped.bin      FILE the file of the wrapped key
  recover.py bare KEY                 > key.der          KEY what openssl unwrapped, without what a token filled it up with

Then: openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K $(cat kek.txt) -in wrapped.bin -out filled.der
"""
import base64
import hashlib
import sys

LETTERS = "2345678CFHJMPRVX"
KINDS = {1: ("identity", b"officiant set 1:"), 2: ("kek", b"officiant kek 1:")}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def read_row(text, name, number, context=b""):
    letters = [c for c in text.upper() if c not in " -.\t\r\n"]
    for c in letters:
        if c not in LETTERS:
            sys.exit(f"row {number}: there is no {c!r} on these pages")
    if len(letters) % 2 or len(letters) < 6:
        sys.exit(f"row {number}: a letter is missing, or there is one too many")
    row = bytes(16 * LETTERS.index(a) + LETTERS.index(b) for a, b in zip(letters[::2], letters[1::2]))
    data, check = row[:-2], row[-2:]
    if sha256(b"%s %d:" % (name, number), context, data)[:2] != check:
        sys.exit(f"row {number}: some letter of it is another one")
    return data


def read_share(path):
    text = open(path).read().strip()
    begins = "OFFICIANT-SHARE-1:"
    if text.startswith(begins):
        text = text[len(begins):]
        rows = [text[at:at + 20] for at in range(0, len(text), 20)]
    else:
        rows = [line for line in text.splitlines() if line.strip()]
    record = b""
    for number, row in enumerate(rows, 1):
        record += read_row(row, b"officiant share row", number, record[:8 * min(number - 1, 2)])
    if len(record) != 64 or sha256(b"officiant share 1:", record[:60])[:4] != record[60:]:
        sys.exit(f"{path}: the rows are not those of one page")
    if record[0] not in KINDS:
        sys.exit(f"{path}: version {record[0]} is not known here")
    return record


def times(a, b):
    """Multiplies in GF(256) with the polynomial x^8 + x^4 + x^3 + x + 1."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << bit - 8
    return product


def inverse(a):
    return next(b for b in range(1, 256) if times(a, b) == 1)


def at_zero(points):
    """The value at 0 of the polynomial of lowest degree through the points (Lagrange)."""
    value = 0
    for x, y in points:
        for other, _ in points:
            if other != x:
                y = times(y, times(other, inverse(other ^ x)))
        value ^= y
    return value


def bech32(prefix, data):
    """BIP 173, without its limit of length."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[at:at + 5], 2) for at in range(0, len(bits), 5)]
    check = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values + [0] * 6:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                check ^= generator
    check ^= 1
    values += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return prefix + "1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[value] for value in values)


def together(wanted, paths):
    shares = [read_share(path) for path in paths]
    first = shares[0]
    kind, name = KINDS[first[0]]
    if any(share[:3] + share[4:16] != first[:3] + first[4:16] for share in shares):
        sys.exit("the shares are not all of one set")
    if len({share[3] for share in shares}) != len(shares):
        sys.exit("a share is there twice")
    if len(shares) < first[1]:
        sys.exit(f"{first[1]} shares are needed, and {len(shares)} are here")
    secret = bytes(at_zero([(share[3], share[28 + at]) for share in shares]) for at in range(32))
    if sha256(name, secret)[:6] != first[4:10]:
        sys.exit("the shares do not give the secret of their set: one of them is not what was made")
    if kind != wanted:
        sys.exit(f"these shares do not give that: use recover.py {kind}")
    print(f"set {first[4:10].hex()}, key {first[10:16].hex()}...", file=sys.stderr)
    return secret


def wrapped_key(path):
    lines = open(path).read().splitlines()
    if lines[0] != "officiant wrapped key 1":
        sys.exit("this is no file of a wrapped key")
    begin, end = (lines.index(f"-----{word} WRAPPED KEY-----") for word in ("BEGIN", "END"))
    sys.stdout.buffer.write(base64.b64decode("".join(lines[begin + 1:end])))


def bare_key(path):
    """The first DER value of a file: some tokens put zeros behind it."""
    der = open(path, "rb").read()
    long = der[1] - 128 if der[1] > 128 else 0
    length = int.from_bytes(der[2:2 + long], "big") if long else der[1]
    sys.stdout.buffer.write(der[:2 + long + length])


def sealed_file(path):
    parts, known = {}, None
    for line in filter(None, map(str.strip, open(path))):
        name, place, digest, data = line.upper().split(":")
        number, count = map(int, place.split("/"))
        if name != "OFFICIANT-FILE-1" or known not in (None, (count, digest)):
            sys.exit(f"no code of this file: {line[:40]}")
        known = count, digest
        parts[number] = bytes.fromhex(data)
    missing = [number for number in range(1, known[0] + 1) if number not in parts]
    if missing:
        sys.exit(f"codes are missing: {missing}")
    whole = b"".join(parts[number] for number in sorted(parts))
    if not hashlib.sha256(whole).hexdigest().upper().startswith(known[1]):
        sys.exit("the file is not the one that the codes name")
    sys.stdout.buffer.write(whole)


def sealed_rows(size, path):
    rows = [line for line in open(path).read().splitlines() if line.strip()]
    whole = b"".join(read_row(row, b"officiant file row", number) for number, row in enumerate(rows, 1))
    if len(whole) != int(size):
        sys.exit(f"the rows give {len(whole)} bytes")
    sys.stdout.buffer.write(whole)


match sys.argv[1:]:
    case ["identity", _, _, *_]:
        print(bech32("age-secret-key-", together("identity", sys.argv[2:])).upper())
    case ["kek", _, _, *_]:
        print(together("kek", sys.argv[2:]).hex())
    case ["wrapped", path]:
        wrapped_key(path)
    case ["bare", path]:
        bare_key(path)
    case ["file", path]:
        sealed_file(path)
    case ["rows", size, path]:
        sealed_rows(size, path)
    case _:
        sys.exit(__doc__)
