//! Scripts of one person, as short as the program lets them be: what a test is about stands in it, and nothing else.

use std::fmt::Write as _;

use officiant::{digest::Digest, tuf::KeyId};

use crate::ceremony_support::{People, Pins};

/// The word of the one person.
const WORD: &str = "saffron";
/// Of keys that are handed over.
pub const PASSPHRASE: &str = "a-passphrase-of-tests";

/// How a token comes by its key.
#[derive(Clone, Debug)]
enum How {
    /// It is prepared, and a key is generated.
    Fresh,
    /// It has its key, and is opened.
    Held(KeyId),
    /// It has its key, and lies in its bag.
    Away(KeyId),
    /// It is prepared, and a key is brought to it from a file; the repositories know the key.
    Brought(KeyId, String),
}

/// A key whose owner signs elsewhere: its files lie beside the script.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    pub name: String,
    pub keyid: KeyId,
}

/// A ceremony of Docker Content Trust.
#[derive(Clone, Debug)]
pub struct Plan {
    kind: &'static str,
    collection: (String, Digest, usize),
    before: Option<(String, Digest)>,
    tokens: Vec<(String, How)>,
    spares: Vec<(String, String)>,
    root: Option<(u64, Vec<String>)>,
    certificate: Option<Option<String>>,
    certifies: Vec<String>,
    tagging: Vec<String>,
    signers: Vec<(String, &'static str, Vec<String>)>,
    keys: Vec<Elsewhere>,
    handed: Vec<(String, String, Option<String>)>,
    tags: &'static str,
    signs: Vec<String>,
    days: u32,
}

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

impl Plan {
    /// A ceremony of this kind about the repositories that were collected into `folder`.
    pub fn new(kind: &'static str, folder: &str, manifest: Digest, repositories: usize) -> Self {
        Self {
            kind,
            collection: (folder.into(), manifest, repositories),
            before: None,
            tokens: vec![],
            spares: vec![],
            root: None,
            certificate: None,
            certifies: vec![],
            tagging: vec![],
            signers: vec![],
            keys: vec![],
            handed: vec![],
            tags: "ask",
            signs: vec![],
            days: 3650,
        }
    }

    /// A token that is prepared today, and signs.
    #[must_use]
    pub fn fresh(mut self, alias: &str) -> Self {
        self.tokens.push((alias.into(), How::Fresh));
        self.signing(alias)
    }

    /// A token that has its key, and signs.
    #[must_use]
    pub fn held(mut self, alias: &str, keyid: &KeyId) -> Self {
        self.tokens.push((alias.into(), How::Held(keyid.clone())));
        self.signing(alias)
    }

    /// A token that lies in its bag.
    #[must_use]
    pub fn away(mut self, alias: &str, keyid: &KeyId) -> Self {
        self.tokens.push((alias.into(), How::Away(keyid.clone())));
        self
    }

    /// A token to which the key in `file` is brought, and that signs.
    #[must_use]
    pub fn brought(mut self, alias: &str, keyid: &KeyId, file: &str) -> Self {
        self.tokens.push((alias.into(), How::Brought(keyid.clone(), file.into())));
        self.signing(alias)
    }

    /// A blank token that takes the place of another one if that fails.
    #[must_use]
    pub fn spare(mut self, alias: &str, of: &str) -> Self {
        self.spares.push((alias.into(), of.into()));
        self
    }

    fn signing(mut self, alias: &str) -> Self {
        self.signs.push(alias.into());
        self
    }

    /// The offline keys as they are to be.
    #[must_use]
    pub fn root(mut self, threshold: u64, tokens: &[&str]) -> Self {
        self.root = Some((threshold, texts(tokens)));
        self
    }

    /// For how many days roots and targets hold.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// These tokens certify their keys: for all repositories below `common_name`, or for each by its name.
    #[must_use]
    pub fn certified(mut self, common_name: Option<&str>, tokens: &[&str]) -> Self {
        self.certificate = Some(common_name.map(str::to_owned));
        self.certifies = texts(tokens);
        self
    }

