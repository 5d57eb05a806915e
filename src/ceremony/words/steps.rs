//! The words of each kind of step, as they are printed and shown.

use super::{backup, names, whole};
use crate::{
    ceremony::{
        participants::{Alias, PersonId},
        script::{Kind, Script},
        steps::{HandOverKey, ImportKey, Prose, Step},
    },
    device::yubikey::{Settings, TouchPolicy},
    text::shown,
};

impl Step {
    /// The step's own words, with what its author adds. Printed on paper and shown on the screen alike.
    pub fn prose(&self, script: &Script) -> Prose {
        let mut prose = self.action.kind().prose(script);
        if let Some(say) = &self.say {
            prose.lines.insert(0, whole(say));
        }
        prose
    }
}

pub(super) fn prose(title: impl Into<String>, lines: &[&str], expect: &str, form: &[&str]) -> Prose {
    Prose {
        title: title.into(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        expect: expect.to_owned(),
        form: form.iter().map(|field| (*field).to_owned()).collect(),
    }
}

/// `ana-1 (blue, Ana Ruiz)`.
pub(super) fn token_words(script: &Script, alias: &Alias) -> String {
    script.token(alias).map_or_else(
        || alias.to_string(),
        |spec| format!("{alias} ({}, {})", shown(&spec.tag), shown(script.name(&spec.holder))),
    )
}

/// What the key of a token is called in this ceremony.
fn key_words(script: &Script, alias: &Alias) -> &'static str {
    match &script.repositories {
        None => "root key",
        Some(spec) if spec.tags_with(alias) => "tagging key",
        Some(_) if script.root.keys.contains(alias) => "offline key",
        Some(_) => "key",
    }
}

pub(super) fn user_of(script: &Script, alias: &Alias) -> String {
    script.token(alias).map(|spec| shown(script.name(&spec.user_pin))).unwrap_or_default()
}

/// Whoever keeps the SO-PIN of a token.
pub(super) fn keeper_of(script: &Script, alias: &Alias) -> String {
    script.token(alias).map(|spec| shown(script.name(&spec.so_pin))).unwrap_or_default()
}

/// `roll-call`.
pub fn roll_call(script: &Script) -> Prose {
    let mut lines = vec![
        "The administrator reads each name aloud. Whoever is named answers, and two others look at them.".to_owned(),
        "Each person then takes the keyboard alone and sets a word of their own. They confirm with it for the rest of the day."
            .to_owned(),
    ];
    for person in &script.people {
        let surrogate = person
            .stands_in_for
            .as_ref()
            .map(|principal| format!(", only if {} is absent", shown(script.name(principal))))
            .unwrap_or_default();
        lines.push(format!("☐ {}{surrogate}", shown(&person.introduced())));
    }
    Prose {
        title: "Roll-call".into(),
        lines,
        expect: "Everybody is named once, and everybody here has set a word.".into(),
        form: vec!["Signatures of all who are here".into()],
    }
}

/// `attest`.
pub fn attest(script: &Script, who: &[PersonId], statement: &str) -> Prose {
    Prose {
        title: format!("{} confirm{}", names(script, who), if who.len() == 1 { "s" } else { "" }),
        lines: vec!["Read aloud, and confirmed by each with their own word:".into(), format!("“{}”", whole(statement))],
        expect: "Each name is followed by a confirmation.".into(),
        form: who.iter().map(|person| format!("Initials of {}", shown(script.name(person)))).collect(),
    }
}

/// `record`.
pub fn record(script: &Script, who: &[PersonId], fields: &[String]) -> Prose {
    Prose {
        title: format!("{} read{} for the record", names(script, who), if who.len() == 1 { "s" } else { "" }),
        lines: vec!["Read from the object itself, aloud; the operator types it; the witness writes it here.".into()],
        expect: "The screen shows what stands on the object.".into(),
        form: fields.iter().map(|field| shown(field)).collect(),
    }
}

