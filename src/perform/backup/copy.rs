//! A copy of a backup that one person opens with a passphrase, where the script declares single control.

use super::{FOLDER, gone};
use crate::{
    backup::{About, SingleControl, seal_alone},
    ceremony::{
        metadata::Leaving,
        operation::{Operation, Outcome},
    },
    perform::{People, Performed, Performer, file::write_to, job_without},
    runner::Job,
};

impl Performer {
    /// Asks for the passphrase twice, seals the key with it, and writes the file on every medium. What an earlier try sealed goes to the
    /// media that do not have it yet.
    pub(super) fn seal_copy(&mut self, job: &Job, people: &mut dyn People) -> Performed {
        let Operation::SealCopy { name, keyid, person, set, made } = &job.operation else {
            return Err(job_without("a copy to seal").into());
        };
        self.script.declares.one_person_opens()?;
        let declared = SingleControl::declared_in_the_script();
        let born = self.born.get(name).ok_or_else(|| gone(name))?;
        if born.copy.is_none() {
            let passphrase = self.new_passphrase(name, person, &mut |request| people.secret(request))?;
            let (ceremony, history) = (self.script.title.clone(), born.history.clone());
            let about = About { keyid: keyid.clone(), ceremony, made: *made, history };
            let sealed = seal_alone(&born.key, &about, &passphrase, &declared);
            let sealed = sealed.map_err(|wrong| wrong.fault("seal a copy with a passphrase"))?;
            self.born.get_mut(name).ok_or_else(|| gone(name))?.copy = Some(sealed);
        }
        let sealed = self.born.get(name).and_then(|born| born.copy.as_ref()).ok_or_else(|| gone(name))?;
        // The digits of the file's own digest tell two tries from one another.
        let digest = sealed.digest().to_string();
        let file = Leaving {
            name: format!("{FOLDER}/{name}-{set}-passphrase-{}.age", &digest[..8]),
            bytes: sealed.bytes().to_vec(),
        };
        write_to(&job.media, std::slice::from_ref(&file))?;
        let media = job.media.iter().map(|medium| medium.label.clone()).collect();
        Ok(Outcome::CopySealed { file: file.described(), media })
    }
}
