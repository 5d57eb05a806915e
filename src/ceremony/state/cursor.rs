//! Which step is the next one: forward past everything that is done, and back where something is to be done again.

use std::sync::Arc;

use super::{Ceremony, Cursor};
use crate::ceremony::{participants::Alias, steps::Step};

impl Ceremony {
    /// Moves on past every step that owes nothing any more.
    pub(super) fn advance(&mut self) {
        if self.mode.is_none() || self.intent.is_some() || self.trouble.is_some() || self.aside.is_some() {
            return;
        }
        if self.resume.as_ref().is_some_and(|resume| resume.pending(self).is_none()) {
            self.resume = None;
        }
        if self.abandoning.is_some() {
            return;
        }
        self.back_to_what_is_lost();
        while let Some(step) = self.step() {
            if step.action.kind().pending(self).is_some() {
                return;
            }
            self.cursor.step += 1;
            self.here.clear();
        }
    }

    /// After a payload was voided, the ceremony goes back to the step that drafts.
    pub(super) fn back_to_draft(&mut self) {
        self.back_to(|_, step| step.action.drafts());
    }

    /// After a resume the ceremony goes back to where what was in memory only comes into it once more.
    fn back_to_what_is_lost(&mut self) {
        if let Some(alias) = self.management_keys.lost().cloned() {
            self.back_to_token(&alias);
            return;
        }
        let begins = |step: &Step, name: &Alias| step.action.makes() == Some(name);
        // Once it is there, what was said there stays.
        let is_there = |name: &Alias| self.step().is_some_and(|step| begins(step, name));
        if let Some(name) = self.backups.lost().filter(|name| !is_there(name)).cloned() {
            self.back_to(|_, step| begins(step, &name));
        }
    }

    /// After a token was replaced, the ceremony goes back to the first step that is about it. What the other tokens have done
    /// stays done; what people confirmed since is confirmed again.
    pub(super) fn back_to_token(&mut self, spare: &Alias) {
        self.back_to(|ceremony, step| step.action.token().is_some_and(|token| ceremony.playing(token) == *spare));
    }

    fn back_to(&mut self, wanted: impl Fn(&Self, &Step) -> bool) {
        let script = Arc::clone(&self.script);
        let places = script
            .acts
            .iter()
            .enumerate()
            .flat_map(|(act, a)| (0..a.steps.len()).map(move |step| Cursor { act, step }));
        let first = places.into_iter().find(|place| wanted(self, &script.acts[place.act].steps[place.step]));
        if let Some(first) = first.filter(|first| *first <= self.cursor) {
            self.cursor = first;
            self.here.clear();
        }
    }
}