/// `script-words`.
pub fn script_words(script: &Script, witness: &PersonId) -> Prose {
    prose(
        "The script on the machine is the script on paper",
        &[
            &format!(
                "The screen shows the words of the script's digest and hides some. {} supplies the hidden ones from the foot of this page.",
                shown(script.name(witness))
            ),
            "If a word differs, the machine holds another script than the one that was approved: stop.",
        ],
        "Every hidden word is accepted at the first try.",
        &[],
    )
}

/// `confirm-clock`.
pub fn confirm_clock(script: &Script, who: &[PersonId]) -> Prose {
    prose(
        "Two people confirm the clock",
        &[
            &format!(
                "{} each read a clock of their own that is not this machine's, in UTC, and type what they read.",
                names(script, who)
            ),
            &format!("More than {} seconds apart from the machine is refused.", script.clock_tolerance_seconds),
            "Every expiry of today is counted from this clock.",
        ],
        "The largest difference is shown in seconds.",
        &["First clock and its time", "Second clock and its time"],
    )
}

/// `preflight`.
pub fn preflight(_script: &Script) -> Prose {
    prose(
        "Is this machine fit?",
        &[
            "The program looks at the network interfaces, swap, core dumps, memory locking, the clock, and the modules and devices.",
            "In production it refuses a machine with a network interface up other than lo, with swap on, or that could write a core.",
        ],
        "The list is read aloud; nothing on it surprises anybody.",
        &["Seal or serial of the machine"],
    )
}

/// How a token makes keys, where it is a YubiKey that the program drives itself.
fn yubikey(script: &Script, token: &Alias) -> Option<Settings> {
    script.module(&script.token(token)?.module)?.yubikey()
}

/// What is said where a token waits for a touch before it signs.
fn touched(script: &Script, token: &Alias) -> Option<&'static str> {
    yubikey(script, token).filter(|settings| settings.touch != TouchPolicy::Never).map(|_| super::YUBIKEY_TOUCHED)
}

fn with(mut said: Prose, line: Option<&str>) -> Prose {
    said.lines.extend(line.map(str::to_owned));
    said
}

/// `prepare-token`.
pub fn prepare_token(script: &Script, token: &Alias) -> Prose {
    let said = prose(
        format!("Prepare {}", token_words(script, token)),
        &[
            "The blank token is put in alone. Its serial on the screen is compared with the one printed on it.",
            &format!(
                "{} takes the keyboard and sets the SO-PIN, twice; writes it on a card, and seals the card.",
                keeper_of(script, token)
            ),
            &format!(
                "{} takes the keyboard and sets the user PIN, twice. Nobody looks; the camera looks away.",
                user_of(script, token)
            ),
            "A PIN is not spoken, not shown and not on this paper.",
        ],
        "The screen names the token by its serial and says that both PINs are set.",
        &["Serial of the token", "Number of the envelope with the SO-PIN"],
    );
    let settings = yubikey(script, token);
    let said = with(said, settings.map(|_| super::YUBIKEY_PREPARED));
    with(said, settings.map(|settings| super::management::home(settings.management_key)))
}

/// `generate-key`.
pub fn generate_key(script: &Script, token: &Alias) -> Prose {
    let said = prose(
        format!("Generate the {} on {}", key_words(script, token), token_words(script, token)),
        &[
            &format!(
                "{} types the user PIN. The key is made inside the token and never leaves it.",
                user_of(script, token)
            ),
            "This can take a while. Do not take the token out.",
            "The key does not count yet.",
        ],
        "The screen shows the first eight digits of the keyid.",
        &["First eight digits of the keyid"],
    );
    with(said, yubikey(script, token).map(|_| super::YUBIKEY_ATTESTS))
}

