//! The words that stand on paper only: rules of the room, materials, forms, glossary, declaration.

use crate::{
    ceremony::script::{CollectionSpec, Kind, RepositoriesSpec, Script},
    digest::Digest,
    readback,
    text::shown,
};

/// All 32 words of a digest.
pub fn digest_words(digest: Digest) -> Vec<String> {
    readback::words(digest.as_bytes())
}

/// The words of a head at the end of an act.
pub fn act_words(digest: Digest) -> Vec<String> {
    readback::words(&digest.as_bytes()[..readback::WORDS_OF_ACT])
}

/// The boxes of which one is ticked on every page.
pub const BOXES: [&str; 2] = ["REHEARSAL", "PRODUCTION"];
/// The stamp of a script by which one person can sign alone.
pub const SINGLE_CONTROL: &str = "SINGLE CONTROL";
/// The stamp of a script that the checker does not let through.
pub const NOT_FIT: &str = "NOT FIT TO BE HELD";

/// What to bring: the machine.
pub const BRING_MACHINE: &str = "machine without a radio, with its power supply and keyboard";
/// What to bring: the boot medium.
pub const BRING_BOOT: &str = "boot medium with the program, its SHA-256 on the label";
/// What to bring: this paper.
pub const BRING_SCRIPT: &str = "printed copy of this script, single-sided: one is the record, one is read from";
/// What to bring: blank tokens.
pub const BRING_BLANK: &str = "blank token, in its maker's packing";
/// What to bring: tokens that hold a key.
pub const BRING_KNOWN: &str = "token with a root key, in its sealed bag, brought by its holder";
/// What to bring: tokens that hold a key of many repositories.
pub const BRING_KNOWN_OF_MANY: &str =
    "token with an offline key or a tagging key, in its sealed bag, brought by its holder";
/// What to bring: envelopes.
pub const BRING_ENVELOPES: &str = "envelope that shows opening, with a card in it, for an SO-PIN";
/// What to bring: bags.
pub const BRING_BAGS: &str = "numbered bag that shows opening: one for each token and each medium";
/// What to bring: clocks.
pub const BRING_CLOCKS: &str = "clock that does not depend on the machine or on another clock here, set to UTC";
/// What to bring: papers of key owners.
pub const BRING_OWNERS_PAPERS: &str = "paper of a key's owner with its keyid, come by another way than the medium";
/// What to bring: what the last ceremony left.
pub const BRING_LAST_CARD: &str = "card of the last ceremony, from the safe";
/// What to bring: what the last ceremony about many repositories left.
pub const BRING_LAST_RECORD: &str = "record of the last ceremony on one of its media, and its card, from the safe";
/// What to bring: a machine that makes the list of payloads again.
pub const BRING_SECOND_MACHINE: &str =
    "second machine without a network, with sha256sum: it makes the list of payloads again from a medium of the record";
/// What to bring: the other side of the air gap.
pub const BRING_OTHER_SCREEN: &str =
    "laptop or telephone with the courier page and a camera: it stays in the room until the words were compared";
/// Paper for shares.
pub const BRING_PAGES: &str =
    "page for a share, with eight rows of five boxes, and a numbered bag that shows opening for it";
/// Pages of a backup that was made before.
pub const BRING_OLD_PAGES: &str =
    "page with a share of a backup that was made before, in its bag, from each custodian who comes";
/// What destroys pages.
pub const BRING_DISH: &str = "scissors, and a dish that stands fire with a lighter and water; or a shredder whose particles nobody puts together";
/// What prints shares.
pub const BRING_PRINTER: &str = "printer without a spool and without a network, with its paper";
/// What covers a screen.
pub const BRING_COVER: &str = "hood or screen filter, so that one person alone sees the screen";
/// What custodians compare.
pub const BRING_RECIPIENTS: &str = "paper with the custodian's own recipient of age, written by themselves";
/// What is thrown.
pub const BRING_DIE: &str = "die with six sides, and a cup";
/// What to bring: pens.
pub const BRING_PENS: &str = "pen that does not rub out";

