use super::*;
use crate::ceremony::script::read;

/// A good script of three officers, two of whom must sign.
pub(crate) const GENESIS: &str = include_str!("../../../tests/paper/genesis.toml");

fn checked(text: &str) -> Checked {
    check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn a_good_script_holds() {
    let checked = checked(GENESIS);
    assert!(checked.holds(), "{checked}");
}
