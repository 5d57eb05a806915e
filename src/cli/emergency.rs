//! `emergency`: the script for the night on which the tagging key is stolen, made on a quiet day from the record that left its sealed spare.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    args::Emergency,
    exit::{Exit, Stop},
    new::quoted,
    out, start,
};
use crate::{
    ceremony::{
        Ceremony,
        check::check,
        event::Mode,
        participants::{Alias, PersonId},
        script::{ExpirySpec, RepositoriesSpec, Script, TaggingSpec, TokenSpec, read},
    },
    fault::Fault,
    files,
    rules::{Refusal, Rule},
    text::shown,
    tuf::key::{Key, KeyId},
};

/// What stands for a manifest that nobody collected yet.
const NOT_YET: &str = "0000000000000000000000000000000000000000000000000000000000000000";

pub(super) fn emergency(args: &Emergency) -> Result<Exit, Stop> {
    let ceremony = start::find(&args.record, None)?.ceremony();
    if ceremony.mode() == Mode::Rehearsal {
        let what = format!("{} is the record of a rehearsal.", files::name(&args.record));
        let remedy = "Name the record of the real ceremony: it has the keys that count.";
        return Err(Refusal::new(Rule::RehearsalMarked, what, remedy).into());
    }
    let night = Night::of(&ceremony).map_err(|what| Stop::Usage(format!("{}: {what}", files::name(&args.record))))?;
    let text = night.text();
    let read = read::script(text.as_bytes())
        .map_err(|error| Stop::Usage(format!("that record makes no script ({error}); write it by hand")))?;
    let keys = args.output.join("keys");
    std::fs::create_dir_all(&keys).map_err(|error| Fault::machine("make the folder of the script", error))?;
    for (alias, key) in &night.spares {
        let pem = key.public().to_spki_pem();
        let pem = pem.ok_or_else(|| Stop::Usage(format!("the key of {alias} has no form as PEM")))?;
        out::write(Some(&keys.join(format!("{alias}.pem"))), &pem)?;
    }
    out::write(Some(&args.output.join("emergency.toml")), &text)?;
    let checked = check(&read);
    for finding in &checked.findings {
        let (what, remedy) = (shown(&finding.what), shown(&finding.remedy));
        out::say(&format!("{}: {what} {remedy}", finding.severity.word()));
    }
    out::say(
        "Next: read it, let it be approved, and rehearse it with a collection of today. At night only the manifests of \
         [collection] and [collection-before] change.",
    );
    Ok(if checked.holds() { Exit::Done } else { Exit::Usage })
}

/// Who meets at night, with what.
struct Night<'a> {
    script: &'a Script,
    spec: &'a RepositoriesSpec,
    tagging: &'a TaggingSpec,
    /// Every token with an offline key, with the canonical id of that key.
    offline: Vec<(&'a TokenSpec, KeyId)>,
    /// How many of them sign: the first ones.
    sign: usize,
    /// The spare tagging keys.
    spares: Vec<(Alias, Key)>,
    /// Label and serial of each token, as it was bound.
    bound: BTreeMap<Alias, (String, String)>,
    /// Whoever comes.
    awake: Vec<PersonId>,
}

impl<'a> Night<'a> {
    fn of(ceremony: &'a Ceremony) -> Result<Self, String> {
        let script: &Script = ceremony.script();
        let spec = script.repositories.as_ref().ok_or("it is not about repositories of Docker Content Trust")?;
        let tagging = spec.tagging.as_ref().ok_or("its ceremony knew no tagging keys")?;
        let key = |alias: &Alias| ceremony.token(&ceremony.playing(alias)).key;
        let id = |token: &TokenSpec| key(&token.alias).map(|key| key.canonical_id()).or_else(|| token.keyid.clone());
        let root = script.root.keys.iter().filter_map(|alias| script.token(&ceremony.playing(alias)));
        let offline: Vec<_> = root.filter_map(|token| Some((token, id(token)?))).collect();
        if offline.len() < script.root.keys.len() {
            return Err("it does not tell the key of every offline token".into());
        }
        let is_spare = |token: &&TokenSpec| {
            let in_no_role = !script.root.keys.contains(&token.alias) && !spec.tags_with(&token.alias);
            in_no_role && token.spare_for.is_none() && token.keyid.is_none()
        };
        let spares = script.tokens.iter().filter(is_spare).filter(|token| ceremony.token(&token.alias).counts);
        let spares: Vec<_> = spares.filter_map(|token| Some((token.alias.clone(), key(&token.alias)?))).collect();
        let wanted = usize::try_from(tagging.threshold).unwrap_or(usize::MAX);
        if spares.len() < wanted {
            return Err(format!(
                "it leaves {} spare tagging keys, and {wanted} must sign: a spare is a token that was prepared and drilled, and is in no role",
                spares.len()
            ));
        }
        let sign = (1..=offline.len()).find(|count| {
            script.distinct_keys(offline.iter().take(*count).map(|(t, _)| &t.alias)) >= script.root.threshold
        });
        let sign = sign.ok_or("its offline keys are fewer than its threshold")?;
        let bound = script.tokens.iter().filter_map(|token| {
            let seen = ceremony.token(&token.alias).bound?.token;
            Some((token.alias.clone(), (seen.label, seen.serial)))
        });
        let come = offline.iter().take(sign).map(|(token, _)| *token);
        let come = come.chain(spares.iter().filter_map(|(alias, _)| script.token(alias)));
        let mut awake: Vec<PersonId> = vec![];
        for person in come.flat_map(|token| [&token.user_pin, &token.holder]) {
            if !awake.contains(person) {
                awake.push(person.clone());
            }
        }
        Ok(Self { script, spec, tagging, bound: bound.collect(), sign, spares, awake, offline })
    }

