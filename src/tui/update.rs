//! What follows from a message. Pure: what is to be done in the world comes out as [`Effect`]s.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    burst,
    model::{Asking, Effect, Model, Msg, Notice, Overlay, Screen, SecretEnd, Working},
    view, words,
};
use crate::{
    ceremony::{
        TEXT_MAX, aside,
        prompt::{Answer, AsideKind, Choice, Input},
    },
    perform::Touching,
    rules::Rule,
};

/// Takes a message in, and says what follows.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key, at) => return key_pressed(model, key, at),
        Msg::Size(columns, rows) => model.size = (columns, rows),
        Msg::Now(now) => model.now = now,
        Msg::Show(status, screen) => show(model, *status, *screen),
        Msg::Refused(refusal) => {
            clear_line(model);
            match &mut model.screen {
                Screen::Asking(asking) => {
                    asking.supplied.clear();
                    asking.picked = None;
                    asking.again = false;
                    asking.refusal = Some(refusal);
                }
                _ => model.screen = Screen::Blocked(refusal),
            }
        }
        Msg::Wanted(request) => {
            if let Some(working) = under_way(model) {
                let working = working.clone();
                model.screen = Screen::Secret { request, characters: 0, working };
                model.notice = None;
            }
        }
        Msg::Blinks(touching) => blinks(model, touching),
        Msg::Typed(count) => match &mut model.screen {
            Screen::Secret { characters, .. } => *characters = count,
            Screen::Asking(asking) => asking.characters = count,
            _ => {}
        },
        Msg::SecretEnded(end) => return secret_ended(model, end),
    }
    mark_read(model);
    vec![]
}

fn show(model: &mut Model, status: super::model::Status, screen: Screen) {
    model.status = status;
    model.screen = screen;
    model.notice = None;
    model.scroll = 0;
    // The script may stay open while the ceremony goes on; everything else was about the last screen.
    model.overlay = model.overlay.filter(|overlay| *overlay == Overlay::Script);
    clear_line(model);
}

fn clear_line(model: &mut Model) {
    model.line.clear();
    model.burst.broken();
}

fn mind(model: &mut Model, text: impl Into<String>) -> Vec<Effect> {
    model.notice = Some(Notice::Mind(text.into()));
    clear_line(model);
    vec![]
}

fn key_pressed(model: &mut Model, key: KeyEvent, at: u64) -> Vec<Effect> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => return offer_to_leave(model),
        KeyCode::Esc if model.overlay.is_none() && matches!(model.screen, Screen::Touch { .. }) => {
            return leave_touch(model);
        }
        KeyCode::Char('u') if control => clear_line(model),
        KeyCode::Char(_) if control || key.modifiers.contains(KeyModifiers::ALT) => {}
        KeyCode::F(1) => toggle(model, Overlay::Help),
        KeyCode::Char('?') if model.line.is_empty() => toggle(model, Overlay::Help),
        KeyCode::F(2) | KeyCode::Tab => toggle(model, Overlay::Script),
        KeyCode::F(3) => toggle(model, Overlay::Step),
        KeyCode::F(10) => open_asides(model),
        KeyCode::Esc => {
            model.overlay = None;
            clear_line(model);
        }
        KeyCode::Up => scroll(model, -1),
        KeyCode::Down => scroll(model, 1),
        KeyCode::PageUp => scroll(model, -page(model)),
        KeyCode::PageDown => scroll(model, page(model)),
        KeyCode::Home => scroll(model, isize::MIN / 2),
        KeyCode::End => scroll(model, isize::MAX / 2),
        KeyCode::Backspace => {
            model.line.pop();
            model.burst.broken();
        }
        KeyCode::Char(character) => {
            model.burst.typed(character, at);
            if takes_a_line(model) && model.line.chars().count() < TEXT_MAX {
                model.line.push(character);
                model.notice = None;
            }
        }
        KeyCode::Enter => return entered(model, at),
        _ => {}
    }
    mark_read(model);
    vec![]
}

fn takes_a_line(model: &Model) -> bool {
    match (model.overlay, &model.screen) {
        (Some(Overlay::Asides), _) => true,
        (Some(_), _) | (None, Screen::Working(_) | Screen::Secret { .. } | Screen::Touch { .. }) => false,
        (None, _) => true,
    }
}

