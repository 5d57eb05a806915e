//! A long chain of roots, as long as a walk follows; how fast is asked by the benchmarks.

mod tuf_support;

use officiant::{
    rules::Rule,
    tuf::{Dialect, walk, walk::Files},
};
use tuf_support::{NOW, Signer, at, root, signed};

/// Roots of which each replaces one of three keys, signed by all four officers.
fn chain(length: usize) -> Files {
    let signers: Vec<Signer> = (0..length as u32 + 3).map(Signer::p256).collect();
    let file = |n: usize| {
        let (a, b, c, d) = (&signers[n - 1], &signers[n], &signers[n + 1], &signers[n + 2]);
        (format!("{n}.root.json"), signed(&root(n as u64, 2, &[b, c, d]), &[a, b, c, d]))
    };
    (1..=length).map(file).collect()
}

#[test]
fn a_chain_of_a_thousand_roots_is_walked_to_its_end() {
    let files = chain(1000);
    let walk = walk(Dialect::Tuf1, &files["1.root.json"], &files, at(NOW));
    assert_eq!((walk.root_version, walk.refusal), (1000, None));
}

#[test]
fn a_chain_is_followed_up_to_the_root_before_the_bad_one_wherever_it_stands() {
    let good = chain(140);
    for bad in [2usize, 3, 64, 65, 66, 130, 140] {
        let mut files = good.clone();
        let unsigned = root(
            bad as u64,
            2,
            &[&Signer::p256(bad as u32), &Signer::p256(bad as u32 + 1), &Signer::p256(bad as u32 + 2)],
        );
        files.insert(format!("{bad}.root.json"), signed(&unsigned, &[&Signer::p256(bad as u32)]));
        let walk = walk(Dialect::Tuf1, &files["1.root.json"], &files, at(NOW));
        assert_eq!(
            (walk.root_version, walk.refusal.map(|refusal| refusal.rule)),
            (bad as u64 - 1, Some(Rule::RootTallyOld))
        );
        files.insert(format!("{bad}.root.json"), b"{".to_vec());
        files.insert("139.root.json".into(), b"{".to_vec());
        let walk = officiant::tuf::walk(Dialect::Tuf1, &files["1.root.json"], &files, at(NOW));
        let stopped = bad.min(139) as u64 - 1;
        assert_eq!(
            (walk.root_version, walk.refusal.map(|refusal| refusal.rule)),
            (stopped, Some(Rule::MetadataWellFormed))
        );
    }
}

#[test]
fn a_client_that_is_more_than_256_roots_behind_is_warned_of() {
    let files = chain(258);
    let notes = |trusted: &str| walk(Dialect::Tuf1, &files[trusted], &files, at(NOW)).notes;
    assert_eq!(notes("2.root.json"), Vec::<String>::new());
    assert!(notes("1.root.json")[0].contains("257 roots behind"));
}
