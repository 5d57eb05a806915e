//! Scenes and prompts as plain lines of text, at most [`WIDTH`] characters wide.

use crate::{
    ceremony::{
        Ceremony,
        participants::PersonId,
        prompt::{Input, Prompt, Scene, WordsStand},
        script::{Script, read::FIELD_MAX},
        sheet::{Meter, ReviewSheet, TallySheet, TokenCard},
        words,
    },
    digest::Digest,
    readback::{self, WORDS_OF_ACT},
    secret::SecretRequest,
    text::{shown, shown_up_to},
    utc::Utc,
};

/// The width of a plain terminal.
pub const WIDTH: usize = 80;

/// What a scene shows.
pub fn render(scene: &Scene, script: &Script) -> Vec<String> {
    match scene {
        Scene::Plain { ask } => wrap(ask, 0),
        Scene::Statement { text } => wrap(&format!("“{text}”"), 2),
        Scene::WriteDown { subject, digest, count } => {
            let words = readback::words(&digest.as_bytes()[..*count]).into_iter().map(Some).collect::<Vec<_>>();
            let mut lines = wrap(&format!("Read aloud and write down the {count} words of {subject}:"), 0);
            lines.extend(rows(&words));
            lines
        }
        Scene::ReadBack { subject, blind, stand } => {
            let from = match stand {
                WordsStand::OnPaper => "The words that are missing here come from the paper, not from the screen.",
                WordsStand::OnTheOtherScreen => {
                    "The words that are missing here stand on the other screen, and are read from there."
                }
            };
            let mut lines = wrap(&format!("Read back {subject}. {from}"), 0);
            lines.extend(rows(&blind.shown()));
            lines
        }
        Scene::Review(sheet) => review(sheet),
        Scene::Batch(sheet) => sheet.lines().iter().flat_map(|line| wrap(line, 0)).collect(),
        Scene::List { title, lines, ask } => {
            let list = lines.iter().flat_map(|line| wrap(line, 2));
            wrap(title, 0).into_iter().chain(list).chain(wrap(ask, 0)).collect()
        }
        Scene::Handover { from, to, token, secret } => handover(script, from, to, token, secret),
        Scene::Swap { token, ask } => [wrap(ask, 0), wrap(&card(token), 2)].concat(),
        Scene::PointOfNoReturn { what, leaving_now, leaving_later } => [
            vec!["*** THERE IS NO WAY BACK AFTER THIS ***".into()],
            wrap(what, 0),
            wrap(leaving_now, 2),
            wrap(leaving_later, 2),
        ]
        .concat(),
        Scene::Trouble { trouble, remedy } => {
            let what = if trouble.is_no_touch() { "NOT TOUCHED" } else { "TROUBLE" };
            [wrap(&format!("{what}: {}", trouble.words()), 0), wrap(remedy, 2)].concat()
        }
        Scene::Break { minutes, ask } => [wrap(&format!("A break of {minutes} minutes."), 0), wrap(ask, 2)].concat(),
        Scene::Stopped { account, head } => stopped(account, *head),
    }
}

/// What a prompt waits for, and from whom.
pub fn ask_words(prompt: &Prompt, script: &Script) -> Vec<String> {
    let who = words::names(script, &prompt.who);
    let mut lines = vec![];
    match &prompt.input {
        Input::Word(choices) => {
            lines.push(format!("[{who}] Type"));
            lines.extend(choices.iter().flat_map(|choice| wrap(&format!("{:<10} {}", choice.word, choice.does), 2)));
        }
        Input::Text { hint, .. } => lines.extend(wrap(&format!("[{who}] ({hint})"), 0)),
        Input::HiddenWords(count) => {
            let elsewhere = matches!(&prompt.scene, Scene::ReadBack { stand: WordsStand::OnTheOtherScreen, .. });
            let from = if elsewhere { "the other screen" } else { "the paper" };
            lines.push(format!("[{who}] {count} words from {from}:"));
        }
        Input::Pick(options) => {
            lines.push(format!("[{who}] One of"));
            let numbered = options.iter().enumerate();
            lines.extend(numbered.flat_map(|(index, option)| wrap(&format!("{}  {option}", index + 1), 2)));
        }
        Input::NewPersonalWord { .. } | Input::PersonalWord { .. } => {
            lines.push(format!("[{who}] Nobody else looks at the keyboard."));
        }
    }
    lines
}