/// `import-key`.
pub fn import_key(script: &Script, step: &ImportKey) -> Prose {
    let meant = match (&step.keyid, script.token(&step.token).and_then(|spec| spec.keyid.as_ref())) {
        (Some(keyid), _) => format!("It must be the key {keyid}."),
        (None, Some(keyid)) => format!("It must be the key that the published root has under {keyid}."),
        (None, None) => String::new(),
    };
    let user = user_of(script, &step.token);
    prose(
        format!("Bring the existing {} to {}", key_words(script, &step.token), token_words(script, &step.token)),
        &[
            &format!("The medium with the key file {} is put in. {meant}", shown(&step.file)),
            &format!(
                "{user} types the passphrase of the file, and then the user PIN. Nothing of the file goes into the record."
            ),
            "The key was outside before: the token keeps it from now on, and nobody can say who has it already.",
            "After the ceremony the file is destroyed, with every copy of it: the medium, the trust directory it came from, backups of that machine. As long as one is left, the token protects nothing.",
        ],
        "The screen names the key by its canonical id, and says that it was imported.",
        &["First eight digits of the canonical id", "Who destroys the file and its copies, and by when"],
    )
}

/// `hand-over-key`.
pub fn hand_over_key(script: &Script, step: &HandOverKey) -> Prose {
    let keeper = shown(script.name(&step.keeper));
    let gun = step.gun.as_deref().map(|gun| format!(" of {}", shown(gun))).unwrap_or_default();
    prose(
        format!("Make the key {} for {keeper}", step.name),
        &[
            &format!(
                "{keeper} takes the keyboard and chooses a passphrase, and types it twice. It is not written on this paper."
            ),
            &format!(
                "A P-256 key for {}{gun} is made in the memory of this machine, encrypted with it, written into the record as {}, and wiped.",
                shown(&step.role),
                step.file()
            ),
            "The key signs a statement that no client of anything reads as metadata, so that everybody knows it is whole.",
            &format!(
                "{keeper} takes a copy of the file away and loads it with `notary key import` or `docker trust key load`, which keep the passphrase. The record holds the encrypted file too."
            ),
        ],
        "The screen says where the file is, and names the key by its canonical id.",
        &["First eight digits of the canonical id", "Initials of the keeper"],
    )
}

/// `drill-token`.
pub fn drill_token(script: &Script, token: &Alias) -> Prose {
    let said = prose(
        format!("Drill {}", token_words(script, token)),
        &[
            "The token is taken out, and put in again.",
            &format!(
                "{} types the user PIN again. The key signs a statement that no client of anything reads as metadata.",
                user_of(script, token)
            ),
            "Only now does the key count. A PIN that was mistyped twice alike is found here, not in a year.",
        ],
        "The keyid is the same as before, and the key counts.",
        &["Initials of the holder"],
    );
    with(said, touched(script, token))
}

/// `open-token`.
pub fn open_token(script: &Script, token: &Alias) -> Prose {
    let said = prose(
        format!("Open {}", token_words(script, token)),
        &[
            "The token comes out of its bag: the bag's number is compared with the record of the last ceremony.",
            &format!(
                "The machine compares the token's public key with {} before any PIN. Then {} types the user PIN.",
                match script.kind {
                    _ if script.repositories.is_some() => "the repositories of today",
                    kind if kind.is_custody() || kind == Kind::Genesis => "the paper of its holder",
                    _ => "the trusted root",
                },
                user_of(script, token)
            ),
        ],
        "The screen says that the token holds the key of its officer.",
        &["Number of the old bag"],
    );
    with(said, touched(script, token))
}

/// `import-keys`.
pub fn import_keys(script: &Script) -> Prose {
    let many = script.repositories.is_some();
    let whose = match script.kind {
        _ if many => "that sign elsewhere",
        kind if kind.is_custody() => "of tokens that exist",
        Kind::Genesis if script.tokens.iter().any(|token| token.keyid.is_some()) => {
            "of the online roles and of tokens that exist"
        }
        _ => "of the online roles",
    };
    let mut lines = vec![format!("The public keys {whose} are read from the courier's medium.")];
    for key in &script.keys {
        lines.push(format!("{}, owned by {}: keyid {}", key.name, shown(&key.owner), key.keyid));
    }
    lines
        .push("Each keyid must be the one on its owner's own paper, which came by another way than the medium.".into());
    Prose {
        title: format!("Import the keys {whose}"),
        lines,
        expect: "Every keyid on the screen is the one above.".into(),
        form: vec!["The owners' papers were compared by".into()],
    }
}

