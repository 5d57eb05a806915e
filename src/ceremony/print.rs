//! The paper script: what the screen will say, weeks before, with room for times, initials and everything that is written
//! by hand. One document, as HTML to print and as Markdown to review.

pub mod document;
mod forms;
pub mod html;
pub mod markdown;

use self::document::{Block, Cell, Document, Layout, Line, Table, blank, exact, plain, row};
use super::{
    check::{
        self, Checked, Severity,
        text::{counted, duration},
    },
    script::{Kind, Script},
    steps::{Action, Step},
    words::{self, paper as say},
};
use crate::readback::{WORDS_OF_ACT, WORDS_OF_DIGEST};

/// The script as one self-contained HTML file with print styles.
pub fn html(script: &Script, checked: &Checked) -> String {
    html::render(&document(script, checked))
}

/// The script as Markdown.
pub fn markdown(script: &Script, checked: &Checked) -> String {
    markdown::render(&document(script, checked))
}

fn document(script: &Script, checked: &Checked) -> Document {
    let mut blocks = page_one(script, checked);
    for act in 0..script.acts.len() {
        blocks.extend(act_blocks(script, act));
    }
    blocks.extend(forms::all(script));
    let stamps = [(script.declares.single_control, say::SINGLE_CONTROL), (!checked.holds(), say::NOT_FIT)];
    Document {
        title: script.title.clone(),
        running: format!("{} · {}", script.kind.title(), script.repository),
        boxes: say::BOXES.to_vec(),
        stamps: stamps.into_iter().filter(|(wanted, _)| *wanted).map(|(_, stamp)| stamp.to_owned()).collect(),
        watermark: None,
        foot: "The words of this script".into(),
        foot_words: checked.words.clone(),
        blocks,
    }
}

fn page_one(script: &Script, checked: &Checked) -> Vec<Block> {
    let planned = script
        .planned
        .map_or_else(|| "………………………… UTC".into(), |at| format!("{} {} UTC", at.date(), &at.time_of_day()[..5]));
    let mut blocks = vec![
        Block::Facts(vec![
            ("Ceremony".into(), script.kind.title().into()),
            ("Repository".into(), script.repository.clone()),
            ("Writes".into(), what_is_written(script)),
            ("Planned".into(), format!("{planned}, {}", duration(checked.minutes))),
        ]),
        Block::Fields(vec!["Held at".into(), "Number of the video recording, if there is one".into()]),
    ];
    blocks.extend(alarms(script, checked));
    blocks.extend([
        Block::Subheading("The words of this script".into()),
        Block::Small(say::SCRIPT_WORDS.into()),
        Block::Exact(checked.digest.to_string()),
        Block::Words(checked.words.clone()),
        Block::Heading("People".into()),
        people(checked),
    ]);
    blocks.extend(work(checked));
    blocks.extend([
        Block::Heading("Tokens".into()),
        tokens(script, checked),
        Block::Heading("Media".into()),
        Block::List(
            checked.media.iter().map(|label| format!("“{label}” holds the record from the first entry on.")).collect(),
        ),
        Block::Heading("To bring".into()),
        Block::Checklist(checked.materials.iter().map(material).collect()),
        Block::Heading("Rules of the room".into()),
        Block::Facts(say::room_rules(script).into_iter().map(|(name, rule)| (name.to_owned(), rule)).collect()),
        Block::Subheading("Spelling".into()),
        Block::Small(format!("{}. {}.", say::ALPHABET, say::DIGITS)),
    ]);
    let noticed: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| format!("{}: {} {}", finding.severity.word(), finding.what, finding.remedy))
        .collect();
    if !noticed.is_empty() {
        blocks.extend([Block::Heading("What the check of this script noticed".into()), Block::List(noticed)]);
    }
    blocks.extend(ends(checked));
    blocks.push(Block::NewPage);
    blocks
}

fn what_is_written(script: &Script) -> String {
    if let Some(spec) = &script.repositories {
        return say::written_of_many(script, spec);
    }
    let expiry = &script.root.expiry;
    format!(
        "root version {}, threshold {} of {} keys ({}), expiring {} days after the ceremony",
        script.next_version(),
        script.root.threshold,
        script.root.keys.len(),
        script.root.algorithm,
        expiry.days
    )
}

