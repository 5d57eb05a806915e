//! Whole ceremonies on SoftHSM, driven in process: a runner, a performer, and people who answer as a room does where all goes
//! well. A test goes on to the moment that it is about, and takes over from there.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod cuts;
pub mod home;
pub mod kept;
pub mod later;
pub mod normal;
pub mod paper;
pub mod record;
pub mod ways;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use officiant::{
    ceremony::{
        Ceremony, Pending,
        event::{EDITION, Event, Mode, PreviousCeremony, Program, Stamp},
        operation::Outcome,
        prompt::{Answer, AsideKind, Input, Prompt, Scene, SlowHash},
        script::{Script, read},
    },
    digest::{Digest, from_hex, to_hex},
    fault::Error,
    perform::{Performer, rehearsal},
    rules::Rule,
    runner::{Beginning, Clock, Ended, Found, Job, Medium, Runner},
    secret::{Secret, SecretKind, SecretRequest, WORD_SALT_LENGTH, WordProof},
    token::{pkcs11, pkcs11::rehearsal::Rehearsal, quirks::Trust},
    transcript,
    utc::Utc,
};
use serde::Deserialize;

use crate::support;

/// The instant that every pinned ceremony begins at.
pub const DAY: &str = "2026-12-01T09:00:00Z";

/// A script of `ceremony-scripts/`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts").join(format!("{name}.toml"))
}

/// What the people of a room know.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct People {
    #[serde(rename = "format")]
    _format: u32,
    pub words: BTreeMap<String, String>,
    #[serde(default)]
    pub pins: BTreeMap<String, Pins>,
    #[serde(default)]
    pub passphrases: BTreeMap<String, String>,
    #[serde(default)]
    pub records: BTreeMap<String, String>,
    #[serde(default)]
    pub absent: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Pins {
    pub user: String,
    pub so: String,
}

impl People {
    /// Those of the answers file beside a script.
    pub fn of(script: &Path) -> Self {
        let text =
            fs::read_to_string(script.with_extension("answers.toml")).expect("an answers file beside the script");
        toml::from_str(&text).expect("an answers file")
    }

    /// The answer of a room where all goes well.
    pub fn answer(&self, prompt: &Prompt, now: Utc) -> Answer {
        match &prompt.input {
            Input::Word(choices) => {
                let absent =
                    prompt.who.first().is_some_and(|person| self.absent.iter().any(|id| id == person.as_str()));
                let word = choices.iter().find(|choice| absent && choice.word == "ABSENT").or(choices.first());
                Answer::Word(word.expect("a choice").word.into())
            }
            // What names a throw-away token, which nobody knew beforehand.
            Input::Text { label, .. } if label == officiant::ceremony::words::erase::TOLD => match &prompt.scene {
                Scene::Swap { token, .. } => Answer::Text(token.serial.clone().expect("a serial")),
                other => panic!("the serial of {other:?}"),
            },
            Input::Text { label, hint } => {
                let clock = hint.starts_with("HH:MM");
                let line = self.records.get(label).cloned();
                Answer::Text(line.unwrap_or_else(|| if clock { now.time_of_day() } else { "none".into() }))
            }
            Input::HiddenWords(_) => match &prompt.scene {
                Scene::ReadBack { blind, .. } => Answer::HiddenWords(blind.answer()),
                other => panic!("hidden words of {other:?}"),
            },
            Input::Pick(_) => Answer::Picked(0),
            Input::NewPersonalWord { person } => {
                // A salt that is the same in every run, so that a slow hash is made once.
                let salt = to_hex(&Digest::of(person.as_str().as_bytes()).as_bytes()[..WORD_SALT_LENGTH]);
                let hash = slow_hash(&self.words[person.as_str()], &salt);
                Answer::NewPersonalWord { salt, verifier: Digest::of(&hash) }
            }
            Input::PersonalWord { person, salt } => {
                Answer::PersonalWord(SlowHash(slow_hash(&self.words[person.as_str()], salt)))
            }
        }
    }

