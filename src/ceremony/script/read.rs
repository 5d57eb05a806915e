//! Reads a script: strictly, and with the line and the field of whatever is wrong.

mod backup;
mod last_ceremony;
mod repositories;
mod step;

use std::{fmt, ops::Range};

use toml::Spanned;

use super::{
    Act, ChangeSpec, KeySpec, Kind, KnownToken, ModuleSpec, PossessionSpec, PreviousSpec, RoleSpec, RootSpec, Script,
    TokenSpec,
    raw::{RawAct, RawKey, RawModule, RawPerson, RawRole, RawScript, RawToken},
};
use crate::{
    ceremony::participants::{Alias, ModuleName, Person, PersonId},
    device::yubikey::{NATIVE, YubiKeyUri},
    digest::Digest,
    text::shown,
    tuf::{key::KeyId, role::RoleName},
    utc::Utc,
};

/// The only format there is.
pub const FORMAT: u32 = 1;
/// The longest script, in bytes.
pub const SCRIPT_SIZE_MAX: usize = 1 << 20;
/// The longest text in one field, in characters.
pub const FIELD_MAX: usize = 2000;

pub use self::repositories::REPOSITORIES_MAX;

/// What is wrong with a script, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, naming the field as it is typed.
    pub what: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ScriptError {}

type Read<T> = Result<T, ScriptError>;

