//! Reads one step: which kind it is, and that it has the fields of that kind and no other.

use toml::Spanned;

use super::{Read, Reader};
use crate::{
    ceremony::{
        participants::{Alias, Person, PersonId},
        script::{TokenSpec, raw::RawStep},
        steps::{
            Action, Attest, Break, Certify, CheckShares, Close, CloseKey, ConfirmClock, DestroyShares, Draft,
            DraftRepositories, DrillToken, EraseToken, Export, ExportRepositories, GenerateKey, GiveShares,
            HandOverKey, ImportKey, ImportKeys, ImportQr, ImportRepositories, ImportRoot, JudgeTags, MakeKek, MakeKey,
            OpenBackup, OpenToken, Preflight, PrepareToken, PutKey, Record, Review, RollCall, ScriptWords, SealBackup,
            ShowQr, Sign, SignRepositories, Step, TakeKey, UnwrapKey, WipeKek, WipeKey, WrapKey,
        },
    },
    text::shown,
    tuf::key::file_header_fits,
};

impl Reader<'_> {
    /// `many` is whether the ceremony is about many repositories: some kinds of step then are others of the same name.
    pub(super) fn step(&self, raw: &RawStep, people: &[Person], tokens: &[TokenSpec], many: bool) -> Read<Step> {
        let fields = StepFields { reader: self, raw, people, tokens };
        let action = match raw.kind.get_ref().as_str() {
            "import-root" if many => {
                return self.error(
                    raw.kind.span(),
                    "do = “import-root”: what clients trust today comes in by import-repositories",
                );
            }
            "import-repositories" | "judge-tags" | "certify" if !many => {
                let what = format!("do = “{}” belongs to a ceremony about many repositories", raw.kind.get_ref());
                return self.error(raw.kind.span(), what);
            }
            "import-repositories" => fields.only(&[]).map(|()| Action::ImportRepositories(ImportRepositories)),
            "judge-tags" => fields.only(&[]).map(|()| Action::JudgeTags(JudgeTags)),
            "certify" => fields.only(&["token"]).and_then(|()| Ok(Action::Certify(Certify { token: fields.token()? }))),
            "draft" if many => fields.only(&[]).map(|()| Action::DraftRepositories(DraftRepositories)),
            "sign" if many => fields
                .only(&["token"])
                .and_then(|()| Ok(Action::SignRepositories(SignRepositories { token: fields.token()? }))),
            "export" if many => fields.only(&[]).map(|()| Action::ExportRepositories(ExportRepositories)),
            "roll-call" => fields.only(&[]).map(|()| Action::RollCall(RollCall)),
            "attest" => fields.only(&["who", "statement"]).and_then(|()| {
                Ok(Action::Attest(Attest { who: fields.who()?, statement: fields.text("statement", &raw.statement)? }))
            }),
            "record" => fields
                .only(&["who", "fields"])
                .and_then(|()| Ok(Action::Record(Record { who: fields.who()?, fields: fields.fields()? }))),
            "script-words" => fields
                .only(&["witness"])
                .and_then(|()| Ok(Action::ScriptWords(ScriptWords { witness: fields.witness()? }))),
            "confirm-clock" => {
                fields.only(&["who"]).and_then(|()| Ok(Action::ConfirmClock(ConfirmClock { who: fields.who()? })))
            }
            "preflight" => fields.only(&[]).map(|()| Action::Preflight(Preflight)),
            "prepare-token" => {
                fields.only(&["token"]).and_then(|()| Ok(Action::PrepareToken(PrepareToken { token: fields.token()? })))
            }
            "generate-key" => {
                fields.only(&["token"]).and_then(|()| Ok(Action::GenerateKey(GenerateKey { token: fields.token()? })))
            }
            "import-key" => {
                fields.only(&["token", "file", "keyid"]).and_then(|()| fields.import_key().map(Action::ImportKey))
            }
            "hand-over-key" => fields
                .only(&["name", "role", "gun", "keeper"])
                .and_then(|()| fields.hand_over_key().map(Action::HandOverKey)),
            "make-key" => fields.only(&["name"]).and_then(|()| Ok(Action::MakeKey(MakeKey { name: fields.name()? }))),
            "take-key" => {
                fields.only(&["name", "file", "keyid", "keeper"]).and_then(|()| fields.take_key().map(Action::TakeKey))
            }
            "open-backup" => fields.only(&["name", "token"]).and_then(|()| {
                let token = raw.token.is_some().then(|| fields.token()).transpose()?;
                Ok(Action::OpenBackup(OpenBackup { name: fields.name()?, token }))
            }),
            "destroy-shares" => fields.only(&["name", "witness"]).and_then(|()| {
                Ok(Action::DestroyShares(DestroyShares { name: fields.name()?, witness: fields.witness()? }))
            }),
            "seal-backup" => {
                fields.only(&["name"]).and_then(|()| Ok(Action::SealBackup(SealBackup { name: fields.name()? })))
            }
            "give-shares" => {
                fields.only(&["name"]).and_then(|()| Ok(Action::GiveShares(GiveShares { name: fields.name()? })))
            }
            "put-key" => fields.only(&["name", "token"]).and_then(|()| {
                let (name, token) = (fields.name()?, fields.token()?);
                Ok(Action::PutKey(PutKey { name, token, from_shares: false, shares: vec![] }))
            }),
            "restore-key" => fields.only(&["name", "token", "shares"]).and_then(|()| {
                let (name, token, shares) = (fields.name()?, fields.token()?, fields.shares()?);
                Ok(Action::PutKey(PutKey { name, token, from_shares: true, shares }))
            }),
            "wipe-key" => fields.only(&["name"]).and_then(|()| Ok(Action::WipeKey(WipeKey { name: fields.name()? }))),
            "make-kek" => fields.only(&["name"]).and_then(|()| Ok(Action::MakeKek(MakeKek { name: fields.name()? }))),
            "wrap-key" => fields
                .only(&["name", "token"])
                .and_then(|()| Ok(Action::WrapKey(WrapKey { name: fields.name()?, token: fields.token()? }))),
            "wipe-kek" => fields.only(&["name"]).and_then(|()| Ok(Action::WipeKek(WipeKek { name: fields.name()? }))),
            "unwrap-key" => fields
                .only(&["name", "token"])
                .and_then(|()| Ok(Action::UnwrapKey(UnwrapKey { name: fields.name()?, token: fields.token()? }))),
            "close-key" => fields
                .only(&["name", "token"])
                .and_then(|()| Ok(Action::CloseKey(CloseKey { name: fields.name()?, token: fields.token()? }))),
            "check-shares" => {
                fields.only(&["name"]).and_then(|()| Ok(Action::CheckShares(CheckShares { name: fields.name()? })))
            }
            "drill-token" => {
                fields.only(&["token"]).and_then(|()| Ok(Action::DrillToken(DrillToken { token: fields.token()? })))
            }
            "erase-token" => {
                fields.only(&["token"]).and_then(|()| Ok(Action::EraseToken(EraseToken { token: fields.token()? })))
            }
            "open-token" => {
                fields.only(&["token"]).and_then(|()| Ok(Action::OpenToken(OpenToken { token: fields.token()? })))
            }
            "import-keys" => fields.only(&[]).map(|()| Action::ImportKeys(ImportKeys)),
            "import-root" => fields.only(&[]).map(|()| Action::ImportRoot(ImportRoot)),
            "draft" => fields.only(&[]).map(|()| Action::Draft(Draft)),
            "review" => fields
                .only(&["witness", "who"])
                .and_then(|()| Ok(Action::Review(Review { witness: fields.witness()?, who: fields.who()? }))),
            "sign" => fields.only(&["token"]).and_then(|()| Ok(Action::Sign(Sign { token: fields.token()? }))),
            "break" => fields.only(&[]).map(|()| Action::Break(Break { minutes: raw.minutes.unwrap_or(10) })),
            "export" => fields.only(&[]).map(|()| Action::Export(Export)),
            "import-qr" => {
                fields.only(&["from", "folder", "witness"]).and_then(|()| fields.import_qr().map(Action::ImportQr))
            }
            "show-qr" => {
                fields.only(&["witness"]).and_then(|()| Ok(Action::ShowQr(ShowQr { witness: fields.witness()? })))
            }
            "close" => fields
                .only(&["tokens", "witness"])
                .and_then(|()| Ok(Action::Close(Close { tokens: fields.tokens()?, witness: fields.witness()? }))),
            other => {
                return self.error(
                    raw.kind.span(),
                    format!("do = “{}” is no kind of step (roll-call, attest, record, script-words, confirm-clock, preflight, prepare-token, generate-key, import-key, hand-over-key, make-key, take-key, open-backup, seal-backup, give-shares, put-key, restore-key, wipe-key, make-kek, wrap-key, wipe-kek, unwrap-key, close-key, check-shares, destroy-shares, drill-token, erase-token, open-token, import-keys, import-root, import-repositories, judge-tags, certify, draft, review, sign, break, export, import-qr, show-qr, close)", shown(other)),
                );
            }
        }?;
        let say = raw.say.as_ref().map(|say| self.line_of_text("say", say)).transpose()?;
        Ok(Step { action, minutes: raw.minutes.unwrap_or(5), say })
    }
}