    /// The secret that a request names.
    pub fn secret(&self, request: &SecretRequest) -> Option<Secret> {
        let label = request.label.as_ref()?;
        if request.what.is_passphrase() {
            let own = self.passphrases.get(label).map(String::as_str);
            return own.or((request.what == SecretKind::Passphrase).then_some(rehearsal::PASSPHRASE)).map(secret);
        }
        let pins = self.pins.get(label)?;
        let pin = match request.what {
            SecretKind::UserPin | SecretKind::NewUserPin | SecretKind::NewUserPinAgain => &pins.user,
            SecretKind::SoPin | SecretKind::NewSoPin | SecretKind::NewSoPinAgain => &pins.so,
            _ => return None,
        };
        Some(secret(pin))
    }
}

pub fn secret(text: &str) -> Secret {
    Secret::copied(text.as_bytes()).expect("memory can be locked")
}

/// The slow hash of a personal word, made once for each word and salt.
pub fn slow_hash(word: &str, salt: &str) -> [u8; 32] {
    static MADE: Mutex<BTreeMap<(String, String), [u8; 32]>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().expect("no test panics while it holds this");
    *made.entry((word.into(), salt.into())).or_insert_with(|| {
        let salt = from_hex(salt).and_then(|salt| salt.try_into().ok()).unwrap_or([0; WORD_SALT_LENGTH]);
        *WordProof::derive(&secret(word), &salt).expect("a slow hash").as_bytes()
    })
}

/// A clock that stands still until a test sets it.
#[derive(Clone)]
pub struct Pinned(Arc<AtomicI64>);

impl Pinned {
    pub fn at(text: &str) -> Self {
        Self(Arc::new(AtomicI64::new(Utc::parse(text).expect("an instant").seconds())))
    }