/// What to bring: the record's media.
pub fn bring_media(script: &Script) -> String {
    format!("empty medium for the record, labelled “{}” and “{}”", shown(&script.media[0]), shown(&script.media[1]))
}

/// What to bring: the courier's medium.
pub fn bring_inputs(files: &[&str]) -> String {
    let files: Vec<_> = files.iter().map(|file| shown(file)).collect();
    format!("courier's medium with {}", files.join(", "))
}

/// What to bring: what was collected of many repositories.
pub fn bring_collection(spec: &CollectionSpec) -> String {
    format!(
        "courier's medium with the collection {}, {} repositories; the words of its MANIFEST begin with {}",
        shown(&spec.folder),
        spec.repositories,
        first_words(spec.manifest)
    )
}

/// What to bring: the same from before a theft.
pub fn bring_collection_before(spec: &CollectionSpec) -> String {
    format!(
        "the last collection from before the theft, {}, on that medium; the words of its MANIFEST begin with {}",
        shown(&spec.folder),
        first_words(spec.manifest)
    )
}

/// What a ceremony about many repositories writes, on page one.
pub fn written_of_many(script: &Script, spec: &RepositoriesSpec) -> String {
    let root = &script.root;
    let what = match (script.kind.writes_roots(), spec.tagging.is_some()) {
        (true, true) => "roots and targets",
        (true, false) => "roots",
        _ => "targets",
    };
    let mut written = format!("{what} of {} repositories", spec.collection.repositories);
    if script.kind.writes_roots() {
        written += &format!(
            "; roots: threshold {} of {} offline keys, expiring {} days after the ceremony",
            root.threshold,
            script.distinct_root_keys(),
            root.expiry.days
        );
    }
    if let Some(tagging) = &spec.tagging {
        written += &format!(
            "; targets: threshold {} of {} tagging keys, expiring {} days after",
            tagging.threshold,
            tagging.keys.len(),
            tagging.expiry.days
        );
    }
    written
}

/// What a tagging key is, among the tokens.
pub const fn tagging_key(rotates: bool, known: bool) -> &'static str {
    match (rotates, known) {
        (true, true) => "spare tagging key, which takes over",
        (false, true) => "tagging key of today",
        (_, false) => "new tagging key",
    }
}

/// What an offline key is, among the tokens.
pub const fn offline_key(in_new_root: bool, known: bool, signs: bool) -> &'static str {
    match (in_new_root, known, signs) {
        (true, false, _) => "new offline key",
        (true, true, true) => "offline key that stays",
        (true, true, false) => "offline key that stays in its bag",
        (false, true, true) => "offline key that goes, and signs once more",
        (false, true, false) => "offline key that goes",
        (false, false, _) => "key in no role",
    }
}

/// What stands above the table of signatures where the script says which tokens want a touch.
pub const TOUCHES_EXACT: &str = "A touch for each signature, while the YubiKey blinks, within 15 seconds. One that is given to a YubiKey that does not blink is \
                                 none. What is done again is touched again. A new PIN is typed twice.";

/// What stands above the table of signatures.
pub const TOUCHES: &str = "A PKCS#11 token does not tell beforehand whether it wants a touch: if it blinks, touch it. A PIN is typed once for \
                           a whole batch; a new one is typed twice.";

/// What happens when certificates end.
pub const THEN_CERTIFICATES: &str =
    "the server takes nothing any more, not even a renewal, and clients that hold these roots stop for good";
/// The same, after a date.
pub const AFTER_CERTIFICATES: &str = "takes nothing any more for repositories with these certificates, not even a renewal, and clients that hold these roots stop for good";
/// What stands on the card of a ceremony about many repositories.
pub const CARD_OF_MANY: &str = "Which version of which repository was signed as which payload does not fit here: the record has it, in its \
                                transcript and its list of what was signed. Keep one medium of the record in the safe beside this card.";

/// When clients stop trusting a tagging key that was stolen.
pub fn old_tagging_key(days: i64) -> String {
    format!(
        "A client that sees the new root stops trusting the old tagging key at once. One that is cut off, or that is shown old answers, stops \
         at the latest when the timestamp that it holds expires: by Notary's default {days} days after the server signed it."
    )
}

