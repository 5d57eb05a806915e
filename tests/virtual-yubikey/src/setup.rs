//! What a test asks for: which cards, how long a touch is waited for.

use std::{str::FromStr, time::Duration};

use crate::{card::Make, firmware::Firmware};

/// A set of YubiKeys. Card `n` belongs to reader `n`.
#[derive(Clone, Debug)]
pub struct Setup {
    pub cards: Vec<CardSetup>,
    /// How long a card blinks before it gives up; about 15 s on real ones.
    pub touch_limit: Duration,
}

/// One card.
#[derive(Clone, Debug)]
pub struct CardSetup {
    pub make: Make,
    /// Whether it is in its reader at the start.
    pub inserted: bool,
}

impl Setup {
    /// Inserted cards of these firmwares and serials, which blink for a second.
    pub fn of(cards: &[(&str, u32)]) -> Self {
        let card = |(firmware, serial): &(&str, u32)| {
            let firmware: Firmware = firmware.parse().expect("a firmware version");
            CardSetup { make: Make::new(firmware, *serial), inserted: true }
        };
        Self { cards: cards.iter().map(card).collect(), touch_limit: Duration::from_secs(1) }
    }

    /// As arguments: the touch limit in milliseconds, then the cards.
    pub(crate) fn to_words(&self) -> Vec<String> {
        let limit = self.touch_limit.as_millis().to_string();
        std::iter::once(limit).chain(self.cards.iter().map(CardSetup::to_word)).collect()
    }

    pub(crate) fn from_words<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let limit = words.next().and_then(|word| word.parse().ok()).ok_or("how long a touch is waited for, in ms")?;
        let cards = words.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { cards, touch_limit: Duration::from_millis(limit) })
    }
}

impl CardSetup {
    /// `5.7.1:12345678`, then `:out`, `:blocked`, `:lenient` and `:complexity` where they hold.
    fn to_word(&self) -> String {
        let Make { firmware, serial, last_try_says_blocked, lenient_always, complexity } = self.make;
        let marks = [
            (!self.inserted, "out"),
            (last_try_says_blocked, "blocked"),
            (lenient_always, "lenient"),
            (complexity, "complexity"),
        ];
        let marks = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| format!(":{mark}"));
        format!("{firmware}:{serial}{}", marks.collect::<String>())
    }
}

impl FromStr for CardSetup {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let mut parts = word.split(':');
        let firmware = parts.next().unwrap_or_default().parse()?;
        let serial = parts.next().and_then(|serial| serial.parse().ok());
        let mut make = Make::new(firmware, serial.ok_or_else(|| format!("{word}: no serial"))?);
        let mut inserted = true;
        for mark in parts {
            match mark {
                "out" => inserted = false,
                "blocked" => make.last_try_says_blocked = true,
                "lenient" => make.lenient_always = true,
                "complexity" => make.complexity = true,
                other => return Err(format!("{word}: \"{other}\" is none of out, blocked, lenient, complexity")),
            }
        }
        Ok(Self { make, inserted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_is_read_as_it_was_written() {
        let mut setup = Setup::of(&[("5.7.1", 7), ("4.3.5", 8)]);
        setup.cards[1].inserted = false;
        setup.cards[1].make.lenient_always = true;
        let words = setup.to_words();
        assert_eq!(words, ["1000", "5.7.1:7", "4.3.5:8:out:lenient"]);
        let again = Setup::from_words(words.iter().map(String::as_str)).unwrap();
        assert_eq!(again.to_words(), words);
        assert!(Setup::from_words(["1", "5.7:7"].into_iter()).is_err());
    }
}
