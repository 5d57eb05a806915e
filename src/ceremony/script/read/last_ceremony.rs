//! Reads what a script says of the ceremony before it: its card.

use toml::Spanned;

use super::{Read, Reader};
use crate::{
    ceremony::{
        event::SignedVersion,
        script::{LastCeremonySpec, raw::RawLastCeremony},
    },
    tuf::role::RoleName,
};

impl Reader<'_> {
    pub(super) fn last_ceremony(
        &self,
        raw: &RawLastCeremony,
        repository: &Spanned<String>,
        many: bool,
    ) -> Read<LastCeremonySpec> {
        match (&raw.signed, &raw.list) {
            (Some(_), None) if !many => {}
            (None, Some(_)) if many => {}
            _ if many => {
                return self.error(
                    raw.head.span(),
                    "last-ceremony: about many repositories it has list = { file, sha256 } and no signed: thousands of versions stand on no card",
                );
            }
            _ => return self.error(raw.head.span(), "last-ceremony: about one root it has signed, and no list"),
        }
        let signed = raw.signed.iter().flatten().map(|signed| {
            Ok(SignedVersion {
                repository: self.line_of_text("repository", repository)?,
                role: RoleName::Root,
                version: signed.version,
                payload: self.digest("last-ceremony.signed.payload", &signed.payload)?,
                spent: signed.spent,
            })
        });
        let list = raw.list.as_ref().map(|list| {
            let file = self.file("last-ceremony.list.file", &list.file)?;
            Ok((file, self.digest("last-ceremony.list.sha256", &list.sha256)?))
        });
        Ok(LastCeremonySpec {
            head: self.digest("last-ceremony.head", &raw.head)?,
            ended: self.instant("last-ceremony.ended", &raw.ended)?,
            signed: signed.collect::<Read<_>>()?,
            list: list.transpose()?,
        })
    }
}