fn alarms(script: &Script, checked: &Checked) -> Vec<Block> {
    let mut alarms = vec![];
    if script.declares.single_control {
        alarms
            .push(Block::Alarm(format!("{}: one person can sign alone. The script declares it.", say::SINGLE_CONTROL)));
    }
    let errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        let first =
            checked.first_impossible.as_ref().map(|step| format!(" It would stop at step {step}.")).unwrap_or_default();
        alarms.push(Block::Alarm(format!(
            "{}: the check of this script found {}.{first}",
            say::NOT_FIT,
            counted(errors, "error")
        )));
    }
    alarms
}

fn people(checked: &Checked) -> Block {
    let rows = checked.people.iter().map(|person| {
        let surrogate = match &person.stands_in_for {
            Some(principal) => format!("only if {principal} is absent"),
            None => person.surrogates.join(", "),
        };
        let mut cells = row([person.name.clone(), person.duties.join(", "), surrogate]);
        cells.push(blank());
        cells
    });
    Block::Table(Table {
        layout: Layout::Form,
        head: vec!["Name", "Duties", "Surrogate", "Signature"],
        rows: rows.collect(),
    })
}

/// How much each signs, touches and types, where the tokens of the script say whether they want a touch.
fn work_with_touches(checked: &Checked) -> Vec<Block> {
    if !checked.people.iter().any(|person| person.touches_exact) {
        return vec![];
    }
    let number = |count: u32| if count == 0 { String::new() } else { count.to_string() };
    let rows = checked.people.iter().filter(|person| person.touches + person.so_pin_entries > 0).map(|person| {
        row([
            person.name.clone(),
            number(person.signatures),
            number(person.other_signatures),
            if person.touches_exact { number(person.touches) } else { format!("up to {}", person.touches) },
            number(person.user_pin_entries),
            number(person.so_pin_entries),
        ])
    });
    let head = vec!["Name", "Signatures", "Proofs and heads", "Touches", "User PIN", "SO-PIN"];
    vec![
        Block::Heading("What each signs, touches and types".into()),
        Block::Small(say::TOUCHES_EXACT.into()),
        Block::Table(Table { layout: Layout::Plain, head, rows: rows.collect() }),
    ]
}

/// How much each signs and types, in a ceremony about many repositories.
fn work(checked: &Checked) -> Vec<Block> {
    if checked.repositories.is_none() {
        return work_with_touches(checked);
    }
    let number = |count: u32| if count == 0 { String::new() } else { count.to_string() };
    let rows = checked.people.iter().filter(|person| person.touches + person.so_pin_entries > 0).map(|person| {
        row([
            person.name.clone(),
            number(person.signatures),
            number(person.certificates),
            number(person.other_signatures),
            number(person.touches),
            number(person.user_pin_entries),
            number(person.so_pin_entries),
        ])
    });
    let head = vec![
        "Name",
        "Documents, at most",
        "Certificates",
        "Proofs and heads",
        "Touches, at most",
        "User PIN",
        "SO-PIN",
    ];
    let mut blocks = vec![
        Block::Heading("What each signs and types".into()),
        Block::Small(say::TOUCHES.into()),
        Block::Table(Table { layout: Layout::Plain, head, rows: rows.collect() }),
    ];
    let alone = checked.alone.iter().map(|alone| format!("{} could sign {} alone.", alone.name, alone.role));
    let alone: Vec<String> = alone.collect();
    blocks.push(if alone.is_empty() { Block::Text("Nobody could sign alone.".into()) } else { Block::List(alone) });
    let stops = checked.stops_the_day.iter().map(|stop| stop.who.clone()).collect::<Vec<_>>().join(", ");
    if !stops.is_empty() {
        blocks.push(Block::Text(format!("The day stops without: {stops}.")));
    }
    blocks
}

/// What ends after a ceremony about many repositories.
fn ends(checked: &Checked) -> Vec<Block> {
    if checked.deadlines.is_empty() {
        return vec![];
    }
    let facts = checked.deadlines.iter().map(|of| (of.when(), format!("{}: {}.", of.what, of.then)));
    vec![Block::Heading("What ends, if it is held as planned".into()), Block::Facts(facts.collect())]
}

