//! `new`: a script by interview, so that nobody has to write TOML.

mod acts;
mod ask;
mod collected;
mod custody;
mod dct;
mod dct_keys;
mod dct_shown;
mod dct_text;
mod interview;
mod keys;
mod parts;
mod plan;
mod text;
mod tokens;
mod toml;

#[cfg(test)]
mod tests;

pub(super) use self::toml::quoted;
use super::{
    args::New,
    exit::{Exit, Stop},
    line::{Io as _, Keyboard},
    out,
};
use crate::{
    ceremony::{check::check, script::read},
    files,
    rules::{Refusal, Rule},
    text::shown,
    token::quirks::Trust,
};

pub(super) fn new(args: &New, trust: Trust) -> Result<Exit, Stop> {
    // Nobody answers forty questions to learn at the end that the file exists.
    if let Some(path) = args.output.as_deref().filter(|path| path.exists()) {
        let what = format!("{} already exists.", files::name(path));
        return Err(Refusal::new(Rule::OutputFresh, what, "Name another place, or move the old one away.").into());
    }
    let mut keyboard = Keyboard::new();
    let plan = interview::interview(args.kind, trust, &mut keyboard)?;
    let script = text::script(&plan);
    let read = read::script(script.as_bytes()).map_err(|error| {
        Stop::Usage(format!("the answers make no script ({error}); say which name or value it was, and begin again"))
    })?;
    let checked = check(&read);
    for finding in &checked.findings {
        keyboard.say(&format!("{}: {} {}", finding.severity.word(), shown(&finding.what), shown(&finding.remedy)));
    }
    out::write(args.output.as_deref(), &script)?;
    keyboard.say("Next: officiant check, officiant print, and officiant rehearse with this script.");
    Ok(if checked.holds() { Exit::Done } else { Exit::Usage })
}