/// Who must type which secret of which token, and how many tries are left.
pub fn secret_words(request: &SecretRequest) -> String {
    let holder = request.holder.as_ref().map(|holder| format!("{}: ", shown(holder))).unwrap_or_default();
    let token = request.label.as_ref().map(|label| format!(" of {}", shown(label))).unwrap_or_default();
    let serial = request.serial.as_ref().map(|serial| format!(" (serial {})", shown(serial))).unwrap_or_default();
    let length = match (request.min, request.max) {
        _ if request.row.is_some() => String::new(),
        (Some(min), Some(max)) => format!(", {min} to {max} characters"),
        (Some(min), None) if min > 0 => format!(", at least {min} characters"),
        _ => String::new(),
    };
    // A file counts no tries.
    let tries = if request.what.counts_tries() { format!("; {}", request.tries) } else { String::new() };
    let covers = if request.covers > 0 { format!(", for {}", request.covered()) } else { String::new() };
    let touch = if request.touch { ", then touch it when it blinks" } else { "" };
    format!("{holder}{}{token}{serial}{tries}{length}{covers}{touch}: ", request.what.name())
}

/// What stands above a step: where the ceremony is, and the step's own words as on paper.
pub fn step_head(ceremony: &Ceremony, now: Utc) -> Vec<String> {
    let position = ceremony.position();
    let alone = if position.single_control { " · SINGLE CONTROL" } else { "" };
    let mut lines = vec![
        String::new(),
        "=".repeat(WIDTH),
        format!(
            "{}{alone} · act {} of {} · step {} ({} of {} done) · {} UTC · head {}",
            position.stamp,
            position.act,
            position.last_act,
            position.number,
            position.steps_done,
            position.steps,
            now.time_of_day(),
            &ceremony.stamp().head.to_string()[..8],
        ),
    ];
    match ceremony.prose() {
        Some(prose) => {
            lines.extend(wrap(&prose.title, 0));
            lines.extend(prose.lines.iter().flat_map(|line| wrap(line, 2)));
            if !prose.expect.is_empty() {
                lines.extend(wrap(&format!("Expect: {}", prose.expect), 2));
            }
        }
        None => lines.extend(wrap(&format!("The end of act {}: {}", position.act, position.act_title), 0)),
    }
    lines
}

fn rows(words: &[Option<String>]) -> Vec<String> {
    let rows = words.chunks(4).enumerate().map(|(row, chunk)| {
        let cells: Vec<_> = chunk
            .iter()
            .enumerate()
            .map(|(column, word)| {
                format!("{:>2} {:<14}", row * 4 + column + 1, word.as_deref().unwrap_or("___________"))
            })
            .collect();
        format!("  {}", cells.join(" ").trim_end())
    });
    rows.collect()
}

fn review(sheet: &ReviewSheet) -> Vec<String> {
    let mut lines = wrap(&format!("Review of {} version {} of {}", sheet.role, sheet.version, sheet.repository), 0);
    lines.push("What changes:".into());
    lines.extend(sheet.changes.iter().flat_map(|change| wrap(change, 2)));
    lines.push("Keys:".into());
    for key in &sheet.keys {
        lines.extend(wrap(
            &format!("{} · {} · {} · {}", key.roles.join(", "), key.name, key.algorithm, key.change.word()),
            2,
        ));
        lines.push(format!("    {}", shown(&key.keyid)));
    }
    lines.push("Thresholds:".into());
    lines.extend(sheet.thresholds.iter().flat_map(|threshold| wrap(threshold, 2)));
    lines.push(format!("Expires: {} ({} days from today)", sheet.expires, sheet.days));
    lines.extend(tally(&sheet.tally));
    lines.push("Rules that were asked and held:".into());
    lines.extend(sheet.passed.iter().flat_map(|passed| wrap(&format!("{}: {}", passed.rule, passed.seen), 2)));
    lines.push(format!("Payload: SHA-256 {}", sheet.digest));
    lines
}