fn tokens(script: &Script, checked: &Checked) -> Block {
    let many = script.repositories.as_ref();
    let rows = checked.tokens.iter().map(|token| {
        let key = match (&token.spare_for, token.in_new_root, &token.keyid) {
            (Some(alias), ..) => format!("spare for {alias}"),
            _ if many.is_some_and(|spec| spec.tags_with(&token.alias)) => {
                say::tagging_key(script.kind == Kind::DctRotateTaggingKey, token.keyid.is_some()).into()
            }
            _ if many.is_some() => say::offline_key(token.in_new_root, token.keyid.is_some(), token.signs).into(),
            (None, _, Some(_)) if script.kind.is_custody() => say::HOLDS_ITS_KEY.into(),
            (None, _, None) if script.kind.is_custody() => say::BLANK_TOKEN.into(),
            (None, true, None) => "new root key".into(),
            (None, true, Some(_)) => "root key that stays".into(),
            (None, false, Some(_)) => "root key that goes".into(),
            (None, false, None) => String::new(),
        };
        let mut cells = vec![vec![Line::Strong(token.alias.to_string()), Line::Plain(key)]];
        cells.extend(row([token.tag.clone(), token.holder.clone(), token.user_pin.clone(), token.so_pin.clone()]));
        cells.push(token.serial.as_ref().map_or_else(blank, exact));
        cells
    });
    let head = vec!["Token", "Tag", "Holder", "User PIN", "SO-PIN, sealed", "Serial"];
    Block::Table(Table { layout: Layout::Form, head, rows: rows.collect() })
}

fn material(material: &check::Material) -> String {
    match material.spare {
        0 => format!("{} × {}", material.count, material.what),
        spare => format!("{} × {} — and {spare} to spare", material.count, material.what),
    }
}

fn act_blocks(script: &Script, number: usize) -> Vec<Block> {
    let Some(act) = script.acts.get(number) else { return vec![] };
    let times = check::timetable(script);
    let before: usize = script.acts[..number].iter().map(|act| act.steps.len()).sum();
    let mut rows: Vec<Vec<Cell>> = act
        .steps
        .iter()
        .zip(&times[before..])
        .map(|(step, time)| step_row(script, step, &time.number, &time.words()))
        .collect();
    let closes = act.steps.iter().any(|step| matches!(step.action, Action::Close(_)));
    if !closes {
        rows.push(end_of_act(script, number));
    }
    vec![
        Block::Heading(format!("Act {number}: {}", act.title)),
        Block::Table(Table {
            layout: Layout::Steps,
            head: vec!["Step", "Who", "Activity", "Planned", "Time UTC", "Initials"],
            rows,
        }),
    ]
}

fn step_row(script: &Script, step: &Step, number: &str, planned: &str) -> Vec<Cell> {
    let who = step.action.kind().who(script);
    vec![
        vec![Line::Strong(number.to_owned())],
        who.iter().map(|person| Line::Plain(script.name(person).to_owned())).collect(),
        activity(script, step),
        plain(planned),
        blank(),
        blank(),
    ]
}

/// The very words that the screen shows, and room for what is written by hand.
fn activity(script: &Script, step: &Step) -> Cell {
    let prose = step.prose(script);
    let mut cell = vec![Line::Strong(prose.title)];
    cell.extend(prose.lines.into_iter().map(Line::Plain));
    cell.push(Line::Expect(prose.expect));
    let words = matches!(step.action, Action::Review(_) | Action::Close(_));
    for (at, label) in prose.form.into_iter().enumerate() {
        // The first thing written in a review and at the close is the 32 words.
        cell.push(if words && at == 0 { Line::BlankWords(label, WORDS_OF_DIGEST) } else { Line::Field(label) });
    }
    cell
}

fn end_of_act(script: &Script, number: usize) -> Vec<Cell> {
    let reader = script.with_duty(super::participants::Duty::Witness).next().map(|person| person.name.clone());
    let reader = reader.or_else(|| words::operators(script).first().map(|id| script.name(id).to_owned()));
    vec![
        vec![Line::Strong("end".into())],
        plain(reader.unwrap_or_default()),
        vec![
            Line::Strong(format!("End of act {number}")),
            Line::Plain(say::END_OF_ACT.into()),
            Line::Expect(say::END_OF_ACT_EXPECT.into()),
            Line::BlankWords("The first eight words of the head".into(), WORDS_OF_ACT),
        ],
        blank(),
        blank(),
        blank(),
    ]
}

#[cfg(test)]
mod tests;