    /// The tagging keys: tokens, or keys from elsewhere.
    #[must_use]
    pub fn tagging(mut self, keys: &[&str]) -> Self {
        self.tagging = texts(keys);
        self
    }

    /// A signer who comes, goes or gets other keys.
    #[must_use]
    pub fn signer(mut self, name: &str, action: &'static str, keys: &[&str]) -> Self {
        self.signers.push((name.into(), action, texts(keys)));
        self
    }

    /// A key from elsewhere.
    #[must_use]
    pub fn key(mut self, key: &Elsewhere) -> Self {
        self.keys.push(key.clone());
        self
    }

    /// A key that is made here for somebody who signs elsewhere.
    #[must_use]
    pub fn hands_over(mut self, name: &str, role: &str, gun: Option<&str>) -> Self {
        self.handed.push((name.into(), role.into(), gun.map(str::to_owned)));
        self
    }

    /// Tags are judged against this collection.
    #[must_use]
    pub fn before(mut self, folder: &str, manifest: Digest) -> Self {
        self.before = Some((folder.into(), manifest));
        self
    }

    /// What becomes of tags that are not as they were.
    #[must_use]
    pub fn tags(mut self, changed: &'static str) -> Self {
        self.tags = changed;
        self
    }

    /// The one person, who knows every PIN.
    pub fn people(&self) -> People {
        let mut people = People::default();
        people.words.insert("sam".into(), WORD.into());
        for alias in self.tokens.iter().map(|(alias, _)| alias).chain(self.spares.iter().map(|(alias, _)| alias)) {
            let pins = Pins { user: format!("user-{alias}"), so: format!("so-of-{alias}") };
            people.pins.insert(alias.clone(), pins);
        }
        for (name, ..) in &self.handed {
            people.passphrases.insert(name.clone(), PASSPHRASE.into());
        }
        people
    }

    /// The script; `module` is what stands in `[[module]]` behind its name.
    pub fn text(&self, module: &str) -> String {
        let mut text = self.head(module);
        text += "\n[[act]]\ntitle = \"The whole day\"\n";
        let step = |text: &mut String, kind: &str, more: &str| {
            let _ = write!(text, "\n[[act.step]]\ndo = \"{kind}\"\n{more}");
        };
        let token = |alias: &str| format!("token = \"{alias}\"\n");
        step(&mut text, "roll-call", "");
        step(&mut text, "script-words", "witness = \"sam\"\n");
        step(&mut text, "confirm-clock", "who = [\"sam\"]\n");
        step(&mut text, "preflight", "");
        step(&mut text, "import-repositories", "");
        if !self.keys.is_empty() {
            step(&mut text, "import-keys", "");
        }
        if self.kind == "dct-rotate-tagging-key" {
            step(&mut text, "judge-tags", "");
        }
        for (name, role, gun) in &self.handed {
            let gun = gun.as_ref().map(|gun| format!("gun = \"{gun}\"\n")).unwrap_or_default();
            let more = format!("name = \"{name}\"\nrole = \"{role}\"\nkeeper = \"sam\"\n{gun}");
            step(&mut text, "hand-over-key", &more);
        }
        for (alias, how) in &self.tokens {
            match how {
                How::Away(_) => continue,
                How::Held(_) => {
                    step(&mut text, "open-token", &token(alias));
                    continue;
                }
                How::Fresh => {
                    step(&mut text, "prepare-token", &token(alias));
                    step(&mut text, "generate-key", &token(alias));
                }
                How::Brought(_, file) => {
                    step(&mut text, "prepare-token", &token(alias));
                    step(&mut text, "import-key", &format!("{}file = \"{file}\"\n", token(alias)));
                }
            }
            step(&mut text, "drill-token", &token(alias));
        }
        for alias in &self.certifies {
            step(&mut text, "certify", &token(alias));
        }
        step(&mut text, "draft", "");
        step(&mut text, "review", "witness = \"sam\"\nwho = [\"sam\"]\n");
        for alias in &self.signs {
            step(&mut text, "sign", &token(alias));
        }
        step(&mut text, "export", "");
        let tokens = list(&self.signs);
        step(&mut text, "close", &format!("tokens = {tokens}\nwitness = \"sam\"\n"));
        text
    }