fn toggle(model: &mut Model, overlay: Overlay) {
    model.overlay = if model.overlay == Some(overlay) { None } else { Some(overlay) };
    model.scroll = 0;
    if model.overlay == Some(Overlay::Script) {
        model.scroll = view::scroll_to_now(model);
    }
    clear_line(model);
}

/// Whether something can be wanted here that the script does not foresee.
fn open_asides(model: &mut Model) {
    if matches!(model.screen, Screen::Asking(_)) {
        toggle(model, Overlay::Asides);
    } else {
        mind(model, words::NO_ASIDE_NOW);
    }
}

fn offer_to_leave(model: &mut Model) -> Vec<Effect> {
    match &model.screen {
        Screen::Asking(_) => {
            model.overlay = Some(Overlay::Asides);
            mind(model, words::CTRL_C)
        }
        Screen::Touch { .. } => leave_touch(model),
        Screen::Working(_) | Screen::Secret { .. } => mind(model, words::CTRL_C_WORKING),
        Screen::Blocked(_) | Screen::Stopped { .. } | Screen::Closed { .. } => mind(model, words::CTRL_C_END),
    }
}

/// What is under way, whether a secret or a touch is waited for or not.
fn under_way(model: &Model) -> Option<&Working> {
    match &model.screen {
        Screen::Working(working) | Screen::Secret { working, .. } | Screen::Touch { working, .. } => Some(working),
        _ => None,
    }
}

fn blinks(model: &mut Model, touching: Touching) {
    if let Some(working) = under_way(model) {
        let working = working.clone();
        model.screen = Screen::Touch { touching, since: model.now, left: false, working };
        model.notice = None;
    }
}

/// Nothing is sent to the token any more; what was sent, it ends itself.
fn leave_touch(model: &mut Model) -> Vec<Effect> {
    model.notice = None;
    match &mut model.screen {
        Screen::Touch { left, .. } => {
            *left = true;
            vec![Effect::LeaveTouch]
        }
        _ => vec![],
    }
}

fn page(model: &Model) -> isize {
    isize::try_from(view::rows_in_sight(model).saturating_sub(2).max(1)).unwrap_or(1)
}

fn scroll(model: &mut Model, by: isize) {
    model.scroll = model.scroll.saturating_add_signed(by).min(view::last_scroll(model));
}

/// A review sheet counts as read once its last row was in sight.
fn mark_read(model: &mut Model) {
    if model.overlay.is_none()
        && model.scroll >= view::last_scroll(model)
        && view::fits_terminal(model)
        && let Screen::Asking(asking) = &mut model.screen
    {
        asking.read = true;
    }
}

fn entered(model: &mut Model, at: u64) -> Vec<Effect> {
    if model.burst.ends(at) {
        let keep = model.line.chars().count().saturating_sub(burst::LENGTH);
        model.line = model.line.chars().take(keep).collect();
        model.notice = Some(Notice::Swallowed);
        return vec![];
    }
    let typed = model.line.trim().to_owned();
    clear_line(model);
    model.notice = None;
    match model.overlay {
        Some(Overlay::Asides) => return aside_typed(model, &typed),
        Some(_) => {
            model.overlay = None;
            return vec![];
        }
        None => {}
    }
    match &mut model.screen {
        Screen::Asking(asking) => match answer(asking, &typed) {
            Ok(effects) => effects,
            Err(notice) => mind(model, notice),
        },
        Screen::Working(_) | Screen::Secret { .. } | Screen::Touch { .. } => vec![],
        Screen::Blocked(_) => match typed.to_ascii_uppercase().as_str() {
            "AGAIN" => vec![Effect::TryAgain],
            "LEAVE" => vec![Effect::Leave],
            _ => mind(model, words::type_one_of(&["AGAIN", "LEAVE"])),
        },
        Screen::Stopped { .. } => end_on(model, &typed, "WRITTEN"),
        Screen::Closed { .. } => end_on(model, &typed, "END"),
    }
}

fn end_on(model: &mut Model, typed: &str, word: &str) -> Vec<Effect> {
    if typed.eq_ignore_ascii_case(word) {
        return vec![Effect::Leave];
    }
    mind(model, words::type_one_of(&[word]))
}

fn offered(typed: &str) -> Option<AsideKind> {
    aside::offered().into_iter().find(|(_, choice)| choice.word.eq_ignore_ascii_case(typed)).map(|(kind, _)| kind)
}