    fn tokens(&self) -> impl Iterator<Item = (&TokenSpec, KeyId)> {
        let spares =
            self.spares.iter().filter_map(|(alias, key)| Some((self.script.token(alias)?, key.canonical_id())));
        self.offline.iter().map(|(token, id)| (*token, id.clone())).chain(spares)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Three in the morning: made on a quiet day from the record that left the sealed spare. Everything but the manifests of [collection] and\n\
             # [collection-before] can be checked, rehearsed and approved now. `officiant-courier collect` prints them.\n\n\
             format = 1\nceremony = \"dct-rotate-tagging-key\"\n\
             title = {}\nrepository = {}\ndialect = \"notary\"\nmedia = [{}, {}]\n\n\
             [declares]\nmerged-duties = true\nsingle-control = {}\nno-spare = {}\n",
            quoted(&format!(
                "The tagging key of {} is stolen, and its sealed spare takes its place",
                self.script.repository
            )),
            quoted(&self.script.repository),
            quoted(&self.script.media[0]),
            quoted(&self.script.media[1]),
            self.script.declares.single_control || self.awake.len() < 2,
            self.script.declares.no_spare,
        );
        self.people(&mut text);
        for module in &self.script.modules {
            let _ = write!(text, "\n[[module]]\nname = \"{}\"\npath = {}\n", module.name, quoted(&module.path));
            if let Some(sha256) = module.sha256 {
                let _ = writeln!(text, "sha256 = \"{sha256}\"");
            }
            if let Some(model) = &module.model {
                let _ = writeln!(text, "model = {}", quoted(model));
            }
        }
        self.keys(&mut text);
        self.steps(&mut text);
        text
    }

    fn people(&self, text: &mut String) {
        let kept = self.tokens().flat_map(|(token, _)| [&token.holder, &token.user_pin, &token.so_pin]);
        let mut all = self.awake.clone();
        for person in kept {
            if !all.contains(person) {
                all.push(person.clone());
            }
        }
        for (place, person) in all.iter().enumerate() {
            let (says, duties) = match (place, self.awake.len()) {
                (0, 1) => ("", "\"administrator\", \"operator\", \"officer\", \"witness\", \"publisher\""),
                (0, _) => ("", "\"administrator\", \"officer\", \"publisher\""),
                (1, 2..) => ("", "\"operator\", \"officer\", \"witness\""),
                (place, awake) if place < awake => ("", "\"officer\""),
                _ if self.tokens().any(|(token, _)| [&token.holder, &token.user_pin].contains(&person)) => {
                    ("\n# Asleep: nothing waits for them.", "\"officer\"")
                }
                _ => ("\n# Asleep: nothing waits for them.", "\"keeper\""),
            };
            let name = quoted(self.script.name(person));
            let _ = write!(text, "{says}\n[[people]]\nid = \"{person}\"\nname = {name}\nduties = [{duties}]\n");
        }
    }

    fn keys(&self, text: &mut String) {
        for (token, id) in self.tokens() {
            let _ = write!(
                text,
                "\n[[token]]\nalias = \"{}\"\nholder = \"{}\"\ntag = {}\nmodule = \"{}\"\n",
                token.alias,
                token.holder,
                quoted(&token.tag),
                token.module
            );
            let known = token.known.as_ref().map(|known| (known.label.clone(), known.serial.clone()));
            if let Some((label, serial)) = self.bound.get(&token.alias).cloned().or(known) {
                let native = self.script.module(&token.module).is_some_and(|module| module.yubikey().is_some());
                if !native {
                    let _ = writeln!(text, "label = {}", quoted(&label));
                }
                let _ = writeln!(text, "serial = {}", quoted(&serial));
            }
            let _ =
                writeln!(text, "keyid = \"{id}\"\nuser-pin = \"{}\"\nso-pin = \"{}\"", token.user_pin, token.so_pin);
        }
        for (alias, key) in &self.spares {
            let _ = write!(
                text,
                "\n[[key]]\nname = \"key-{alias}\"\nowner = \"Sealed spare tagging key\"\nfile = \"keys/{alias}.pem\"\nkeyid = \"{}\"\n\
                 held-by-token = \"{alias}\"\n",
                key.canonical_id()
            );
        }
        let expires = |of: &ExpirySpec| {
            let ExpirySpec { days, at_least_days, at_most_days } = of;
            format!("expires = {{ days = {days}, at-least-days = {at_least_days}, at-most-days = {at_most_days} }}\n")
        };
        let list = |names: &mut dyn Iterator<Item = &Alias>| {
            names.map(|alias| format!("\"{alias}\"")).collect::<Vec<_>>().join(", ")
        };
        let root = list(&mut self.offline.iter().map(|(token, _)| &token.alias));
        let tagging = list(&mut self.spares.iter().map(|(alias, _)| alias));
        let _ = write!(
            text,
            "\n# Collected at night; `repositories` is how many there are then.\n[collection]\nfolder = \"dct-today\"\nmanifest = \"{NOT_YET}\"\n\
             repositories = {}\n\n# The last collection from before the theft.\n[collection-before]\nfolder = \"dct-before\"\nmanifest = \"{NOT_YET}\"\n\n\
             [root]\nthreshold = {}\nkeys = [{root}]\n{}\n[tagging]\nthreshold = {}\nkeys = [{tagging}]\n{}\n\
             # Whatever changed since the last good collection is put back: nobody has to judge tags at night.\n[tags]\nchanged = \"drop\"\n",
            self.spec.collection.repositories,
            self.script.root.threshold,
            expires(&self.script.root.expiry),
            self.tagging.threshold,
            expires(&self.tagging.expiry),
        );
    }

    fn steps(&self, text: &mut String) {
        let come: Vec<&Alias> = self.offline.iter().take(self.sign).map(|(token, _)| &token.alias).collect();
        let come: Vec<&Alias> = come.into_iter().chain(self.spares.iter().map(|(alias, _)| alias)).collect();
        let witness = self.awake.get(1).unwrap_or(&self.awake[0]);
        let clocks: Vec<String> = self.awake.iter().take(2).map(|person| format!("\"{person}\"")).collect();
        let who: Vec<String> = self.awake.iter().map(|person| format!("\"{person}\"")).collect();
        let token = |alias: &Alias| format!("token = \"{alias}\"\n");
        let of_witness = format!("witness = \"{witness}\"\n");
        let tokens: Vec<String> = come.iter().map(|alias| format!("\"{alias}\"")).collect();
        let fields = "fields = [\"Numbers of the new bags\", \"Where the stolen key was, and what becomes of it\"]\n";
        let opened = come.iter().map(|alias| ("open-token", token(alias), 1));
        let signed = come.iter().map(|alias| ("sign", token(alias), 1));
        let mut act = |title: &str, steps: Vec<(&str, String, u32)>| {
            let _ = write!(text, "\n[[act]]\ntitle = \"{title}\"\n");
            for (kind, more, minutes) in steps {
                let _ = write!(text, "\n[[act.step]]\ndo = \"{kind}\"\n{more}minutes = {minutes}\n");
            }
        };
        act(
            "Sit down",
            vec![
                ("roll-call", String::new(), 2),
                ("script-words", of_witness.clone(), 2),
                ("confirm-clock", format!("who = [{}]\n", clocks.join(", ")), 1),
                ("preflight", String::new(), 1),
            ],
        );
        act(
            "The repositories as clients hold them now",
            vec![
                ("import-repositories", String::new(), 1),
                ("judge-tags", String::new(), 3),
                ("import-keys", String::new(), 1),
            ],
        );
        act("The sealed tokens", opened.collect());
        let review = format!("{of_witness}who = [{}]\n", who.join(", "));
        act("Compose and review", vec![("draft", String::new(), 1), ("review", review, 6)]);
        act("Sign", signed.collect());
        act(
            "Write the bundles and close",
            vec![
                ("export", String::new(), 1),
                ("record", format!("who = [\"{witness}\"]\n{fields}"), 2),
                ("close", format!("tokens = [{}]\n{of_witness}", tokens.join(", ")), 3),
            ],
        );
    }
}
