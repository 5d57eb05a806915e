//! Not a benchmark: the chain that the benchmark verifies is verified at all.

mod tuf_support;

use officiant::tuf::{Dialect, walk, walk::Files};
use tuf_support::{NOW, Signer, at, root, signed};

#[test]
fn a_chain_of_a_thousand_roots_is_walked_to_its_end() {
    let signers: Vec<Signer> = (0..1010).map(Signer::p256).collect();
    let mut files = Files::new();
    for n in 1..=1000usize {
        let (a, b, c, d) = (&signers[n - 1], &signers[n], &signers[n + 1], &signers[n + 2]);
        files.insert(format!("{n}.root.json"), signed(&root(n as u64, 2, &[b, c, d]), &[a, b, c, d]));
    }
    let start = std::time::Instant::now();
    let walk = walk(Dialect::Tuf1, &files["1.root.json"], &files, at(NOW));
    println!("{:?}", start.elapsed());
    assert_eq!((walk.root_version, walk.refusal), (1000, None));
}
