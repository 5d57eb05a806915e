//! Whether those who signed are enough, as far as the script tells.

use super::{Kind, Script, Signatory};
use crate::{ceremony::participants::Alias, tuf::role::RoleName};

impl Script {
    /// Whether the tokens that signed are enough for what a ceremony about many repositories writes: whoever writes roots needs
    /// offline keys of today and of tomorrow, whoever writes targets needs tagging keys. Keys that sign elsewhere are waited for
    /// by the bundle, not by the ceremony.
    pub fn repositories_met(&self, signed: &dyn Fn(&Alias) -> bool) -> bool {
        self.roots_met(signed) && self.targets_met(signed)
    }

    /// Whether those that signed are enough without `alias`: for roots where it holds an offline key, for targets where it holds a
    /// tagging key.
    pub fn can_spare(&self, alias: &Alias, signed: &dyn Fn(&Alias) -> bool) -> bool {
        match self.tags(alias) {
            true => self.targets_met(signed),
            false => {
                let known = self.token(alias).is_some_and(|token| token.keyid.is_some());
                (known || self.root.keys.contains(alias)) && self.roots_met(signed)
            }
        }
    }

    fn tags(&self, alias: &Alias) -> bool {
        let tagging = self.repositories.as_ref().and_then(|spec| spec.tagging.as_ref());
        tagging.is_some_and(|tagging| tagging.keys.iter().any(|key| key.token() == Some(alias)))
    }

    fn roots_met(&self, signed: &dyn Fn(&Alias) -> bool) -> bool {
        let new = self.distinct_keys(self.root.keys.iter().filter(|alias| signed(alias)));
        let held = self
            .tokens
            .iter()
            .filter(|token| token.keyid.is_some() && !self.tags(&token.alias) && signed(&token.alias));
        let old = self.distinct_keys(held.map(|token| &token.alias));
        // A rotation may change the threshold; what today's is stands in the repositories, and is asked when a bundle leaves.
        let today = if self.kind == Kind::DctRotateRoot { 1 } else { self.root.threshold };
        !self.kind.writes_roots() || (new >= self.root.threshold && (self.kind.is_genesis() || old >= today))
    }

    fn targets_met(&self, signed: &dyn Fn(&Alias) -> bool) -> bool {
        let tagging = self.repositories.as_ref().and_then(|spec| spec.tagging.as_ref());
        tagging.is_none_or(|tagging| {
            let here = tagging.keys.iter().filter_map(Signatory::token).filter(|alias| signed(alias));
            self.distinct_keys(here) >= tagging.threshold || tagging.keys.iter().any(|key| key.token().is_none())
        })
    }

    /// Whether these tokens are enough for one document of a ceremony about many repositories, for clients: keys that sign elsewhere have not
    /// signed yet. Where the script does not tell what is enough, one is.
    pub fn document_met(&self, role: &RoleName, signed: &dyn Fn(&Alias) -> bool) -> bool {
        let tagging = self.repositories.as_ref().and_then(|spec| spec.tagging.as_ref());
        match (role, tagging) {
            (RoleName::Root, _) => self.roots_met(signed),
            (RoleName::Targets, Some(tagging)) => {
                let here = tagging.keys.iter().filter_map(Signatory::token).filter(|alias| signed(alias));
                self.distinct_keys(here) >= tagging.threshold
            }
            _ => true,
        }
    }
}