    pub fn move_by(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub fn hand_in(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Box::new(move || Utc::from_seconds(seconds.load(Ordering::Relaxed)).expect("an instant"))
    }
}

/// Who runs, in entry 0.
pub fn program() -> Program {
    Program {
        name: "officiant test".into(),
        sha256: Digest::of(b"a test program"),
        trust: "shipped".into(),
        edition: EDITION,
    }
}

/// What overrides the people of a room where a secret is asked for. `None`: they answer.
pub type OtherSecret = Box<dyn FnMut(&SecretRequest) -> Option<Option<Secret>>>;

/// A ceremony under way.
pub struct Room {
    pub runner: Runner,
    pub performer: Performer,
    pub people: People,
    pub clock: Pinned,
    pub other_secret: OtherSecret,
    /// Where the tokens and both media lie.
    pub place: PathBuf,
}

/// The two folders of the record below `place`.
pub fn media(script: &Script, place: &Path) -> Vec<Medium> {
    let [a, b] = script.media.clone();
    vec![Medium { label: a, folder: place.join("a") }, Medium { label: b, folder: place.join("b") }]
}

/// A machine with nothing but its loopback.
pub fn quiet_machine(folder: &Path) -> officiant::preflight::Probe {
    for (name, text) in [
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("proc/sys/kernel/core_pattern", "core\n"),
        ("sys/class/net/lo/flags", "0x9\n"),
        ("sys/class/rfkill/none", ""),
        ("sys/bus/usb/devices/none", ""),
        ("sys/class/block/none", ""),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    for empty in ["sys/class/rfkill/none", "sys/bus/usb/devices/none", "sys/class/block/none"] {
        fs::remove_file(folder.join(empty)).expect("an empty folder");
    }
    officiant::preflight::Probe { proc: folder.join("proc"), sys: folder.join("sys") }
}

/// What stands above the tokens: where a child process keeps its ceremony.
pub fn place() -> PathBuf {
    support::folder().parent().expect("tokens lie in a folder").to_owned()
}

impl Room {
    /// Begins a rehearsal of a shipped script on the tokens of this process.
    pub fn rehearse(tokens: &Rehearsal, name: &str) -> Self {
        let path = script(name);
        let text = fs::read(&path).expect("a shipped script");
        Self::rehearse_text(tokens, &text, People::of(&path), None)
    }

    /// Begins a rehearsal of any script whose files lie in `ceremony-scripts/`.
    pub fn rehearse_text(tokens: &Rehearsal, text: &[u8], people: People, previous: Option<PreviousCeremony>) -> Self {
        Self::rehearse_by(program(), tokens, text, people, previous)
    }

    /// The same by another program.
    pub fn rehearse_by(
        program: Program,
        tokens: &Rehearsal,
        text: &[u8],
        people: People,
        previous: Option<PreviousCeremony>,
    ) -> Self {
        let place = place();
        let script = Arc::new(read::script(text).unwrap_or_else(|error| panic!("{error}")));
        let clock = Pinned::at(DAY);
        let media = media(&script, &place);
        fs::create_dir(&media[0].folder).expect("a fresh place");
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts");
        let stand_ins = rehearsal::stand_ins(
            &script,
            &beside,
            &media[0].folder,
            &tokens.module,
            Utc::parse(DAY).expect("an instant"),
        )
        .unwrap_or_else(|error| panic!("{error:?}"));
        let beginning = Beginning { script: text.to_vec(), mode: Mode::Rehearsal, program, media, previous, stand_ins };
        let inputs = rehearsal::inputs(&place.join("a"));
        let runner = Runner::begin(beginning, clock.hand_in()).unwrap_or_else(|error| panic!("{error:?}"));
        let performer = Performer::new(script, inputs, Some(tokens.module.clone()), Trust::shipped());
        Self { runner, performer, people, clock, other_secret: Box::new(|_| None), place }
    }

    /// Begins the real thing, by a test program with its own trust.
    pub fn run(text: &[u8], inputs: &Path, people: People, trust: Trust, probe: officiant::preflight::Probe) -> Self {
        Self::run_in(&place(), Pinned::at(DAY), text, inputs, people, trust, probe)
    }

    /// The same with its record below `place`, by another clock.
    pub fn run_in(
        place: &Path,
        clock: Pinned,
        text: &[u8],
        inputs: &Path,
        people: People,
        trust: Trust,
        probe: officiant::preflight::Probe,
    ) -> Self {
        Self::run_after(place, clock, text, inputs, people, trust, probe, None)
    }

    /// The same after another ceremony.
    #[allow(clippy::too_many_arguments, reason = "each is another thing of the room")]
    pub fn run_after(
        place: &Path,
        clock: Pinned,
        text: &[u8],
        inputs: &Path,
        people: People,
        trust: Trust,
        probe: officiant::preflight::Probe,
        previous: Option<PreviousCeremony>,
    ) -> Self {
        let place = place.to_owned();
        let script = Arc::new(read::script(text).unwrap_or_else(|error| panic!("{error}")));
        let media = media(&script, &place);
        let program = Program { trust: "test".into(), ..program() };
        let beginning =
            Beginning { script: text.to_vec(), mode: Mode::Production, program, media, previous, stand_ins: vec![] };
        let runner = Runner::begin(beginning, clock.hand_in()).unwrap_or_else(|error| panic!("{error:?}"));
        let performer = Performer::new(script, inputs.to_owned(), None, trust).with_probe(probe);
        Self { runner, performer, people, clock, other_secret: Box::new(|_| None), place }
    }

    /// Goes on with what is left: the record on these media, and the rehearsal's own folder where it was put.
    pub fn resume_from(
        tokens: &Rehearsal,
        place: &Path,
        left: &[&str],
        rehearsal: Option<&Path>,
        people: People,
    ) -> Result<Self, Error> {
        let mut room = Self::resume(tokens, place, people)?;
        assert_eq!(room.runner.media().len(), left.len());
        if let Some(folder) = rehearsal {
            let script = Arc::clone(room.ceremony().script());
            room.performer =
                Performer::new(script, folder.join("inputs"), Some(tokens.module.clone()), Trust::shipped());
        }
        Ok(room)
    }

    /// Looks for the record again, as a program does that was started anew.
    pub fn find(place: &Path) -> Result<Found, Error> {
        let (a, b) = (place.join("a"), place.join("b"));
        let text = fs::read(a.join("script.toml")).or_else(|_| fs::read(b.join("script.toml"))).expect("a script");
        let script = read::script(&text).expect("a script");
        let media: Vec<_> = media(&script, place).into_iter().filter(|medium| medium.folder.is_dir()).collect();
        Runner::find(&media)
    }

    /// Goes on with the record below `place`: everything but the files and the tokens is new.
    pub fn resume(tokens: &Rehearsal, place: &Path, people: People) -> Result<Self, Error> {
        let found = Self::find(place)?;
        let script = Arc::clone(found.script());
        let clock = Pinned::at(DAY);
        let last = found.chain().last().expect("an entry").at;
        clock.move_by((last.seconds() - Utc::parse(DAY).expect("an instant").seconds()).max(0));
        let runner = found.resume(program(), clock.hand_in())?;
        let inputs = rehearsal::inputs(&place.join("a"));
        let performer = Performer::new(script, inputs, Some(tokens.module.clone()), Trust::shipped());
        Ok(Self { runner, performer, people, clock, other_secret: Box::new(|_| None), place: place.to_owned() })
    }

    /// Leaves without a word and goes on with everything new.
    pub fn again(self, tokens: &Rehearsal) -> Self {
        let Self { place, people, clock, runner, performer, .. } = self;
        drop((runner, performer));
        pkcs11::close_all();
        let mut room = Self::resume(tokens, &place, people).unwrap_or_else(|error| panic!("{error:?}"));
        room.clock = clock;
        room
    }

    pub fn ceremony(&self) -> &Ceremony {
        self.runner.ceremony()
    }

    /// The prompt that is waited on.
    ///
    /// # Panics
    /// Where none is.
    pub fn prompt(&self) -> Prompt {
        match self.ceremony().pending() {
            Pending::Ask(prompt) => *prompt,
            other => panic!("no prompt but {other:?}"),
        }
    }

    /// How the ceremony ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        use officiant::ceremony::state::Closing;
        match self.ceremony().pending() {
            Pending::Finished(Closing::Closed) => Some(Ended::Closed),
            Pending::Finished(Closing::Abandoned) => Some(Ended::Abandoned),
            Pending::Paused => Some(Ended::Paused),
            Pending::Ask(_) | Pending::Do(_) | Pending::InDoubt(_) => None,
        }
    }

    /// Lets the operation that is pending be performed, and hands in what came of it.
    pub fn perform(&mut self) -> Result<(), Error> {
        let job = self.runner.intend()?.expect("an operation is pending");
        let answer = self.do_job(&job);
        self.runner.answer(&answer)
    }

    /// Performs a job without handing in what came of it.
    pub fn do_job(&mut self, job: &Job) -> Answer {
        let Self { performer, people, other_secret, .. } = self;
        performer.perform_with(job, &mut paper::Room { other: other_secret.as_mut(), people })
    }

    /// One turn of a room where all goes well.
    ///
    /// # Errors
    /// A refusal or a fault of the runner itself.
    pub fn turn(&mut self) -> Result<(), Error> {
        match self.ceremony().pending() {
            Pending::Ask(prompt) => {
                let now = self.runner.now();
                let answer = self.people.answer(&prompt, now);
                self.runner.answer(&answer)
            }
            Pending::Do(_) | Pending::InDoubt(_) => self.perform(),
            other => panic!("nothing to do: {other:?}"),
        }
    }

    /// Goes on until something holds.
    ///
    /// # Panics
    /// Where the ceremony ends, refuses or meets trouble before that.
    pub fn until(&mut self, holds: impl Fn(&Pending, &Ceremony) -> bool) {
        loop {
            let pending = self.ceremony().pending();
            if holds(&pending, self.ceremony()) {
                return;
            }
            if let Pending::Ask(prompt) = &pending
                && let Scene::Trouble { trouble, .. } = &prompt.scene
            {
                panic!("at {}: {}", self.position(), trouble.words());
            }
            assert!(self.ended().is_none(), "the ceremony is over");
            self.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", self.position()));
        }
    }

    /// Goes on until a prompt shows such a scene.
    pub fn until_scene(&mut self, is_it: impl Fn(&Scene) -> bool) {
        self.until(|pending, _| matches!(pending, Pending::Ask(prompt) if is_it(&prompt.scene)));
    }

    /// Goes on to the first prompt of the step with this number, such as "4.1".
    pub fn until_step(&mut self, number: &str) {
        self.until(|_, ceremony| ceremony.position().number == number);
    }

    /// Goes on to the end.
    pub fn finish(&mut self) {
        self.until(|pending, _| matches!(pending, Pending::Finished(_)));
        officiant::perform::record::finish(&self.runner).unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// Hands in an answer that is taken.
    pub fn say(&mut self, answer: Answer) {
        let position = self.position();
        self.runner.answer(&answer).unwrap_or_else(|error| panic!("at {position}: {answer:?}: {error:?}"));
    }

    pub fn word(&mut self, word: &str) {
        self.say(Answer::Word(word.into()));
    }

    /// Hands in an answer that a rule refuses.
    pub fn refused(&mut self, answer: &Answer) -> Rule {
        match self.runner.answer(answer) {
            Err(Error::Refused(refusal)) => refusal.rule,
            other => panic!("at {}: {answer:?} was not refused: {other:?}", self.position()),
        }
    }

    /// The trouble that people are asked about.
    pub fn trouble(&self) -> officiant::ceremony::operation::Trouble {
        match self.prompt().scene {
            Scene::Trouble { trouble, .. } => trouble,
            other => panic!("no trouble but {other:?}"),
        }
    }

    /// Goes through an aside: these lines, then two people who confirm.
    pub fn aside(&mut self, kind: AsideKind, lines: &[Answer]) {
        self.say(Answer::Aside(kind));
        for line in lines {
            self.say(line.clone());
        }
        for _ in 0..2 {
            self.say(Answer::Picked(0));
            let answer = self.people.answer(&self.prompt(), Utc::EPOCH);
            self.say(answer);
        }
    }

    pub fn position(&self) -> String {
        let position = self.ceremony().position();
        format!("{} (entry {})", position.number, self.ceremony().stamp().seq)
    }

    /// Every entry so far, as the transcript of the first medium has it.
    pub fn entries(&self) -> Vec<(Stamp, Event)> {
        let media = self.runner.media();
        let bytes = std::fs::read(media[0].folder.join(transcript::FILE)).expect("a transcript");
        transcript::read(&bytes).expect("a chain").entries
    }

    /// How many entries there are.
    pub fn written(&self) -> usize {
        self.runner.history().last().map_or(0, |last| last.seq as usize + 1)
    }

    /// Every event so far.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.entries().into_iter().map(|(_, event)| event)
    }

    pub fn count(&self, is_it: impl Fn(&Event) -> bool) -> usize {
        self.events().filter(|event| is_it(event)).count()
    }
}

/// Text as an answer.
pub fn text(text: &str) -> Answer {
    Answer::Text(text.into())
}

/// An outcome as an answer.
pub fn done(outcome: Outcome) -> Answer {
    Answer::Done(Box::new(outcome))
}
