//! Shares put together again (`SHARE-FITS`): each is looked at when it comes, and what does not belong is named.

use vsss_rs::Gf256;

use super::{Identity, Label, Opens, Scheme, Set, Share, Split, identity::LENGTH};
use crate::{
    digest::Digest,
    fault::{Error, Fault},
    keyfile::Kek,
    locked,
    rules::{Passed, Refusal, Rule},
    secret::Secret,
};

/// Shares of one set, as custodians bring them.
pub struct Gathering {
    set: Option<Set>,
    shares: Vec<Share>,
}

/// Where a gathering stands after a share was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How many are there.
    pub there: usize,
    /// How many are needed.
    pub needed: usize,
    /// What was seen, for the transcript.
    pub passed: Passed,
}

impl Gathering {
    /// Of shares whose commitments are known from a transcript.
    pub fn of(set: Set) -> Self {
        Self { set: Some(set), shares: vec![] }
    }

    /// Of shares of which nothing is known but what they say: the record is lost. The first decides which set it is.
    pub fn unknown() -> Self {
        Self { set: None, shares: vec![] }
    }

    /// Which shares are there.
    pub fn there(&self) -> impl Iterator<Item = &Label> {
        self.shares.iter().map(Share::label)
    }

    /// How many are needed, as far as that is known.
    pub fn scheme(&self) -> Option<Scheme> {
        let said = || self.shares.first().map(|share| share.label().scheme);
        self.set.as_ref().map(|set| set.scheme).or_else(said)
    }

    /// Whether as many are there as are needed.
    pub fn is_enough(&self) -> bool {
        self.scheme().is_some_and(|scheme| self.shares.len() >= usize::from(scheme.threshold()))
    }

    /// Takes a share.
    ///
    /// # Errors
    /// `SHARE-FITS` for a share that is foreign to the set, altered, swapped, or there already. It is wiped; those before stay.
    pub fn add(&mut self, share: Share) -> Result<Kept, Refusal> {
        let label = share.label();
        let index = label.index;
        if let Some(known) = self.expected(index) {
            compare(label, &known)?;
        }
        if self.there().any(|there| there.index == index) {
            let what = format!("Share {index} is here already.");
            return Err(Refusal::new(Rule::ShareFits, what, "Bring the share of another custodian."));
        }
        let seen = match &self.set {
            Some(set) => {
                committed(set, &share)?;
                format!("share {index} of set {} fits its commitment", label.set)
            }
            None => format!("share {index} of set {} is whole; its commitment is not known", label.set),
        };
        self.shares.push(share);
        let needed = self.scheme().map_or(0, |scheme| usize::from(scheme.threshold()));
        Ok(Kept { there: self.shares.len(), needed, passed: Passed::new(Rule::ShareFits, seen) })
    }

    /// What share `index` must say of itself, as far as that is known.
    fn expected(&self, index: u8) -> Option<Label> {
        let said = || self.shares.first().map(|first| Label { index, ..first.label().clone() });
        self.set.as_ref().map(|set| set.label(index)).or_else(said)
    }

    /// What the shares open.
    pub fn opens(&self) -> Option<Opens> {
        let said = || self.shares.first().map(|share| share.label().opens);
        self.set.as_ref().map(|set| set.opens).or_else(said)
    }

    /// The identity.
    ///
    /// # Errors
    /// `SHARE-FITS` where there are fewer shares than the threshold, where they do not give the identity of their set: one of
    /// them was forged so well that only its commitment can tell, and is named where there are enough others; and where they give a
    /// key-encryption key. A fault where memory cannot be locked.
    pub fn identity(&self) -> Result<Identity, Error> {
        match self.whole()? {
            Whole::Identity(identity) => Ok(identity),
            Whole::Kek(_) => Err(other_kind("a key-encryption key, which opens the file of a wrapped key").into()),
        }
    }

    /// The key-encryption key.
    ///
    /// # Errors
    /// As [`Gathering::identity`], and where the shares give an identity.
    pub fn kek(&self) -> Result<Kek, Error> {
        match self.whole()? {
            Whole::Kek(kek) => Ok(kek),
            Whole::Identity(_) => Err(other_kind("an identity of age, which opens a sealed file").into()),
        }
    }

    fn whole(&self) -> Result<Whole, Error> {
        let threshold = match self.scheme() {
            Some(scheme) if self.is_enough() => usize::from(scheme.threshold()),
            scheme => return Err(too_few(self.shares.len(), scheme).into()),
        };
        let all: Vec<&Share> = self.shares.iter().collect();
        let whole = combined(&all)?;
        if self.is_of_set(&whole) {
            return Ok(whole);
        }
        drop(whole);
        let mut odd: Vec<u8> = vec![];
        for some in combinations(all.len(), threshold) {
            let chosen: Vec<&Share> = some.iter().map(|at| all[*at]).collect();
            if self.is_of_set(&combined(&chosen)?) {
                let good = chosen.iter().map(|share| share.label().index).collect::<Vec<_>>();
                odd = self.there().map(|label| label.index).filter(|index| !good.contains(index)).collect();
                // Another that fits as well was not forged.
                odd.retain(|index| !self.fits_with(&chosen, *index));
                break;
            }
        }
        let what = match odd.as_slice() {
            [] => {
                "Every share is whole, and together they do not give the secret of their set: one or more were forged."
                    .to_owned()
            }
            some => format!("Share {} was forged: the others give the secret of the set without it.", listed(some)),
        };
        Err(Refusal::new(
            Rule::ShareFits,
            what,
            "Leave it out, bring the share of another custodian, and compare commitments with the record.",
        )
        .into())
    }