fn tally(tally: &TallySheet) -> Vec<String> {
    let meter = |name: &str, meter: &Meter| {
        let mut lines = vec![format!("{name}: {} of {} signatures", meter.signed(), meter.threshold)];
        lines.extend(meter.signers.iter().flat_map(|signer| {
            let mark = if signer.signed { "signed" } else { "not yet" };
            wrap(&format!("{} · {} · {mark}", signer.name, signer.keyid), 2)
        }));
        lines
    };
    let old = tally.old.as_ref().map(|old| meter("By the old root's keys", old)).unwrap_or_default();
    [old, meter("By the new root's keys", &tally.new)].concat()
}

fn card(token: &TokenCard) -> String {
    let serial = token.serial.as_ref().map(|serial| format!(", serial {serial}")).unwrap_or_default();
    format!("Token {}: {} tag, {}{serial}", token.alias, token.tag, token.holder_name)
}

fn handover(script: &Script, from: &PersonId, to: &PersonId, token: &TokenCard, secret: &str) -> Vec<String> {
    let (from, to) = (script.name(from), script.name(to));
    let first = if from == to {
        format!("{to}, you type a secret now. Everybody else looks away.")
    } else {
        format!("{from}, stand back. {to}, sit down at the keyboard. Everybody else looks away.")
    };
    [wrap(&first, 0), wrap(&card(token), 2), wrap(&format!("You will be asked for: {secret}. Cameras off."), 2)]
        .concat()
}

fn stopped(account: &[String], head: Digest) -> Vec<String> {
    let mut lines = vec!["The ceremony stops here. Where everything stands:".to_owned()];
    lines.extend(account.iter().flat_map(|line| wrap(line, 2)));
    lines.push(format!("Write down the first {WORDS_OF_ACT} words of the head; they are asked for on resume:"));
    let words: Vec<_> = readback::words(&head.as_bytes()[..WORDS_OF_ACT]).into_iter().map(Some).collect();
    lines.extend(rows(&words));
    lines
}

/// `text` in lines of [`WIDTH`], `indent` spaces deep, every further line two deeper. Nothing in it paints.
fn wrap(text: &str, indent: usize) -> Vec<String> {
    let text = shown_up_to(text, 2 * FIELD_MAX);
    let mut lines = vec![];
    let mut line = " ".repeat(indent);
    let mut empty = true;
    // Only the first break of a run of spaces matters; columns inside a line keep theirs.
    for (index, word) in text.split(' ').enumerate() {
        let longer = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if longer && !empty {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent + 2)).trim_end().to_owned());
            empty = true;
        }
        if index > 0 && !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = empty && word.is_empty();
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_and_nothing_paints() {
        let lines = wrap(&format!("{} \u{1b}[2J end", "word ".repeat(40)), 2);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH && !line.contains('\u{1b}')), "{lines:#?}");
        assert!(lines[0].starts_with("  word") && lines[1].starts_with("    word"));
        assert_eq!(wrap("SIGN       the token signs", 2), ["  SIGN       the token signs"]);
        assert_eq!(wrap("", 0), [""]);
    }

    #[test]
    fn words_stand_in_numbered_rows_of_four_and_hidden_ones_are_blank() {
        let words: Vec<_> = readback::words(&[0, 0, 255, 255, 1]).into_iter().map(Some).collect();
        let mut blind = words.clone();
        blind[1] = None;
        assert_eq!(rows(&words).len(), 2);
        assert!(rows(&words)[0].contains(" 2 adroitness"));
        assert!(rows(&blind)[0].contains(" 2 ___________"));
    }
}
