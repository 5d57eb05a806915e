//! A thousand payloads signed on one soft token: through the engine's token path, and by a bare loop of `C_Sign` and a
//! verification in software. Same process, same token, same key, same payloads, in turns.

use std::{ops::ControlFlow, path::Path, sync::Arc, time::Instant};

use cryptoki::{
    context::Pkcs11,
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::Session,
};
use officiant::{
    digest::Digest,
    readback::{Blind, ReadBack, Reviewed, Signable, WORDS_OF_DIGEST},
    token::{
        Key, KeyAlgorithm, KeySelector, PublicKey, Token,
        pkcs11::{Pkcs11Token, rehearsal::Rehearsal},
    },
    tuf::Dialect,
};
use p256::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use rustix::time::ClockId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    measure::{self, Spent, used},
    place::Place,
    support,
    table::{self, Series, figure},
    tuf_support::{Signer, root},
};

const PAYLOADS: usize = 1000;
const WAYS: [&str; 4] = [
    "bare loop: C_Sign, verify",
    "engine: sign_batch over reviewed payloads",
    "engine: the same, with the read-backs compared",
    "engine: find the key, sign, one payload after the other",
];

pub fn run(place: &Place, rounds: usize) {
    let folder = place.disk().join("sign");
    let rehearsal = Rehearsal::prepare(&folder, None).expect("SoftHSM is installed");
    let (name, value) = rehearsal.environment();
    let rounds = rounds * 2;
    let told = Spent::by(place.myself("sign-in-process").arg(&folder).arg(rounds.to_string()).env(name, value)).stdout;
    let told: Value = serde_json::from_slice(&told).expect("a line of JSON");
    let series = |way: usize, what: &str| {
        let mut series = Series::default();
        told[WAYS[way]][what].as_array().into_iter().flatten().filter_map(Value::as_f64).for_each(|us| series.add(us));
        series
    };
    let (bare, bare_cpu) = (series(0, "wall"), series(0, "cpu"));
    let rows: Vec<_> = (0..WAYS.len())
        .map(|way| {
            let (wall, cpu) = (series(way, "wall"), series(way, "cpu"));
            let mut row = vec![WAYS[way].to_owned()];
            row.extend(wall.cells().into_iter().chain(cpu.cells()));
            let ratios = [wall.min() / bare.min(), wall.median() / bare.median(), cpu.median() / bare_cpu.median()];
            row.extend(ratios.map(figure));
            row
        })
        .collect();
    let head = [
        "per signature",
        "µs, minimum",
        "µs, median",
        "CPU µs, minimum",
        "CPU µs, median",
        "ratio of minima",
        "ratio of medians",
        "ratio of CPU medians",
    ];
    let title =
        format!("{PAYLOADS} signatures on SoftHSM, P-256, payloads of {} bytes ({rounds} rounds)", told["bytes"]);
    table::print(&title, &head, &rows);
}

/// The child: signs in turns, in every way, and tells microseconds per signature.
pub fn in_process(folder: &Path, rounds: usize) {
    let rehearsal = Rehearsal::again(folder, None).expect("the parent prepared it");
    let mut token = support::prepared(&rehearsal, "bench");
    support::login(&mut token);
    let key = support::generate(&mut token, KeyAlgorithm::P256, "bench");
    let payloads = payloads();
    let reviewed: Vec<Signable> = payloads.iter().map(review).collect();
    let bare = Bare::of(&token, &key);

    let mut figures: [[Vec<f64>; 2]; 4] = Default::default();
    for round in 0..=rounds {
        for (way, [wall, cpu]) in figures.iter_mut().enumerate() {
            let (begun, used) = (Instant::now(), used(ClockId::ThreadCPUTime));
            let signed = match way {
                0 => bare.sign_all(&payloads),
                1 => batch(&mut token, &key, &reviewed),
                2 => batch(&mut token, &key, &payloads.iter().map(review).collect::<Vec<_>>()),
                _ => one_by_one(&mut token, &key, &reviewed),
            };
            assert_eq!(signed, PAYLOADS);
            // The first round warms everything up.
            if round > 0 {
                wall.push(begun.elapsed().as_secs_f64() * 1e6 / PAYLOADS as f64);
                cpu.push((measure::used(ClockId::ThreadCPUTime) - used) * 1e6 / PAYLOADS as f64);
            }
        }
    }
    let mut told = json!({"bytes": payloads[0].len()});
    for (way, [wall, cpu]) in WAYS.iter().zip(figures) {
        told[way] = json!({"wall": wall, "cpu": cpu});
    }
    println!("{told}");
}

/// The bytes of a thousand roots.
fn payloads() -> Vec<Arc<[u8]>> {
    let officers = [1, 2, 3].map(Signer::p256);
    let of = |version: usize| root(version as u64, 2, &officers.each_ref());
    (1..=PAYLOADS).map(|version| Arc::from(Dialect::Tuf1.signed_bytes(&of(version)))).collect()
}

fn review(payload: &Arc<[u8]>) -> Signable {
    let blind = Blind::new(Digest::of(payload), WORDS_OF_DIGEST, 0);
    let read_back = ReadBack { supplied: blind.answer(), blind };
    Signable::Reviewed(Reviewed::new(Arc::clone(payload), Digest::of(payload), &read_back).expect("the right words"))
}

fn batch(token: &mut Pkcs11Token, key: &Key, payloads: &[Signable]) -> usize {
    let mut signatures = vec![];
    token
        .sign_batch(key, payloads, None, &mut |_, signature| {
            signatures.push(signature);
            ControlFlow::Continue(())
        })
        .expect("the token signs");
    signatures.len()
}

fn one_by_one(token: &mut Pkcs11Token, key: &Key, payloads: &[Signable]) -> usize {
    let wanted = KeySelector::Public(key.public.clone());
    let mut sign = |payload| {
        let key = token.find_key(&wanted).expect("the key is there");
        token.sign(&key, payload, None).expect("the token signs")
    };
    payloads.iter().map(&mut sign).collect::<Vec<_>>().len()
}

/// What anybody would write first: a session, a handle, `C_Sign` over a SHA-256, and a verification.
pub struct Bare {
    session: Session,
    private: ObjectHandle,
    public: VerifyingKey,
}

impl Bare {
    pub fn of(token: &Pkcs11Token, key: &Key) -> Self {
        let module = Pkcs11::new(&token.identity().module.path).expect("the module is loaded");
        let slots = module.get_slots_with_token().expect("slots");
        let is_it = |slot: &cryptoki::slot::Slot| {
            module.get_token_info(*slot).is_ok_and(|info| info.serial_number() == token.identity().serial)
        };
        let slot = slots.into_iter().find(is_it).expect("the token is there");
        let session = module.open_rw_session(slot).expect("a session beside the other");
        let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(key.id.clone())];
        let private = session.find_objects(&wanted).expect("a search").remove(0);
        let PublicKey::P256(public) = key.public else { panic!("a P-256 key") };
        Self { session, private, public }
    }

    pub fn sign_all(&self, payloads: &[Arc<[u8]>]) -> usize {
        let sign = |payload: &Arc<[u8]>| {
            let digest = Sha256::digest(payload);
            let signature = self.session.sign(&Mechanism::Ecdsa, self.private, &digest).expect("the token signs");
            let parsed = Signature::from_slice(&signature).expect("two numbers");
            self.public.verify_prehash(&digest, &parsed).expect("a good signature");
            signature
        };
        payloads.iter().map(sign).collect::<Vec<_>>().len()
    }
}
