//! What an interview found out: everything that a script says, before it is text.

use crate::{
    ceremony::{
        participants::{Alias, Duty},
        script::SignerAction,
    },
    cli::args::ScriptKind,
    custody::{Opens, Scheme},
    digest::Digest,
    tuf::key::KeyAlgorithm,
    utc::Utc,
};

pub(super) struct Plan {
    pub kind: ScriptKind,
    pub repository: String,
    pub planned: Option<Utc>,
    pub media: [String; 2],
    pub people: Vec<PersonPlan>,
    pub module: ModulePlan,
    pub tokens: Vec<TokenPlan>,
    pub threshold: u64,
    pub algorithm: KeyAlgorithm,
    /// Days until expiry, and the window around it.
    pub days: [u64; 3],
    pub keys: Vec<KeyPlan>,
    pub previous: Option<PreviousPlan>,
    /// Keyids that go out.
    pub removes: Vec<String>,
    /// What a ceremony about keys, tokens and shares alone says.
    pub custody: Option<CustodyPlan>,
    /// What a ceremony of Docker Content Trust says.
    pub dct: Option<DctPlan>,
}

/// A ceremony about many repositories.
pub(super) struct DctPlan {
    /// What was collected: folder, the SHA-256 of its MANIFEST, and how many repositories.
    pub collection: (String, Digest, usize),
    /// The last collection from before a theft.
    pub before: Option<(String, Digest)>,
    /// What becomes of tags that are not as they were, where a stolen key is replaced.
    pub changed: Option<&'static str>,
    /// The tokens of `[root]`: the whole set as it is to be; none where no root is written.
    pub root: Vec<String>,
    /// The tokens that sign today, offline keys first.
    pub signs: Vec<String>,
    /// The tokens whose keys are certified today.
    pub certified: Vec<String>,
    /// For whom certificates are, where one serves all, and their days.
    pub certificate: Option<(Option<String>, u64)>,
    pub tagging: Option<TaggingPlan>,
    pub signers: Vec<SignerPlan>,
    /// A tagging key that is sealed for the day on which today's is stolen.
    pub sealed: Option<String>,
}

/// The tagging keys as they are to be.
pub(super) struct TaggingPlan {
    pub threshold: u64,
    /// Short names of tokens and of keys.
    pub keys: Vec<String>,
    pub days: [u64; 3],
}

/// A signer below the tagging keys.
pub(super) struct SignerPlan {
    pub name: String,
    pub action: SignerAction,
    /// Short names of keys.
    pub keys: Vec<String>,
}

/// A ceremony about keys, tokens and shares alone.
pub(super) struct CustodyPlan {
    /// The short name of the key.
    pub name: String,
    /// Whether the key is one of Docker Content Trust.
    pub notary: bool,
    /// The backup that was made before.
    pub kept: Option<KeptPlan>,
    /// The file that the key is taken from: path, keyid, and who brings it.
    pub file: Option<(String, String, String)>,
    /// The new backup.
    pub backup: Option<BackupPlan>,
    /// What becomes of the old shares, where new ones take their place: the day by which the key is rotated, or their destruction.
    pub old_shares: Option<Option<Utc>>,
    /// Where tokens go to another place: who hands over, and who takes.
    pub handover: Option<(String, String)>,
    /// The file with the public key of each token, by its alias.
    pub publics: Vec<(String, String)>,
}

/// A backup that was made before.
pub(super) struct KeptPlan {
    pub file: String,
    pub sha256: Digest,
    pub sealed: Option<(String, Digest)>,
    pub copy: Option<String>,
    pub keyid: String,
    pub scheme: Scheme,
    /// What the shares open.
    pub opens: Opens,
    /// Who brings which share.
    pub custodians: Vec<(u8, String)>,
}

/// A backup that is made.
pub(super) struct BackupPlan {
    pub threshold: u64,
    pub custodians: Vec<String>,
    pub contact: String,
    pub printer: Option<String>,
}

pub(super) struct PersonPlan {
    pub id: String,
    pub name: String,
    pub duties: Vec<Duty>,
    pub stands_in_for: Option<String>,
}

pub(super) struct ModulePlan {
    pub path: String,
    pub sha256: Option<Digest>,
    pub model: Option<String>,
}

pub(super) struct TokenPlan {
    pub alias: String,
    /// Short names of people.
    pub holder: String,
    pub user_pin: String,
    pub so_pin: String,
    pub tag: String,
    /// The keyid of the root key that it holds already.
    pub keyid: Option<String>,
    /// Label and serial, where they are known.
    pub known: Option<(String, String)>,
    pub spare_for: Option<String>,
    /// What the script says above it.
    pub says: Option<&'static str>,
}

