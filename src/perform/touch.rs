//! A token that blinks: who is told, how often, and how it is left.
//!
//! The driver asks before each wait whether it may begin. The wait itself cannot be cut short: the token ends it, by a signature or
//! after its time. Whoever leaves is therefore heard before the next command, and none is sent after that.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Performer, driver::Opened};
use crate::{
    ceremony::participants::Alias,
    device::yubikey::TOUCH_SECONDS,
    text::shown,
    token::yubikey::{TOUCHES, Touch},
};

/// A token is about to blink, and to wait for a touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touching {
    /// The token's short name.
    pub alias: Alias,
    /// The colour or mark on its tag. From the script.
    pub tag: String,
    /// Its serial. From outside: show it through [`shown`].
    pub serial: String,
    /// The name of whoever touches it. From the script.
    pub holder: String,
    /// Which signature of those that are made with one entry of the PIN, from 1.
    pub number: usize,
    /// How many those are.
    pub of: usize,
    /// How often it was waited for in vain.
    pub tried: u32,
    /// How often it is waited for before people are asked.
    pub tries: u32,
    /// How long it blinks, in seconds.
    pub seconds: u32,
    /// Whether it may sign without blinking: a touch counts for a while, or the firmware does not tell.
    pub maybe: bool,
}

impl Touching {
    /// Who touches what: `Ana Ruiz, touch 7150001 (ana-1, blue tag)`.
    pub fn ask(&self) -> String {
        let when = if self.maybe { " when it blinks" } else { "" };
        format!(
            "{}, touch {} ({}, {} tag){when}",
            shown(&self.holder),
            shown(&self.serial),
            self.alias,
            shown(&self.tag)
        )
    }

    /// The same once it was left: `7150001 (ana-1, blue tag) is left alone`.
    pub fn left(&self) -> String {
        format!("{} ({}, {} tag) is left alone", shown(&self.serial), self.alias, shown(&self.tag))
    }

    /// Which of how many, where there are several.
    pub fn which(&self) -> Option<String> {
        (self.of > 1).then(|| format!("Signature {} of {}.", self.number, self.of))
    }

    /// What came of the wait before, where there was one.
    pub fn again(&self) -> Option<String> {
        (self.tried > 0).then(|| {
            format!(
                "Nobody touched it in time. Nothing was signed, and no try of its PIN is spent. It blinks again: {} of {}.",
                self.tried + 1,
                self.tries
            )
        })
    }
}

/// Is told before each wait, and may stop it: then nothing is sent any more.
pub type OnTouch = Box<dyn FnMut(&Touching) -> ControlFlow<()> + Send>;

/// Whom tokens that blink tell of it.
pub(super) type Told = Arc<Mutex<OnTouch>>;

impl Performer {
    /// Tells `on_touch` from now on before each wait for a touch. A touch that nobody gave is then waited for again, three times in
    /// all; without this, once.
    pub fn when_a_token_blinks(&mut self, on_touch: OnTouch) {
        self.on_touch = Some(Arc::new(Mutex::new(on_touch)));
    }

    /// Lets `token` tell of its waits; it makes the signatures from `first` (0 is the first) of `of` now.
    pub(super) fn tell_of_touches(&self, alias: &Alias, token: &mut Opened, first: usize, of: usize) {
        let Some(on_touch) = self.on_touch.clone() else { return };
        let Some(spec) = self.script.token(alias) else { return };
        let base = Touching {
            alias: alias.clone(),
            tag: spec.tag.clone(),
            serial: token.identity().serial.clone(),
            holder: self.script.name(&spec.user_pin).to_owned(),
            number: 0,
            of,
            tried: 0,
            tries: TOUCHES,
            seconds: TOUCH_SECONDS,
            maybe: false,
        };
        token.when_it_blinks(Box::new(move |touch: Touch| {
            let number = first + touch.payload + 1;
            let touching = Touching { number, tried: touch.tried, maybe: touch.maybe, ..base.clone() };
            let mut on_touch = on_touch.lock().unwrap_or_else(PoisonError::into_inner);
            on_touch(&touching)
        }));
    }
}