    fn fits_with(&self, good: &[&Share], index: u8) -> bool {
        let Some(share) = self.shares.iter().find(|share| share.label().index == index) else { return false };
        let mut all = good.to_vec();
        all.push(share);
        combined(&all).is_ok_and(|whole| self.is_of_set(&whole))
    }

    fn is_of_set(&self, whole: &Whole) -> bool {
        let fingerprint = whole.fingerprint();
        let said = self.shares.first().map(|share| share.label().set.clone());
        match &self.set {
            Some(set) => set.fingerprint == fingerprint,
            None => said.is_some_and(|set| fingerprint.to_string().starts_with(&set)),
        }
    }
}

/// Whether a share is of the set at all.
fn compare(label: &Label, known: &Label) -> Result<(), Refusal> {
    let index = label.index;
    let foreign = |what: String| {
        Err(Refusal::new(
            Rule::ShareFits,
            what,
            "Bring the share of this set. Each page says at its top which set it is of.",
        ))
    };
    if label.set != known.set {
        return foreign(format!("Share {index} is of set {}, not of set {}.", label.set, known.set));
    }
    if label.opens != known.opens {
        return foreign(format!("Share {index} is of another kind of backup than its set."));
    }
    if label.keyid != known.keyid {
        return foreign(format!("Share {index} is about the key {}…, not about {}….", label.keyid, known.keyid));
    }
    if label.scheme != known.scheme {
        return foreign(format!("Share {index} says that {} are needed; its set has {}.", label.scheme, known.scheme));
    }
    Ok(())
}

/// Whether a share is the one that the transcript commits to.
fn committed(set: &Set, share: &Share) -> Result<(), Refusal> {
    let index = share.label().index;
    let commitment = share.commitment();
    if set.commitments.get(usize::from(index) - 1) == Some(&commitment) {
        return Ok(());
    }
    let what = match set.commitments.iter().position(|known| *known == commitment) {
        Some(at) => format!("This is share {} of the record; it says that it is share {index}.", at + 1),
        None => format!("Share {index} is whole, and it is not the one that was made: the record commits to another."),
    };
    Err(Refusal::new(
        Rule::ShareFits,
        what,
        "Put it aside, note an exception, and bring the share of another custodian.",
    ))
}

fn too_few(there: usize, scheme: Option<Scheme>) -> Refusal {
    let what = match scheme {
        Some(scheme) => format!("{there} of the {} shares that are needed are here.", scheme.threshold()),
        None => "No share is here.".to_owned(),
    };
    Refusal::new(Rule::ShareFits, what, "Bring the shares of more custodians; with fewer nobody can open anything.")
}

fn other_kind(what: &str) -> Refusal {
    Refusal::new(
        Rule::ShareFits,
        format!("The shares give {what}."),
        "Bring the file that these shares open, or its own shares.",
    )
}

fn listed(indexes: &[u8]) -> String {
    indexes.iter().map(u8::to_string).collect::<Vec<_>>().join(" and ")
}

/// What shares gave back.
enum Whole {
    Identity(Identity),
    Kek(Kek),
}

impl Whole {
    fn fingerprint(&self) -> Digest {
        match self {
            Self::Identity(identity) => identity.fingerprint(),
            Self::Kek(kek) => kek.fingerprint(),
        }
    }
}

/// Shares of one kind put together, right or wrong.
fn combined(shares: &[&Share]) -> Result<Whole, Fault> {
    let doing = "put the shares together";
    let points: Vec<Vec<u8>> = shares.iter().map(|share| share.point()).collect();
    let bare = Gf256::combine_bytes(&points).map_err(|error| Fault::machine(doing, error))?;
    let bare = Secret::made(LENGTH, |room| {
        room.get_mut(..bare.len()).ok_or_else(|| Fault::machine(doing, "too long"))?.copy_from_slice(&bare);
        Ok::<_, Fault>(bare.len())
    })?;
    drop(points);
    locked::wipe_stack();
    let whole = match shares.first().map(|share| share.label().opens) {
        Some(Opens::WrappedKey) => Kek::of(bare).map(Whole::Kek),
        _ => Identity::of(bare).map(Whole::Identity),
    };
    whole.ok_or_else(|| Fault::machine(doing, "it is too short"))
}

/// The identity of shares that were never apart.
pub(super) fn identity_of(split: &Split) -> Result<Identity, Fault> {
    let needed: Vec<&Share> = split.shares.iter().take(split.set.scheme.threshold().into()).collect();
    match combined(&needed)? {
        Whole::Identity(identity) if identity.fingerprint() == split.set.fingerprint => Ok(identity),
        _ => Err(Fault::machine("put the shares together", "they do not give an identity of age")),
    }
}

/// Tries every combination of a threshold of shares against the fingerprint of what was split.
pub(super) fn every_combination(split: &Split) -> Result<(), Fault> {
    let scheme = split.set.scheme;
    for some in combinations(scheme.count().into(), scheme.threshold().into()) {
        let shares: Vec<&Share> = some.iter().map(|at| &split.shares[*at]).collect();
        if combined(&shares)?.fingerprint() != split.set.fingerprint {
            let which: Vec<u8> = shares.iter().map(|share| share.label().index).collect();
            return Err(Fault::machine(
                "try the shares before they are printed",
                format!("shares {} do not give back what was split", listed(&which)),
            ));
        }
    }
    Ok(())
}

/// Every choice of `choose` of the numbers below `of`.
fn combinations(of: usize, choose: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..choose {
        all = all
            .iter()
            .flat_map(|some| {
                let from = some.last().map_or(0, |last| last + 1);
                (from..of).map(move |next| some.iter().copied().chain([next]).collect())
            })
            .collect();
    }
    all
}