/// `import-root`.
pub fn import_root(script: &Script) -> Prose {
    let pinned = script.previous.as_ref().map_or_else(String::new, |previous| {
        format!("Root version {}, SHA-256 {}.", previous.version, previous.sha256)
    });
    prose(
        "Import the previous root",
        &[
            "The root that clients trust today is read from the courier's medium.",
            &pinned,
            "Any other root is refused, also an older one that was once right.",
        ],
        "The screen says that version and SHA-256 are those above.",
        &[],
    )
}

/// `draft`.
pub fn draft(script: &Script) -> Prose {
    let what = match script.kind {
        Kind::Genesis => "Root version 1 is composed.",
        Kind::RotateRoot => "The next root is composed from the previous one and the change that this script asks for.",
        _ => "The previous root is composed again with a later expiry. Any other difference is refused.",
    };
    let said = prose(
        format!("Compose root version {}", script.next_version()),
        &[what, "It has no other content than this script and the keys that came in. Nothing is signed yet."],
        "The rules that were asked are listed, and all of them held.",
        &[],
    );
    with(said, backup::of_script(script))
}

/// `review`.
pub fn review(script: &Script, witness: &PersonId, who: &[PersonId]) -> Prose {
    prose(
        format!("Review root version {}", script.next_version()),
        &[
            "The administrator reads the whole sheet aloud: the change in words, every key, every threshold, the expiry as a date and in days.",
            &format!("{} each find their own keyid and compare it with their paper.", names(script, who)),
            &format!(
                "{} writes the 32 words of the payload on paper. A second machine may compute them too: the payload's bytes are in the record.",
                shown(script.name(witness))
            ),
            "The screen then hides some words, and they are supplied from the paper.",
            "Each officer confirms with their own word. After this, the bytes that a token signs are exactly these.",
        ],
        "All hidden words are accepted, and every officer has confirmed.",
        &["The 32 words of the payload"],
    )
}

/// `sign`.
pub fn sign(script: &Script, token: &Alias) -> Prose {
    let said = prose(
        format!("Sign with {}", token_words(script, token)),
        &[
            "Only this token is in the machine.",
            &format!(
                "{} takes the keyboard and types the user PIN. The token signs the reviewed bytes and nothing else.",
                user_of(script, token)
            ),
            "The signature is verified in software before it counts.",
        ],
        "The tally on the screen rises by one, under the right name.",
        &["Initials of the signer"],
    );
    with(said, touched(script, token))
}

/// `break`.
pub fn pause(_script: &Script, minutes: u32) -> Prose {
    prose(
        format!("Break of {minutes} minutes"),
        &[super::BREAK_ASK],
        "Everybody who left is back.",
        &["Who stayed in the room"],
    )
}

/// `export`.
pub fn export(_script: &Script) -> Prose {
    prose(
        "Write the result",
        &[
            "The signed root and the public keys are written into the record on both media, and read again.",
            "Nothing that exists is overwritten.",
        ],
        "Each file is shown with its SHA-256 and its length.",
        &["Labels of both media"],
    )
}

/// `close`.
pub fn close(script: &Script, tokens: &[Alias], witness: &PersonId) -> Prose {
    let officers: Vec<_> = tokens.iter().map(|alias| token_words(script, alias)).collect();
    prose(
        "Close the record",
        &[
            &format!("Each officer's token signs the head of the transcript: {}.", officers.join("; ")),
            &format!(
                "{} writes the 32 words of the final head, and supplies the hidden ones from that paper.",
                shown(script.name(witness))
            ),
            "From then on the paper vouches for the file, and the file for the paper.",
        ],
        "The screen says that the ceremony is closed.",
        &["The 32 words of the final head"],
    )
}
