//! Some tokens type a one-time password when they are touched: 44 characters of the modhex alphabet and Enter, faster than
//! anybody types. It is nobody's answer.

use std::collections::VecDeque;

/// How long such a password is.
pub const LENGTH: usize = 44;
/// How long a token takes for it at most, in milliseconds. A person would have to type 30 keys a second.
pub const LONGEST_MS: u64 = 1_500;

/// Watches what is typed, and knows of it only when each modhex character of the last run came.
#[derive(Clone, Debug, Default)]
pub struct Burst(VecDeque<u64>);

impl Burst {
    /// A character was typed at `at` (milliseconds of any clock that only goes forward).
    pub fn typed(&mut self, character: char, at: u64) {
        if !is_modhex(character) {
            self.0.clear();
            return;
        }
        if self.0.len() == LENGTH {
            self.0.pop_front();
        }
        self.0.push_back(at);
    }

    /// A character was taken back, or the line is gone.
    pub fn broken(&mut self) {
        self.0.clear();
    }

    /// Enter was typed at `at`: whether it ends a token's password, whose [`LENGTH`] characters are to be taken back.
    pub fn ends(&mut self, at: u64) -> bool {
        let burst =
            self.0.len() == LENGTH && self.0.front().is_some_and(|first| at.saturating_sub(*first) <= LONGEST_MS);
        self.0.clear();
        burst
    }
}

fn is_modhex(character: char) -> bool {
    "cbdefghijklnrtuv".contains(character.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "ccccccbcgujhingjrdejhgfnuetrgigvejhhgbkugded";

    fn type_at(burst: &mut Burst, text: &str, from: u64, every: u64) -> u64 {
        let mut at = from;
        for character in text.chars() {
            burst.typed(character, at);
            at += every;
        }
        at
    }

    #[test]
    fn a_tokens_password_is_known_by_its_letters_and_its_speed() {
        assert_eq!(PASSWORD.len(), LENGTH);
        let mut burst = Burst::default();
        let at = type_at(&mut burst, PASSWORD, 0, 3);
        assert!(burst.ends(at));
        assert!(!burst.ends(at), "it is known once");
    }

    #[test]
    fn also_after_a_word_that_somebody_had_begun() {
        let mut burst = Burst::default();
        let at = type_at(&mut burst, "SIGN", 0, 200);
        let at = type_at(&mut burst, PASSWORD, at, 3);
        assert!(burst.ends(at));
    }

    #[test]
    fn what_people_type_is_left_alone() {
        let mut burst = Burst::default();
        let at = type_at(&mut burst, PASSWORD, 0, 60);
        assert!(!burst.ends(at), "slow");
        let at = type_at(&mut burst, &PASSWORD[1..], 0, 3);
        assert!(!burst.ends(at), "short");
        let at = type_at(&mut burst, &format!("{}a{}", &PASSWORD[..20], &PASSWORD[20..]), 0, 3);
        assert!(!burst.ends(at), "not modhex");
        type_at(&mut burst, PASSWORD, 0, 3);
        burst.broken();
        assert!(!burst.ends(200), "taken back");
    }
}