/// Reads a script from its text.
///
/// # Errors
/// The first thing that is wrong.
pub fn script(bytes: &[u8]) -> Read<Script> {
    if bytes.len() > SCRIPT_SIZE_MAX {
        return Err(ScriptError { line: 1, what: format!("the script is longer than {SCRIPT_SIZE_MAX} bytes") });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ScriptError {
        line: 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count(),
        what: "not UTF-8 text".into(),
    })?;
    let raw: RawScript = toml::from_str(text).map_err(|error| ScriptError {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        what: error.message().lines().collect::<Vec<_>>().join(" "),
    })?;
    Reader { text }.script(raw, Digest::of(bytes))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn error<T>(&self, span: Range<usize>, what: impl Into<String>) -> Read<T> {
        Err(ScriptError { line: line_of(self.text, span.start), what: what.into() })
    }

    fn script(&self, raw: RawScript, digest: Digest) -> Read<Script> {
        if *raw.format.get_ref() != FORMAT {
            return self.error(
                raw.format.span(),
                format!("format is {}; this program reads format {FORMAT}", raw.format.get_ref()),
            );
        }
        let planned = raw.planned.as_ref().map(|planned| self.instant("planned", planned)).transpose()?;
        let people = self.people(&raw.people)?;
        let modules = self.modules(&raw)?;
        let tokens = raw.token.iter().map(|token| self.token(token, &people, &modules)).collect::<Read<Vec<_>>>()?;
        self.unique("token alias", raw.token.iter().map(|token| &token.alias))?;
        for token in &raw.token {
            if let Some(spare_for) = &token.spare_for {
                self.known_token(spare_for, &tokens)?;
            }
        }
        let keys = raw.key.iter().map(|key| self.key(key, &tokens)).collect::<Read<Vec<_>>>()?;
        self.unique("key name", raw.key.iter().map(|key| &key.name))?;
        let handed = self.handed_over(&raw)?;
        let named: Vec<Alias> = keys.iter().map(|key| key.name.clone()).chain(handed).collect();
        let roles = raw.role.iter().map(|role| self.role(role, &named)).collect::<Read<Vec<_>>>()?;
        self.unique("role", raw.role.iter().map(|role| &role.role))?;
        let backup = raw.backup.as_ref().map(|backup| self.backup(backup, &people)).transpose()?;
        let repositories = self.repositories(&raw, &tokens, &named)?;
        let root = match &raw.root {
            Some(root) => self.root(root, &tokens)?,
            None if raw.ceremony.writes_roots() => {
                return self.error(0..0, "[root] is missing: threshold, keys and expires of the root role");
            }
            None => self.no_root(),
        };
        let script = Script {
            digest,
            title: raw.title,
            kind: raw.ceremony,
            repository: self.line_of_text("repository", &raw.repository)?,
            dialect: raw.dialect,
            planned,
            declares: raw.declares,
            clock_tolerance_seconds: raw.clock_tolerance_seconds,
            media: raw.media.get_ref().clone(),
            root,
            repositories,
            backup,
            kept: self.kept(&raw.kept, &people)?,
            previous: raw
                .previous
                .map(|previous| {
                    Ok(PreviousSpec {
                        file: self.file("previous.file", &previous.file)?,
                        version: *previous.version.get_ref(),
                        sha256: self.digest("previous.sha256", &previous.sha256)?,
                    })
                })
                .transpose()?,
            last_ceremony: raw
                .last_ceremony
                .map(|last| self.last_ceremony(&last, &raw.repository, raw.ceremony.is_about_repositories()))
                .transpose()?,
            change: raw
                .change
                .map(|change| {
                    Ok(ChangeSpec {
                        adds: change.adds.iter().map(|alias| self.known_token(alias, &tokens)).collect::<Read<_>>()?,
                        removes: change.removes.iter().map(|keyid| self.keyid(keyid)).collect::<Read<_>>()?,
                        threshold_was: change.threshold_was,
                    })
                })
                .transpose()?,
            acts: self.acts(&raw.act, &people, &tokens, raw.ceremony.is_about_repositories())?,
            people,
            tokens,
            modules,
            keys,
            roles,
        };
        self.whole(&script, &raw.act)?;
        Ok(script)
    }

    /// What must hold between sections.
    fn whole(&self, script: &Script, acts: &Spanned<Vec<RawAct>>) -> Read<()> {
        let top = 0..0;
        if script.media[0] == script.media[1] {
            return self.error(top, "media: the two labels must differ, since media are named by them");
        }
        if script.repository.is_empty() {
            return self.error(top, "repository is empty");
        }
        match (script.kind, &script.previous, &script.change) {
            (Kind::Genesis, Some(_), _) => return self.error(top, "a genesis has no [previous] root"),
            (Kind::Genesis, _, Some(_)) => return self.error(top, "a genesis has no [change]"),
            (Kind::RotateRoot | Kind::RenewExpiry, None, _) => {
                return self.error(
                    top,
                    "[previous] is missing: file, version and sha256 of the root that clients trust today",
                );
            }
            (Kind::RotateRoot, _, None) => {
                return self.error(top, "[change] is missing: which root keys come in and go out");
            }
            (Kind::RenewExpiry, _, Some(_)) => {
                return self.error(top, "a renewal has no [change]: only the expiry changes");
            }
            _ => {}
        }
        if script.kind == Kind::RenewExpiry && !script.roles.is_empty() {
            return self.error(top, "a renewal has no [[role]]: only the expiry changes");
        }
        // Keys, tokens and shares are the same in every dialect; what names a key is not.
        if !script.kind.is_custody() && script.kind.is_about_repositories() != script.dialect.certifies(&RoleName::Root)
        {
            return self.error(
                top,
                "dialect: ceremonies whose name begins with dct- write dialect = \"notary\", all others \"tuf1\"",
            );
        }
        if script.kind.writes_roots() && script.root.threshold > script.distinct_root_keys() {
            let what = format!(
                "root.threshold is {}, and the tokens hold {} different keys: tokens to which one key is brought are one key",
                script.root.threshold,
                script.distinct_root_keys()
            );
            return self.error(acts.span(), what);
        }
        self.made_in_memory(script, acts)?;
        let drafts = script.numbered().filter(|(_, step)| step.action.drafts()).count();
        if drafts > 1 {
            return self.error(acts.span(), "there is more than one draft step: one ceremony writes one root");
        }
        Ok(())
    }

    fn people(&self, raw: &Spanned<Vec<RawPerson>>) -> Read<Vec<Person>> {
        if raw.get_ref().is_empty() {
            return self.error(raw.span(), "people: a ceremony needs at least one person");
        }
        let mut people: Vec<Person> = vec![];
        for person in raw.get_ref() {
            if person.duties.get_ref().is_empty() {
                return self.error(person.duties.span(), "duties: everybody has at least one");
            }
            people.push(Person {
                id: self.short("people.id", &person.id)?,
                name: self.line_of_text("people.name", &person.name)?,
                duties: person.duties.get_ref().clone(),
                stands_in_for: person.stands_in_for.as_ref().map(|id| self.short("stands-in-for", id)).transpose()?,
            });
        }
        self.unique("people.id", raw.get_ref().iter().map(|person| &person.id))?;
        for person in raw.get_ref() {
            if let Some(principal) = &person.stands_in_for {
                let id = self.known_person(principal, &people)?;
                if people.iter().any(|other| other.id == id && other.stands_in_for.is_some()) {
                    return self.error(principal.span(), format!("stands-in-for: {id} is a surrogate themselves"));
                }
            }
        }
        Ok(people)
    }

    fn modules(&self, raw: &RawScript) -> Read<Vec<ModuleSpec>> {
        let modules = raw.module.iter().map(|module| {
            if module.path.get_ref().starts_with(NATIVE) {
                self.native(module)?;
            }
            Ok(ModuleSpec {
                name: self.short("module.name", &module.name)?,
                path: self.line_of_text("module.path", &module.path)?,
                sha256: module.sha256.as_ref().map(|digest| self.digest("module.sha256", digest)).transpose()?,
                model: module.model.clone(),
            })
        });
        self.unique("module.name", raw.module.iter().map(|module| &module.name))?;
        modules.collect()
    }

    /// The native driver in the place of a module: there is no file to pin, and the serial stands in the token.
    fn native(&self, raw: &RawModule) -> Read<()> {
        match raw.path.get_ref().parse::<YubiKeyUri>() {
            Err(why) => self.error(raw.path.span(), format!("module.path: {why}")),
            Ok(uri) if uri.serial.is_some() => {
                self.error(raw.path.span(), "module.path: the serial of a YubiKey stands in its [[token]]")
            }
            Ok(_) if raw.sha256.is_some() || raw.model.is_some() => self.error(
                raw.path.span(),
                "module: YubiKeys are driven by the program itself and known by attestation; sha256 and model are not given",
            ),
            Ok(_) => Ok(()),
        }
    }

    fn token(&self, raw: &RawToken, people: &[Person], modules: &[ModuleSpec]) -> Read<TokenSpec> {
        let module: ModuleName = self.short("token.module", &raw.module)?;
        let Some(of) = modules.iter().find(|known| known.name == module) else {
            return self.error(raw.module.span(), format!("module: no [[module]] has the name {module}"));
        };
        let known = match (&raw.label, &raw.serial) {
            (Some(label), _) if of.yubikey().is_some() => {
                return self.error(label.span(), "label: a YubiKey has none, and is known by its serial alone");
            }
            (None, Some(serial)) if of.yubikey().is_some() => {
                Some(KnownToken { label: String::new(), serial: self.line_of_text("token.serial", serial)? })
            }
            (Some(label), Some(serial)) => Some(KnownToken {
                label: self.line_of_text("token.label", label)?,
                serial: self.line_of_text("token.serial", serial)?,
            }),
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => {
                return self.error(one.span(), "label and serial go together: a token is known by both, never by one");
            }
        };
        let holder = self.known_person(&raw.holder, people)?;
        Ok(TokenSpec {
            alias: self.short("token.alias", &raw.alias)?,
            user_pin: raw.user_pin.as_ref().map_or(Ok(holder.clone()), |person| self.known_person(person, people))?,
            holder,
            tag: self.line_of_text("token.tag", &raw.tag)?,
            module,
            known,
            keyid: raw.keyid.as_ref().map(|keyid| self.keyid(keyid)).transpose()?,
            spare_for: raw.spare_for.as_ref().map(|alias| self.short("token.spare-for", alias)).transpose()?,
            so_pin: self.known_person(&raw.so_pin, people)?,
        })
    }

    fn root(&self, raw: &super::raw::RawRoot, tokens: &[TokenSpec]) -> Read<RootSpec> {
        let keys: Vec<Alias> =
            raw.keys.get_ref().iter().map(|alias| self.known_token(alias, tokens)).collect::<Read<_>>()?;
        self.unique("root.keys", raw.keys.get_ref())?;
        if *raw.threshold.get_ref() == 0 || *raw.threshold.get_ref() > keys.len() as u64 {
            let what = format!(
                "root.threshold is {}, with {} keys nobody could ever sign, or anybody",
                raw.threshold.get_ref(),
                keys.len()
            );
            return self.error(raw.threshold.span(), what);
        }
        let expiry = self.expiry("root.expires", &raw.expires)?;
        Ok(RootSpec {
            threshold: *raw.threshold.get_ref(),
            keys,
            algorithm: raw.algorithm,
            consistent_snapshot: raw.consistent_snapshot,
            expiry,
        })
    }

    fn key(&self, raw: &RawKey, tokens: &[TokenSpec]) -> Read<KeySpec> {
        let possession = match (&raw.possession, raw.held_by_server, &raw.held_by_token) {
            (Some(file), false, None) => PossessionSpec::Statement(self.file("key.possession", file)?),
            (None, true, None) => PossessionSpec::HeldByServer,
            (None, false, Some(token)) => PossessionSpec::HeldByToken(self.known_token(token, tokens)?),
            (None, false, None) => {
                return self.error(
                    raw.name.span(),
                    "possession is missing: the file with the proof, held-by-server = true, or held-by-token",
                );
            }
            _ => {
                return self.error(
                    raw.name.span(),
                    "a key is held-by-server, held-by-token or shows possession, one of the three",
                );
            }
        };
        Ok(KeySpec {
            name: self.short("key.name", &raw.name)?,
            owner: self.line_of_text("key.owner", &raw.owner)?,
            file: self.file("key.file", &raw.file)?,
            keyid: self.keyid(&raw.keyid)?,
            possession,
        })
    }

    /// The names of the keys that steps hand over. They are names of keys like those of [[key]].
    fn handed_over(&self, raw: &RawScript) -> Read<Vec<Alias>> {
        let steps = raw.act.get_ref().iter().flat_map(|act| act.step.get_ref());
        let names = steps.filter(|step| step.kind.get_ref() == "hand-over-key").filter_map(|step| step.name.as_ref());
        self.unique("key name", raw.key.iter().map(|key| &key.name).chain(names.clone()))?;
        names.map(|name| self.short("name", name)).collect()
    }

    fn role(&self, raw: &RawRole, keys: &[Alias]) -> Read<RoleSpec> {
        let role = RoleName::from(raw.role.get_ref().as_str());
        if !matches!(role, RoleName::Targets | RoleName::Snapshot | RoleName::Timestamp) {
            return self.error(raw.role.span(), "role: one of targets, snapshot, timestamp (the root role is [root])");
        }
        let mut names = vec![];
        for name in raw.keys.get_ref() {
            let alias: Alias = self.short("role.keys", name)?;
            if !keys.contains(&alias) {
                return self.error(
                    name.span(),
                    format!("role.keys: no [[key]] and no step hand-over-key has the name {alias}"),
                );
            }
            names.push(alias);
        }
        self.unique("role.keys", raw.keys.get_ref())?;
        let threshold = *raw.threshold.get_ref();
        if threshold == 0 || threshold > names.len() as u64 {
            return self.error(
                raw.threshold.span(),
                format!("role.threshold is {threshold}, the role has {} keys", names.len()),
            );
        }
        Ok(RoleSpec { role, threshold, keys: names })
    }

    fn acts(&self, raw: &Spanned<Vec<RawAct>>, people: &[Person], tokens: &[TokenSpec], many: bool) -> Read<Vec<Act>> {
        if raw.get_ref().is_empty() {
            return self.error(raw.span(), "act: a script has at least one act");
        }
        let acts = raw.get_ref().iter().map(|act| {
            if act.step.get_ref().is_empty() {
                return self.error(act.step.span(), "step: an act has at least one step");
            }
            let steps =
                act.step.get_ref().iter().map(|step| self.step(step, people, tokens, many)).collect::<Read<_>>()?;
            Ok(Act { title: self.line_of_text("act.title", &act.title)?, steps })
        });
        acts.collect()
    }

    fn known_person(&self, id: &Spanned<String>, people: &[Person]) -> Read<PersonId> {
        let person: PersonId = self.short("a person", id)?;
        if people.iter().any(|known| known.id == person) {
            return Ok(person);
        }
        self.error(id.span(), format!("nobody in [[people]] has the id {person}"))
    }

    fn known_token(&self, alias: &Spanned<String>, tokens: &[TokenSpec]) -> Read<Alias> {
        let token: Alias = self.short("a token", alias)?;
        if tokens.iter().any(|known| known.alias == token) {
            return Ok(token);
        }
        self.error(alias.span(), format!("no [[token]] has the alias {token}"))
    }

    fn short<T: TryFrom<String, Error = String>>(&self, field: &str, text: &Spanned<String>) -> Read<T> {
        T::try_from(text.get_ref().clone()).or_else(|what| self.error(text.span(), format!("{field}: {what}")))
    }

    fn line_of_text(&self, field: &str, text: &Spanned<String>) -> Read<String> {
        let trimmed = text.get_ref().trim();
        if trimmed.is_empty() || trimmed.chars().count() > FIELD_MAX {
            return self.error(text.span(), format!("{field}: between 1 and {FIELD_MAX} characters"));
        }
        Ok(trimmed.to_owned())
    }

    /// A file beside the script: no absolute path, and no way up and out.
    fn file(&self, field: &str, text: &Spanned<String>) -> Read<String> {
        let file = self.line_of_text(field, text)?;
        if file.starts_with('/') || file.split('/').any(|part| part == ".." || part.is_empty()) {
            return self.error(text.span(), format!("{field}: a path below the script's own folder, without .."));
        }
        Ok(file)
    }

    fn digest(&self, field: &str, text: &Spanned<String>) -> Read<Digest> {
        Digest::from_hex(text.get_ref()).map_or_else(
            || self.error(text.span(), format!("{field}: 64 hexadecimal digits, the SHA-256 of the file")),
            Ok,
        )
    }

    fn keyid(&self, text: &Spanned<String>) -> Read<KeyId> {
        self.line_of_text("keyid", text).map(KeyId::from)
    }

    fn instant(&self, field: &str, text: &Spanned<toml::value::Datetime>) -> Read<Utc> {
        Utc::parse_rfc3339(&text.get_ref().to_string())
            .map_or_else(|| self.error(text.span(), format!("{field}: a UTC instant like 2026-12-01T09:00:00Z")), Ok)
    }

    fn unique<'b>(&self, what: &str, names: impl IntoIterator<Item = &'b Spanned<String>>) -> Read<()> {
        let mut seen: Vec<&str> = vec![];
        for name in names {
            if seen.contains(&name.get_ref().as_str()) {
                return self.error(name.span(), format!("{what} “{}” stands twice", shown(name.get_ref())));
            }
            seen.push(name.get_ref());
        }
        Ok(())
    }
}
