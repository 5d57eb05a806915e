//! Docker Content Trust from genesis on: each ceremony on SoftHSM, published by the courier to Debian's Notary server, and judged
//! by the stock client, with a fresh and with an old trust directory.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use dct_support::{GUNS, Publisher, canonical_id, keyed, people, pin};
use peers::notary::{self, Keys};
use support::on_softhsm;

const ANA: (&str, &str, &str) = ("ana-1", "41-rehearsal-ana", "82-rehearsal-kai-0");
const BO: (&str, &str, &str) = ("bo-1", "42-rehearsal-bo-", "81-rehearsal-kai-1");

#[test]
fn a_publisher_lives_through_genesis_theft_and_a_new_officer() {
    let test = "a_publisher_lives_through_genesis_theft_and_a_new_officer";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let manifest = publisher.collect(&GUNS, "dct-new");
        let text = pin(&publisher.script("dct-genesis", &[]), "dct-new", manifest);
        let genesis = publisher.hold("genesis", &text, people("dct-genesis", &[]));
        publisher.publishes(&genesis.place);
        let early = publisher.client("early");
        for gun in GUNS {
            assert_eq!(early.list(gun).expect("a client that meets it"), Vec::<String>::new());
        }

        // The tagging key is stolen. Nothing was tagged yet that could be judged.
        let ids = |text: String, aliases: &[&str]| {
            aliases.iter().fold(text, |text, alias| keyed(&text, alias, &canonical_id(&genesis, alias)))
        };
        let manifest = publisher.collect(&GUNS, "dct-today");
        let before = publisher.collect(&GUNS, "dct-before");
        let text = publisher.script("dct-rotate-tagging-key", &[]);
        let text = pin(&pin(&text, "dct-today", manifest), "dct-before", before);
        let text = ids(text, &["ana-1", "bo-1", "cem-1"]);
        let rotation = publisher.hold("rotation", &text, people("dct-rotate-tagging-key", &[ANA, BO]));
        publisher.publishes(&rotation.place);
        let fresh = publisher.client("fresh");
        for gun in GUNS {
            for client in [&early, &fresh] {
                assert_eq!(client.list(gun).expect("a client that follows"), Vec::<String>::new());
            }
        }
    });
}