/// How many days a timestamp of Notary is good for, by its default.
pub const TIMESTAMP_DAYS: i64 = 14;
/// When a tagging key that was replaced ends for everybody.
pub const THEN_OLD_KEY: &str = "the last timestamp from before a publication on the day of the ceremony ends; clients that see the new root stop trusting it at once";
/// What happens when roots end.
pub const THEN_ROOTS: &str = "clients refuse the repositories until the roots are renewed";
/// What happens when roots have six months left.
pub const THEN_TAGGERS: &str = "whoever tags without an offline key fails";
/// What happens when targets end.
pub const THEN_TARGETS: &str = "clients refuse the repositories until their targets are signed again";

fn first_words(digest: Digest) -> String {
    act_words(digest).join(" ")
}

/// What to bring: private key files.
pub fn bring_key_files(files: &[&str]) -> String {
    let files: Vec<_> = files.iter().map(|file| shown(file)).collect();
    format!("medium with the key file {}, from its owner's own hand", files.join(", "))
}

/// What to bring: tags.
pub fn bring_tags(script: &Script) -> String {
    let tags: Vec<_> = script.tokens.iter().map(|token| shown(&token.tag)).collect();
    format!("tag for a token: {}", tags.join(", "))
}

/// The rules of the room: a heading and a sentence or two each.
pub fn room_rules(script: &Script) -> Vec<(&'static str, String)> {
    let no_return = match script.kind {
        Kind::Genesis | Kind::DctGenesis => {
            "A token is wiped where the screen says INITIALISE. The first signature, and the one that meets the threshold, are announced; before the first one, leaving costs nothing but time."
        }
        _ => {
            "The first signature, and the one that meets the threshold, are announced; before the first one, leaving costs nothing but time. A wiped token cannot be brought back."
        }
    };
    vec![
        ("Who may touch", "Only the operator touches the machine, except that each person types their own PIN and their own word. Only its holder touches a token. The witness touches nothing but this paper.".into()),
        ("Two people", "At no moment is anybody alone with the machine, a token or a medium.".into()),
        ("Reading", "The administrator reads each line aloud before it is done. What is not on this paper is not done without an exception.".into()),
        ("Secrets", "PINs, SO-PINs and personal words are never read aloud, never shown, never written on this paper. The camera looks away while they are typed.".into()),
        ("Time", "All times are UTC, read from the clock that was confirmed.".into()),
        ("No way back", no_return.into()),
        ("Stopping", "Anybody may say stop at any step. The operator types LEAVE, the witness writes the words on the screen, tokens and media go into numbered bags.".into()),
        ("Giving up", "Two people may abandon the ceremony at any prompt. The screen then says where every key, token, signature and medium is.".into()),
        ("Exceptions", "What does not go as printed is an exception: expected, happened, decided, by two people. It is written on a numbered sheet and typed at the prompt EXCEPTION. Signatures, tallies, read-backs and the reset of a token with a trusted key know no exception.".into()),
        ("Breaks", "Breaks are where the script has them. Two people stay; tokens and paper lie in sight; the keyboard is not touched.".into()),
        ("Words", "A digest is read as words, one word a breath, with its number. If a word is not understood, it is spelled by the alphabet below. A word that differs means stop.".into()),
        ("Paper", "Initials at each step, the time at each step. A mistake is struck through once and initialled, never covered.".into()),
    ]
}

/// The spelling alphabet.
pub const ALPHABET: &str = "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu";
/// The digits of the spelling alphabet.
pub const DIGITS: &str = "zero wun too tree fower fife six seven ait niner";

/// What everybody signs at the end.
pub const DECLARATION: &str = "I was in the room for the parts that bear my initials. What this paper says happened as it says, apart from the exceptions that are noted. I know of nothing else that should be written here.";

/// What everybody who was there signs on the report.
pub const REPORT_DECLARATION: &str = "I was in the room. What this report says happened as it says, and the words of the final head are those on the witness's paper.";