/// A key from outside; that of an online role has its name.
pub(super) struct KeyPlan {
    pub name: String,
    pub owner: String,
    pub file: String,
    pub keyid: String,
    pub proof: Proof,
}

/// How a key from outside is proven.
pub(super) enum Proof {
    /// By a statement in this file.
    Statement(String),
    /// By nothing: a server holds it.
    Server,
    /// By the token of this script that holds it, when it is opened.
    Token(String),
}

pub(super) struct PreviousPlan {
    pub file: String,
    pub version: u64,
    pub sha256: Digest,
    pub threshold: u64,
}

impl Plan {
    /// The short name of somebody with `duty` who stands in for nobody.
    pub fn with(&self, duty: Duty) -> Vec<&str> {
        let people =
            self.people.iter().filter(|person| person.duties.contains(&duty) && person.stands_in_for.is_none());
        people.map(|person| person.id.as_str()).collect()
    }

    pub fn first(&self, duty: Duty) -> &str {
        self.with(duty).first().copied().unwrap_or_else(|| self.people[0].id.as_str())
    }

    /// The short name of the person with this name; they get `duty`, and are made where they are new.
    pub fn person(&mut self, name: &str, duty: Duty) -> String {
        if let Some(person) = self.people.iter_mut().find(|person| person.name == name || person.id == name) {
            if !person.duties.contains(&duty) {
                person.duties.push(duty);
            }
            return person.id.clone();
        }
        let id = self.free_id(name);
        self.people.push(PersonPlan { id: id.clone(), name: name.to_owned(), duties: vec![duty], stands_in_for: None });
        id
    }

    pub fn name(&self, id: &str) -> String {
        self.people.iter().find(|person| person.id == id).map_or_else(|| id.to_owned(), |person| person.name.clone())
    }

    fn free_id(&self, name: &str) -> String {
        let first = fold(name.split_whitespace().next().unwrap_or_default());
        let base = if Alias::try_from(first.clone()).is_ok() { first } else { "person".into() };
        let taken = |id: &str| self.people.iter().any(|person| person.id == id);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        std::iter::once(base.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(base)
    }

    /// Tokens that play a part of their own.
    pub fn principals(&self) -> impl Iterator<Item = &TokenPlan> {
        self.tokens.iter().filter(|token| token.spare_for.is_none())
    }

    /// How many keys the root has afterwards.
    pub fn root_keys(&self) -> u64 {
        let spelled = self.dct.as_ref().map(|dct| dct.root.len());
        spelled.unwrap_or_else(|| self.principals().count()) as u64
    }

    /// Whether it writes a root, whose threshold people know.
    pub fn writes_root(&self) -> bool {
        self.custody.is_none() && self.kind != ScriptKind::DctDelegate
    }

    /// Whether somebody holds duties that should check each other.
    pub fn duties_are_merged(&self) -> bool {
        self.people.iter().any(|person| {
            person.duties.iter().any(|one| person.duties.iter().any(|other| one != other && one.clashes_with(*other)))
        })
    }
}

/// A short name in a-z, 0-9 and -: letters with marks lose them, others fall away.
pub(super) fn fold(name: &str) -> String {
    const MARKED: [(char, &str); 18] = [
        ('a', "áàâäãåāăą"),
        ('c', "çćč"),
        ('d', "ďđð"),
        ('e', "éèêëēěę"),
        ('g', "ğģ"),
        ('i', "íìîïīıį"),
        ('k', "ķ"),
        ('l', "łľļ"),
        ('n', "ñńňņ"),
        ('o', "óòôöõøőō"),
        ('r', "řŕ"),
        ('s', "śšşș"),
        ('t', "ťţț"),
        ('u', "úùûüūůű"),
        ('y', "ýÿ"),
        ('z', "źžż"),
        ('w', "ŵ"),
        ('j', "ĵ"),
    ];
    let plain =
        |letter: char| MARKED.iter().find(|(_, marked)| marked.contains(letter)).map_or(letter, |(plain, _)| *plain);
    let keeps = |letter: &char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || *letter == '-';
    name.to_lowercase().chars().map(plain).filter(keeps).take(28).collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn names_of_people_become_short_names_that_a_script_takes() {
        assert_eq!(fold("Věra"), "vera");
        assert_eq!(fold("Jón"), "jon");
        assert_eq!(fold("O'Neill"), "oneill");
        assert_eq!(fold("日本"), "");
    }
}