/// The fields of one step.
struct StepFields<'a> {
    reader: &'a Reader<'a>,
    raw: &'a RawStep,
    people: &'a [Person],
    tokens: &'a [TokenSpec],
}

impl StepFields<'_> {
    /// Refuses every field that this kind of step does not have.
    fn only(&self, allowed: &[&str]) -> Read<()> {
        let raw = self.raw;
        let given = [
            ("who", raw.who.as_ref().map(Spanned::span)),
            ("witness", raw.witness.as_ref().map(Spanned::span)),
            ("token", raw.token.as_ref().map(Spanned::span)),
            ("tokens", raw.tokens.as_ref().map(Spanned::span)),
            ("statement", raw.statement.as_ref().map(Spanned::span)),
            ("fields", raw.fields.as_ref().map(Spanned::span)),
            ("file", raw.file.as_ref().map(Spanned::span)),
            ("keyid", raw.keyid.as_ref().map(Spanned::span)),
            ("name", raw.name.as_ref().map(Spanned::span)),
            ("shares", raw.shares.as_ref().map(Spanned::span)),
            ("role", raw.role.as_ref().map(Spanned::span)),
            ("gun", raw.gun.as_ref().map(Spanned::span)),
            ("keeper", raw.keeper.as_ref().map(Spanned::span)),
            ("from", raw.from.as_ref().map(Spanned::span)),
            ("folder", raw.folder.as_ref().map(Spanned::span)),
        ];
        for (name, span) in given {
            if let Some(span) = span.filter(|_| !allowed.contains(&name)) {
                return self.reader.error(span, format!("a step “{}” has no field {name}", shown(raw.kind.get_ref())));
            }
        }
        Ok(())
    }

    fn missing<T>(&self, field: &str) -> Read<T> {
        self.reader
            .error(self.raw.kind.span(), format!("a step “{}” needs the field {field}", shown(self.raw.kind.get_ref())))
    }

    fn who(&self) -> Read<Vec<PersonId>> {
        match &self.raw.who {
            Some(who) if !who.get_ref().is_empty() => {
                who.get_ref().iter().map(|person| self.reader.known_person(person, self.people)).collect()
            }
            _ => self.missing("who"),
        }
    }

    fn witness(&self) -> Read<PersonId> {
        match &self.raw.witness {
            Some(person) => self.reader.known_person(person, self.people),
            None => self.missing("witness"),
        }
    }

    fn token(&self) -> Read<Alias> {
        match &self.raw.token {
            Some(token) => self.reader.known_token(token, self.tokens),
            None => self.missing("token"),
        }
    }

    fn name(&self) -> Read<Alias> {
        match &self.raw.name {
            Some(name) => self.reader.short("name", name),
            None => self.missing("name"),
        }
    }

    /// Different shares, in ascending order; none where the field is not given.
    fn shares(&self) -> Read<Vec<u8>> {
        let Some(given) = &self.raw.shares else { return Ok(vec![]) };
        let mut shares = given.get_ref().clone();
        shares.sort_unstable();
        shares.dedup();
        if shares.is_empty() || shares.len() != given.get_ref().len() || shares[0] == 0 {
            return self.reader.error(given.span(), "shares: different shares, which count from 1");
        }
        Ok(shares)
    }

    fn tokens(&self) -> Read<Vec<Alias>> {
        match &self.raw.tokens {
            Some(tokens) => tokens.get_ref().iter().map(|token| self.reader.known_token(token, self.tokens)).collect(),
            None => self.missing("tokens"),
        }
    }

    fn text(&self, name: &str, field: &Option<Spanned<String>>) -> Read<String> {
        match field {
            Some(text) => self.reader.line_of_text(name, text),
            None => self.missing(name),
        }
    }

    /// A key file: beside the script, or on a medium of its own.
    fn key_file(&self) -> Read<String> {
        let Some(file) = &self.raw.file else { return self.missing("file") };
        let path = self.reader.line_of_text("file", file)?;
        if path.split('/').any(|part| part == "..") || path.ends_with('/') {
            return self
                .reader
                .error(file.span(), "file: a path below the script's own folder, or an absolute one, without ..");
        }
        Ok(path)
    }

    fn keeper(&self) -> Read<PersonId> {
        match &self.raw.keeper {
            Some(person) => self.reader.known_person(person, self.people),
            None => self.missing("keeper"),
        }
    }

    fn take_key(&self) -> Read<TakeKey> {
        let Some(keyid) = &self.raw.keyid else { return self.missing("keyid") };
        Ok(TakeKey {
            name: self.name()?,
            file: self.key_file()?,
            keyid: self.reader.keyid(keyid)?,
            keeper: self.keeper()?,
        })
    }

    fn import_key(&self) -> Read<ImportKey> {
        let token = self.token()?;
        let path = self.key_file()?;
        let keyid = self.raw.keyid.as_ref().map(|keyid| self.reader.keyid(keyid)).transpose()?;
        let known = self.tokens.iter().any(|spec| spec.alias == token && spec.keyid.is_some());
        if keyid.is_none() && !known {
            return self.reader.error(
                self.raw.kind.span(),
                "keyid is missing: the canonical id or the keyid of the key on paper, or the keyid of the token for a key of the previous root",
            );
        }
        Ok(ImportKey { token, file: path, keyid })
    }

    fn import_qr(&self) -> Read<ImportQr> {
        let Some(from) = &self.raw.from else { return self.missing("from") };
        let source = self.reader.line_of_text("from", from)?;
        let source = source.parse().or_else(|what| self.reader.error(from.span(), format!("from: {what}")))?;
        let folder = match &self.raw.folder {
            None => String::new(),
            Some(folder) => {
                let path = self.reader.line_of_text("folder", folder)?;
                if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
                    return self
                        .reader
                        .error(folder.span(), "folder: a path below the script's own folder, without ..");
                }
                path
            }
        };
        Ok(ImportQr { from: source, folder, witness: self.witness()? })
    }

    fn hand_over_key(&self) -> Read<HandOverKey> {
        let Some(name) = &self.raw.name else { return self.missing("name") };
        let Some(role) = &self.raw.role else { return self.missing("role") };
        let gun = self.raw.gun.as_ref().map(|gun| self.reader.line_of_text("gun", gun)).transpose()?;
        let key = HandOverKey {
            name: self.reader.short("name", name)?,
            role: self.reader.line_of_text("role", role)?,
            gun,
            keeper: self.keeper()?,
        };
        file_header_fits(&key.role, key.gun.as_deref())
            .or_else(|what| self.reader.error(role.span(), format!("role: {what}")))?;
        Ok(key)
    }

    fn fields(&self) -> Read<Vec<String>> {
        match &self.raw.fields {
            Some(fields) if !fields.get_ref().is_empty() => Ok(fields.get_ref().clone()),
            _ => self.missing("fields"),
        }
    }
}