/// Words that people ask about.
pub const GLOSSARY: [(&str, &str); 16] = [
    ("alias", "The short name of a token in this script. The token itself is known by its label and serial."),
    (
        "blind read-back",
        "The screen hides some words of a digest, and a person supplies them from paper. So paper and file cannot differ unseen.",
    ),
    ("digest", "The SHA-256 of some bytes. Nobody can make two different files with the same one."),
    (
        "drill",
        "A token is taken out, put in, opened with its PIN typed again, and its key signs a statement. Only then does the key count.",
    ),
    ("exception", "Something that did not go as printed, with what two people decided."),
    ("head", "The digest of the transcript's last entry. It commits to every entry before it."),
    ("keyid", "The digest that names a public key in metadata."),
    ("officer", "A person who holds a token with a root key."),
    ("payload", "The exact bytes that tokens sign."),
    ("point of no return", "A step that cannot be undone. The screen announces it and wants a typed word."),
    ("record", "The folder that this ceremony leaves, on two media."),
    ("root", "The metadata that says which keys are trusted for everything else in the repository."),
    ("SO-PIN", "The PIN that can set a new user PIN. It is sealed, and kept by somebody who holds no token."),
    ("threshold", "How many different root keys must sign before anybody accepts a root."),
    ("transcript", "What happened, entry by entry; each names the digest of the one before it."),
    ("void", "A payload that will not be used. Its signatures stay listed as spent."),
];

/// Words that people ask about in a ceremony about many repositories.
pub const GLOSSARY_OF_MANY: [(&str, &str); 8] = [
    ("batch", "Everything that is reviewed and signed together, for all repositories."),
    ("bundle", "The files of one repository that are published together or not at all."),
    (
        "canonical id",
        "The name of a bare key, and of its file in a trust directory. A root names the same key by the keyid of its certificate.",
    ),
    ("certificate", "What a root names an offline key by. Once it has ended, nothing can be published or repaired."),
    (
        "collection",
        "What servers hold of the repositories today, fetched by the courier, with a manifest that this script pins.",
    ),
    ("GUN", "The name of a repository in Notary, such as docker.io/library/alpine."),
    ("offline key", "A root key of Docker Content Trust."),
    ("tagging key", "The key that signs targets: it says what tags mean."),
];

/// What stands above the words of the script on page one.
pub const SCRIPT_WORDS: &str = "The SHA-256 of this script, in hexadecimal digits and as 32 words. The words stand at the foot of every page too; the witness reads the hidden ones from there.";
/// What stands above the row that ends an act.
pub const END_OF_ACT: &str = "Write the eight words of the transcript's head, and supply the hidden ones from here.";
/// What is expected there.
pub const END_OF_ACT_EXPECT: &str = "The hidden words are accepted, and the next act begins.";
/// How the exception sheets are used.
pub const EXCEPTION_SHEET: &str = "Strike out what is not used. The number is the one that the screen gives.";
/// How many blank exception sheets there are.
pub const EXCEPTION_SHEETS: usize = 5;
/// What the spare forms are for.
pub const SPARE_WORDS: &str = "For a payload that is drafted again after it was voided; otherwise struck out.";
/// What the words of a stop are for.
pub const STOP_WORDS: &str =
    "The eight words on the screen when the operator leaves. Without them nobody can go on. Use a line for each stop.";
/// What stands above the form of a journey.
pub const CHAIN_OF_CUSTODY: &str = "One row for each time that an item goes from one hand to another. Whoever gives and whoever takes read the number of the seal \
                                    aloud, and sign. A seal that is broken, or has another number, is an exception: the item is then treated as if a stranger had had it.";
/// What stands above the form of an end.
pub const DESTROYED: &str = "Two people watch until nothing is left that could be read, and sign. What is not here is not destroyed: write where it is, and who destroys it by when.";
/// Blank rows below the items of a form.
pub const HANDOVERS_MORE: usize = 6;
/// Rows for the shares of a set.
pub const SHARES_ON_FORM: usize = 5;
/// What a token is that exists, in a ceremony about keys, tokens and shares alone.
pub const HOLDS_ITS_KEY: &str = "holds its key already";
/// What another token is there.
pub const BLANK_TOKEN: &str = "blank until today";