    fn head(&self, module: &str) -> String {
        let mut text = format!(
            "format = 1\nceremony = \"{}\"\ntitle = \"A ceremony of tests\"\nrepository = \"docker.io/example\"\ndialect = \"notary\"\n\
             media = [\"stick A\", \"stick B\"]\n\n[declares]\nsingle-control = true\nmerged-duties = true\nno-spare = true\n\n\
             [[people]]\nid = \"sam\"\nname = \"Sam Ferreira\"\nduties = [\"administrator\", \"operator\", \"officer\", \"witness\"]\n\n\
             [[module]]\nname = \"hsm\"\n{module}\n",
            self.kind
        );
        for (alias, how) in &self.tokens {
            let _ = write!(
                text,
                "\n[[token]]\nalias = \"{alias}\"\nholder = \"sam\"\ntag = \"tag of {alias}\"\nmodule = \"hsm\"\nso-pin = \"sam\"\n"
            );
            if let How::Held(keyid) | How::Away(keyid) | How::Brought(keyid, _) = how {
                let _ = writeln!(text, "keyid = \"{}\"", keyid.as_str());
            }
        }
        for (alias, of) in &self.spares {
            let _ = write!(
                text,
                "\n[[token]]\nalias = \"{alias}\"\nholder = \"sam\"\ntag = \"tag of {alias}\"\nmodule = \"hsm\"\nso-pin = \"sam\"\n\
                 spare-for = \"{of}\"\n"
            );
        }
        let (folder, manifest, count) = &self.collection;
        let _ =
            write!(text, "\n[collection]\nfolder = \"{folder}\"\nmanifest = \"{manifest}\"\nrepositories = {count}\n");
        if let Some((folder, manifest)) = &self.before {
            let _ = write!(text, "\n[collection-before]\nfolder = \"{folder}\"\nmanifest = \"{manifest}\"\n");
        }
        let days = self.days;
        let expires = format!("expires = {{ days = {days}, at-least-days = 300, at-most-days = 3660 }}\n");
        if let Some((threshold, keys)) = &self.root {
            let _ = write!(text, "\n[root]\nthreshold = {threshold}\nkeys = {}\n{expires}", list(keys));
        }
        if let Some(common_name) = &self.certificate {
            let name = common_name.as_ref().map(|name| format!("common-name = \"{name}\"\n")).unwrap_or_default();
            let _ = write!(text, "\n[certificate]\ndays = 5475\n{name}");
        }
        if !self.tagging.is_empty() {
            let _ = write!(text, "\n[tagging]\nkeys = {}\n{expires}", list(&self.tagging));
        }
        for (name, action, keys) in &self.signers {
            let _ = write!(text, "\n[[signer]]\nname = \"{name}\"\naction = \"{action}\"\n");
            if *action != "remove" {
                let _ = writeln!(text, "keys = {}", list(keys));
            }
        }
        for Elsewhere { name, keyid } in &self.keys {
            let _ = write!(
                text,
                "\n[[key]]\nname = \"{name}\"\nowner = \"{name} of the release team\"\nfile = \"{name}.pub\"\nkeyid = \"{}\"\n\
                 possession = \"{name}.possession\"\n",
                keyid.as_str()
            );
        }
        if self.kind == "dct-rotate-tagging-key" {
            let _ = write!(text, "\n[tags]\nchanged = \"{}\"\n", self.tags);
        }
        text
    }
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", names.join(", "))
}
