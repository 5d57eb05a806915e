//! Our verifier against repositories and verdicts of other programs, read in place from `../shared/vectors`.

use std::{fs, path::PathBuf};

use officiant::tuf::{Dialect, Root, Untrusted, Verified, first_root, next_root};

fn vectors() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    path.is_dir().then_some(path)
}

fn root(bytes: &[u8]) -> Untrusted<Root> {
    Untrusted::parse(Dialect::Tuf1, bytes).expect("a root")
}

#[test]
fn sigstores_roots_are_walked_from_1_to_15() {
    let Some(vectors) = vectors() else { return println!("skipped: no ../shared/vectors") };
    let read = |n: u32| fs::read(vectors.join(format!("public/sigstore-root-chain/{n}.root.json"))).expect("a root");
    let mut trusted: Verified<Root> = first_root(root(&read(1))).expect("root 1");
    for n in 2..=15 {
        trusted = next_root(&trusted, root(&read(n))).unwrap_or_else(|refusal| panic!("root {n}: {refusal}"));
    }
    assert_eq!(trusted.document().version, 15);
}