fn aside_typed(model: &mut Model, typed: &str) -> Vec<Effect> {
    match offered(typed) {
        Some(kind) => {
            model.overlay = None;
            vec![Effect::Answer(Answer::Aside(kind))]
        }
        None => mind(model, words::TYPE_AN_ASIDE),
    }
}

/// What a typed line means to a question, or what it needs instead.
fn answer(asking: &mut Asking, typed: &str) -> Result<Vec<Effect>, String> {
    let one = |answer| Ok(vec![Effect::Answer(answer)]);
    if typed.is_empty() {
        return Err(words::nothing_typed(asking));
    }
    let own = |choices: &[Choice]| choices.iter().any(|choice| choice.word.eq_ignore_ascii_case(typed));
    if let Some(kind) = offered(typed) {
        // In a line for the record only the word in capitals is meant; a step's own LEAVE is the step's.
        let meant = match &asking.prompt.input {
            Input::Word(choices) => !own(choices),
            Input::Text { .. } => typed.chars().all(|c| c.is_ascii_uppercase()),
            _ => true,
        };
        if meant {
            return one(Answer::Aside(kind));
        }
    }
    let unread = asking.is_review() && !asking.read;
    let Asking { prompt, supplied, picked, .. } = asking;
    match &prompt.input {
        Input::Word(choices) if unread && own(choices) => Err(words::READ_TO_THE_END.into()),
        Input::Word(_) => one(Answer::Word(typed.into())),
        Input::Text { .. } => one(Answer::Text(typed.into())),
        Input::HiddenWords(count) => {
            supplied.push(typed.into());
            if supplied.len() < *count {
                return Ok(vec![]);
            }
            one(Answer::HiddenWords(supplied.clone()))
        }
        Input::Pick(options) => {
            if let Ok(number) = typed.parse::<usize>() {
                *picked = number.checked_sub(1).filter(|index| *index < options.len());
                return picked.map(|_| vec![]).ok_or_else(|| words::no_such_number(options.len()));
            }
            match *picked {
                Some(index)
                    if typed.eq_ignore_ascii_case(words::PICK_WORD)
                        || options[index].trim().eq_ignore_ascii_case(typed) =>
                {
                    one(Answer::Picked(index))
                }
                _ => Err(words::number_first(picked.is_some())),
            }
        }
        Input::NewPersonalWord { .. } | Input::PersonalWord { .. } => Ok(vec![]),
    }
}

fn secret_ended(model: &mut Model, end: SecretEnd) -> Vec<Effect> {
    let pin = matches!(model.screen, Screen::Secret { .. });
    match &mut model.screen {
        Screen::Secret { characters, .. } => *characters = 0,
        Screen::Asking(asking) => asking.characters = 0,
        _ => {}
    }
    model.notice = None;
    match end {
        SecretEnd::Given => back_to_work(model),
        SecretEnd::GaveUp | SecretEnd::Interrupted if pin => {
            back_to_work(model);
            return vec![Effect::NoSecret];
        }
        SecretEnd::Asides if pin => return mind(model, words::NO_ASIDE_NOW),
        SecretEnd::TooShort => return mind(model, words::TOO_SHORT),
        SecretEnd::Swallowed => model.notice = Some(Notice::Swallowed),
        SecretEnd::Once => {
            if let Screen::Asking(asking) = &mut model.screen {
                asking.again = true;
                asking.refusal = None;
            }
        }
        SecretEnd::Differs => {
            if let Screen::Asking(asking) = &mut model.screen {
                asking.again = false;
            }
            return mind(model, words::WORDS_DIFFER);
        }
        SecretEnd::Interrupted => return offer_to_leave(model),
        SecretEnd::GaveUp | SecretEnd::Asides => open_asides(model),
        SecretEnd::Help => toggle(model, Overlay::Help),
        SecretEnd::Script => toggle(model, Overlay::Script),
    }
    vec![]
}

fn back_to_work(model: &mut Model) {
    if let Screen::Secret { working, .. } = &model.screen {
        model.screen = Screen::Working(working.clone());
    }
}

/// Whether a refusal leaves the question as it is: nothing of it was recorded.
pub fn leaves_the_question(rule: Rule) -> bool {
    matches!(rule, Rule::AnswerFits | Rule::ClockForward)
}
