//! A room that goes through a script by itself: people who answer, and tokens that sign, in memory.

use std::{collections::BTreeMap, sync::Arc};

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};

use crate::{
    ceremony::{
        Ceremony, Pending,
        event::{Event, LeftOut, Mode, Program, Stamp},
        metadata,
        operation::{Operation, Outcome, SeenToken, Trouble},
        participants::{Alias, PersonId},
        prompt::{Answer, AsideKind, Input, Prompt, Scene, SlowHash},
        repositories::{
            leaving,
            pack::{self, Inputs},
        },
        script::{Script, read},
        words,
    },
    device::{KeyAttributes, ModuleIdentity, TokenIdentity},
    digest::Digest,
    fault::{Fault, FaultKind},
    machine::{Device, Interface, MachineFacts},
    rules::{Refusal, Rule},
    transcript,
    transfer::{Bundle, Gun},
    tuf::{
        Dialect,
        key::{Key, PublicKey, RawSignature},
        verify::VerifiedSignature,
    },
    utc::Utc,
};

/// The script of the paper tests, with the keyid of the online key filled in.
pub fn genesis() -> Arc<Script> {
    let text = include_str!("../../../tests/paper/genesis.toml");
    script(&text.replace("@KEYID@", key_of("online").id().as_str()))
}

/// The script that follows it, on the root that `genesis` left.
pub fn rotation(genesis: &Ceremony) -> (Arc<Script>, Vec<u8>) {
    let root = metadata::leaving(genesis).expect("the genesis was signed").remove(0);
    let text = include_str!("../../../tests/paper/rotate-root.toml");
    (script(&text.replace(&"1".repeat(64), &Digest::of(&root.bytes).to_string())), root.bytes)
}

/// The script of a first ceremony about so many repositories.
pub fn many(repositories: usize) -> Arc<Script> {
    let text = include_str!("../../../tests/paper/dct-genesis.toml");
    script(&text.replace("repositories = 3", &format!("repositories = {repositories}")))
}

/// A server's repositories before there is anything in them.
pub fn blank_repositories(count: usize) -> Vec<Inputs> {
    let key = |name: &str| serde_json::to_string(&in_dialect(Dialect::Notary, name)).expect("a key is JSON");
    let files = |number: usize| {
        [
            ("snapshot.key".to_owned(), key(&format!("snapshot {number}"))),
            ("timestamp.key".to_owned(), key(&format!("timestamp {number}"))),
        ]
    };
    let gun = |number: usize| Gun::parse(&format!("docker.io/example/app-{number:05}")).expect("a name");
    let repository = |number| Inputs { gun: gun(number), files: files(number).into(), before: BTreeMap::new() };
    (0..count).map(repository).collect()
}

/// The script that takes a stolen tagging key out of these repositories; `elsewhere` is whether the owner of the new one signs
/// somewhere else.
pub fn theft(elsewhere: bool) -> Arc<Script> {
    let text = include_str!("../../../tests/paper/dct-rotate-tagging-key.toml");
    let mut text = text.to_owned();
    for alias in ["ana-1", "bo-1", "chi-1"] {
        text = text.replace(&format!("@{alias}@"), in_dialect(Dialect::Notary, alias).id().as_str());
    }
    if elsewhere {
        let key = in_dialect(Dialect::Notary, "online");
        let (made, signs) =
            ("  { do = \"generate-key\", token = \"tag-2\" },\n", "  { do = \"sign\", token = \"tag-2\" },\n");
        text = text.replace(made, "").replace(signs, "");
        text = text.replace("  { do = \"prepare-token\", token = \"tag-2\", minutes = 10 },\n", "");
        text = text.replace("  { do = \"drill-token\", token = \"tag-2\" },\n", "  { do = \"import-keys\" },\n");
        text = text.replace(", \"tag-2\"]", "]").replace("keys = [\"tag-2\"]", "keys = [\"release\"]");
        text = text.replace(
            "[tags]\n",
            &format!(
                "[[key]]\nname = \"release\"\nowner = \"Example release engineering\"\nfile = \"release.pem\"\nkeyid = \"{}\"\nheld-by-server = true\n\n[tags]\n",
                key.id()
            ),
        );
    }
    script(&text)
}

pub fn script(text: &str) -> Arc<Script> {
    Arc::new(read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")))
}

const MANIFEST: &[u8] = b"the manifest of the collection";
const MANIFEST_BEFORE: &[u8] = b"the manifest of the earlier collection";

pub struct Room {
    pub ceremony: Ceremony,
    pub entries: Vec<(Stamp, Event)>,
    now: Utc,
    /// Who is absent.
    pub absent: Vec<&'static str>,
    /// Operations that fail the first time.
    pub fails: Vec<&'static str>,
    /// Repositories whose bundle no client would take.
    pub kept_back: Vec<&'static str>,
    /// The bytes of the previous root.
    pub previous: Vec<u8>,
    /// What was collected of many repositories.
    pub collection: Vec<Inputs>,
    /// What stands in the record beside the transcript.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What left, and the repositories as a server then holds them.
    pub left: Vec<(Bundle, Inputs)>,
}

impl Room {
    pub fn begin(script: &Arc<Script>, mode: Mode) -> Self {
        // What was collected is made up here, with manifests that the script pins.
        let mut pinned = Script::clone(script);
        if let Some(spec) = &mut pinned.repositories {
            spec.collection.manifest = Digest::of(MANIFEST);
            spec.before.iter_mut().for_each(|before| before.manifest = Digest::of(MANIFEST_BEFORE));
        }
        let mut room = Self {
            ceremony: Ceremony::begin(Arc::new(pinned)),
            entries: vec![],
            now: Utc::parse("2026-12-01T09:02:00Z").unwrap(),
            absent: vec![],
            fails: vec![],
            kept_back: vec![],
            previous: vec![],
            collection: vec![],
            files: BTreeMap::new(),
            left: vec![],
        };
        room.append(Event::Began {
            script: script.digest,
            title: script.title.clone(),
            program: Program {
                name: "officiant 0.1.0".into(),
                sha256: Digest::of(b"program"),
                trust: "shipped".into(),
                edition: 0,
            },
            mode,
            media: script.media.to_vec(),
            previous: None,
        });
        room
    }

    fn append(&mut self, event: Event) {
        let written = transcript::write(self.entries.last().map(|(stamp, _)| *stamp), self.now, &event)
            .expect("a line that can be read");
        self.ceremony.apply(written.stamp, &event);
        self.entries.push((written.stamp, event));
    }

    pub fn answer(&mut self, answer: &Answer) {
        match self.ceremony.decide_whole(answer, self.now) {
            Ok(decision) => {
                let files = decision.attachments.into_iter().map(|(name, bytes)| (name, bytes.to_vec()));
                self.files.extend(files);
                decision.events.into_iter().for_each(|event| self.append(event));
            }
            Err(refusal) => self.append(Event::Refused { refusal }),
        }
    }

    /// Goes on until `stop` or the end.
    pub fn play(&mut self, stop: impl Fn(&Ceremony) -> bool) {
        for _ in 0..20_000 {
            if stop(&self.ceremony) {
                return;
            }
            self.now = Utc::from_seconds(self.now.seconds() + 20).unwrap();
            match self.ceremony.pending() {
                Pending::Finished(_) | Pending::Paused => return,
                Pending::Ask(prompt) => {
                    let answer = self.says(&prompt);
                    self.answer(&answer);
                }
                Pending::InDoubt(operation) if operation.goes_on() => {
                    let answer = self.performs(&operation);
                    self.answer(&answer);
                }
                Pending::Do(operation) => {
                    self.append(Event::Intended { operation: operation.clone() });
                    let answer = self.performs(&operation);
                    self.answer(&answer);
                }
                Pending::InDoubt(operation) => panic!("in doubt: {}", operation.words()),
            }
        }
        panic!("the script does not come to an end: {:?}", self.entries.last());
    }

    /// Asks for something that the script does not foresee, and answers its questions.
    pub fn aside(&mut self, kind: AsideKind) {
        self.answer(&Answer::Aside(kind));
        let begun = self.entries.len();
        self.play(|ceremony| {
            ceremony.stamp().seq as usize >= begun
                && !matches!(ceremony.pending(), Pending::Ask(prompt) if is_aside(&prompt))
        });
    }

    fn says(&self, prompt: &Prompt) -> Answer {
        match (&prompt.input, &prompt.scene) {
            (Input::Word(choices), _) => {
                let absent = choices[0].word == "PRESENT" && self.absent.contains(&prompt.who[0].as_str());
                Answer::Word(choices[usize::from(absent)].word.into())
            }
            (Input::Text { label, .. }, _) if label == words::CLOCK_LABEL => Answer::Text(self.now.time_of_day()),
            (Input::Text { label, .. }, _) if label == words::SERIAL_TYPED => Answer::Text("000".into()),
            (Input::Text { label, .. }, _) => Answer::Text(format!("<b>A-{}</b> \u{202e}", label.len())),
            (Input::HiddenWords(_), Scene::ReadBack { blind, .. }) => Answer::HiddenWords(blind.answer()),
            (Input::Pick(_), _) => Answer::Picked(0),
            (Input::NewPersonalWord { person }, _) => {
                Answer::NewPersonalWord { salt: "5a17".into(), verifier: Digest::of(&slow_hash(person)) }
            }
            (Input::PersonalWord { person, .. }, _) => Answer::PersonalWord(SlowHash(slow_hash(person))),
            (Input::HiddenWords(_), scene) => panic!("hidden words of {scene:?}"),
        }
    }

    fn performs(&mut self, operation: &Operation) -> Answer {
        if let Some(at) = self.fails.iter().position(|words| operation.words() == *words) {
            self.fails.remove(at);
            let fault = Fault::new(FaultKind::TokenLost, operation.words(), "CKR_DEVICE_REMOVED");
            return Answer::Failed(Trouble::Fault(fault));
        }
        let dialect = self.ceremony.script().dialect;
        Answer::Done(Box::new(match operation {
            Operation::Preflight => Outcome::Machine(machine(self.now)),
            Operation::ReadInput { file, .. } if file.ends_with(".root.json") => {
                Outcome::Input { bytes: self.previous.clone(), with: None }
            }
            Operation::ReadInput { .. } => {
                Outcome::Input { bytes: key_of("online").public().to_spki_pem().unwrap().into_bytes(), with: None }
            }
            Operation::ReadFrames { .. } | Operation::ShowFrames { .. } => {
                panic!("no script of these tests has such a step")
            }
            Operation::StorePayload { .. } => Outcome::Stored,
            Operation::Export { .. } => Outcome::Exported { media: self.ceremony.media().to_vec() },
            Operation::FindTokens { alias } => Outcome::Tokens(vec![seen(alias, false)]),
            Operation::Initialise { alias, .. } => Outcome::Initialised(seen(alias, true)),
            Operation::SetUserPin { .. } => Outcome::UserPinSet { management_key: None },
            Operation::Generate { alias, .. } => Outcome::Generated {
                key: in_dialect(dialect, object(alias)),
                attributes: attributes(),
                attestation: None,
            },
            Operation::ImportKey { .. } | Operation::HandOverKey { .. } => panic!("these scripts have no key files"),
            Operation::MakeKey { .. }
            | Operation::TakeKey { .. }
            | Operation::LookAtToken { .. }
            | Operation::EraseToken { .. }
            | Operation::RestoreKey { .. }
            | Operation::OpenBackup { .. }
            | Operation::SealBackup { .. }
            | Operation::SealCopy { .. }
            | Operation::SealManagementKey { .. }
            | Operation::GiveShare { .. }
            | Operation::ReadMedium { .. }
            | Operation::Giving(_)
            | Operation::PutKey { .. }
            | Operation::CheckShare { .. }
            | Operation::Wrapping(_)
            | Operation::WipeKey { .. } => panic!("these scripts make no key in memory"),
            Operation::Open { alias, .. } => {
                Outcome::Opened { seen: seen(alias, true), key: in_dialect(dialect, object(alias)) }
            }
            Operation::Drill { alias, .. } | Operation::Sign { alias, .. } | Operation::SignHead { alias, .. } => {
                let signable = self.ceremony.signable(operation).expect("reviewed, or a challenge");
                let signature: Signature = signing_key(object(alias)).sign(signable.bytes());
                Outcome::Signed { seen: seen(alias, true), signature: RawSignature::new(signature.to_bytes().to_vec()) }
            }
            Operation::OpenCollection { before, .. } => Outcome::Collection {
                manifest: MANIFEST.into(),
                before: before.as_ref().map(|_| MANIFEST_BEFORE.into()),
                guns: self.collection.iter().map(|inputs| inputs.gun.clone()).collect(),
            },
            Operation::ReadRepositories { from, count, .. } => {
                let some = &self.collection[*from as usize..(*from + *count) as usize];
                Outcome::Repositories(pack::write(some).into())
            }
            Operation::ReadInputs { pack } => {
                Outcome::Repositories(self.files[&format!("inputs/{pack}")].as_slice().into())
            }
            Operation::ReadSigned { list, .. } => {
                Outcome::SignedList(self.files[&format!("inputs/{list}")].as_slice().into())
            }
            Operation::Certify { alias, .. } | Operation::SignBatch { alias, .. } => self.signs_some(operation, alias),
            Operation::ExportRepositories { .. } => self.exports(),
        }))
    }

    fn signs_some(&self, operation: &Operation, alias: &Alias) -> Outcome {
        let payload = |digest: Digest| Some(Arc::from(self.files.get(&format!("payloads/{digest}"))?.as_slice()));
        let key = signing_key(object(alias));
        let signables = self.ceremony.signables(operation, &payload);
        let signatures = signables.iter().map(|signable| {
            let signature: Signature = key.sign(signable.bytes());
            let raw = RawSignature::new(signature.to_bytes().to_vec());
            VerifiedSignature::new(&PublicKey::P256(*key.verifying_key()), signable.bytes(), raw).expect("it verifies")
        });
        Outcome::SignedSome { seen: seen(alias, true), signatures: signatures.collect() }
    }

    fn exports(&mut self) -> Outcome {
        let payload = |digest: Digest| Some(Arc::from(self.files.get(&format!("payloads/{digest}"))?.as_slice()));
        let drafted = self.ceremony.repositories().batch().drafted();
        let mut left = vec![];
        for drafted in drafted {
            let mut inputs = self.collection[drafted.number as usize].clone();
            let (bundle, files) =
                leaving::bundle(&self.ceremony, drafted, &inputs, &payload, self.now).expect("clients take it");
            let text = |(name, bytes)| (name, String::from_utf8(bytes).expect("metadata is text"));
            inputs.files.extend(files.into_iter().map(text));
            left.push((bundle, inputs));
        }
        let incomplete = left.iter().filter(|(bundle, _)| !bundle.wants.is_empty()).count();
        let outcome = Outcome::BundlesWritten {
            from: 0,
            to: u32::try_from(left.len()).expect("few"),
            incomplete: u32::try_from(incomplete).expect("few"),
            refused: self.kept_back.iter().map(|gun| no_client_takes(gun)).collect(),
            manifest: Some(Digest::of(b"manifest")),
            media: self.ceremony.media().to_vec(),
        };
        self.left = left;
        outcome
    }
}

fn no_client_takes(gun: &str) -> LeftOut {
    let refusal = Refusal::new(Rule::ClientAccepts, "No client would take it.", "Collect it again.");
    LeftOut { gun: Gun::parse(gun).expect("a name"), refusal }
}

fn is_aside(prompt: &Prompt) -> bool {
    match &prompt.input {
        Input::PersonalWord { .. } | Input::Pick(_) => true,
        Input::Text { hint, .. } => hint == words::ASIDE_HINT,
        _ => false,
    }
}

fn slow_hash(person: &PersonId) -> [u8; 32] {
    *Digest::of(person.as_str().as_bytes()).as_bytes()
}

fn signing_key(name: &str) -> SigningKey {
    SigningKey::from_slice(Digest::of(name.as_bytes()).as_bytes()).expect("a digest is a scalar")
}

pub fn key_of(name: &str) -> Key {
    in_dialect(Dialect::Tuf1, name)
}

pub fn in_dialect(dialect: Dialect, name: &str) -> Key {
    let public = PublicKey::P256(*signing_key(name).verifying_key());
    dialect.key(&public).expect("P-256 has a form")
}

/// The token itself, whatever a script calls it.
fn object(alias: &Alias) -> &str {
    if alias.as_str() == "old-chi" { "chi-1" } else { alias.as_str() }
}

fn seen(alias: &Alias, initialised: bool) -> SeenToken {
    SeenToken {
        token: TokenIdentity {
            module: ModuleIdentity {
                path: "/usr/lib/example/libhsm-pkcs11.so".into(),
                sha256: Digest::of(b"test"),
                manufacturer: "Example".into(),
                description: "Example HSM".into(),
                version: "2.1".into(),
            },
            label: if initialised { object(alias).to_owned() } else { String::new() },
            serial: format!("EX{}", &Digest::of(object(alias).as_bytes()).to_string()[..8]),
            manufacturer: "Example".into(),
            model: "Example HSM 2".into(),
            firmware: "5.7".into(),
            initialised,
            pin_pad: false,
            types: false,
            software: None,
        },
        public_keys: vec![],
    }
}

fn attributes() -> KeyAttributes {
    KeyAttributes {
        token: Some(true),
        private: Some(true),
        sensitive: Some(true),
        extractable: Some(false),
        sign: Some(true),
        ..KeyAttributes::default()
    }
}

fn machine(now: Utc) -> MachineFacts {
    MachineFacts {
        clock: now,
        kernel: "6.12.9".into(),
        program: "/usr/bin/officiant".into(),
        program_sha256: Digest::of(b"program"),
        uid: 1000,
        interfaces: vec![Interface { name: "lo".into(), up: true, loopback: true, wireless: false }],
        radios: vec![],
        swap: vec![],
        core_pattern: "core".into(),
        core_limit: Some(0),
        dumpable: false,
        memlock: None,
        devices: vec![Device { name: "1-1".into(), what: "Example HSM 2".into(), size: None }],
        unknown: vec![],
    }
}
