//! Each scene and input as it looks, and what follows from keys.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};

use super::{
    model::{Asking, Effect, Listening, Model, Msg, Notice, Overlay, Screen, SecretEnd, Status, Working},
    update::update,
    view::view,
};
use crate::{
    ceremony::{
        Ceremony,
        event::{Event, Mode, Program, Stamp},
        operation::Trouble,
        outline::Progress,
        participants::{Alias, PersonId},
        prompt::{Answer, AsideKind, Choice, Input, Prompt, Scene},
        repositories::sheet::{BatchSheet, Group},
        script::read,
        sheet::{KeyFate, KeyLine, Meter, ReviewSheet, Signer, TallySheet, TokenCard},
        state::Closing,
    },
    digest::Digest,
    fault::{Fault, FaultKind, Tries},
    perform::Touching,
    readback::Blind,
    rules::{Passed, Refusal, Rule},
    secret::{SecretKind, SecretRequest},
    utc::Utc,
};

const SCRIPT: &str = include_str!("../../tests/tui/genesis.toml");

fn now() -> Utc {
    Utc::parse("2026-12-01T09:30:00Z").expect("an instant")
}

fn status(mode: Mode) -> Status {
    let script = read::script(SCRIPT.as_bytes()).expect("the script of the tests");
    let mut ceremony = Ceremony::begin(Arc::new(script));
    let program =
        Program { name: "officiant 0.1.0".into(), sha256: Digest::of(b"program"), trust: "test".into(), edition: 0 };
    let began = Event::Began {
        script: ceremony.script().digest,
        title: ceremony.script().title.clone(),
        program,
        mode,
        media: vec!["blue stick".into(), "red stick".into()],
        previous: None,
    };
    ceremony.apply(Stamp { seq: 0, at: now(), head: Digest::of(b"head") }, &began);
    Status::of(&ceremony)
}

/// The status somewhere in the middle, with the words of another step.
fn in_the_middle(step: &str) -> Status {
    let mut status = status(Mode::Rehearsal);
    let script = read::script(SCRIPT.as_bytes()).expect("the script of the tests");
    let (_, found) = script.numbered().find(|(number, _)| number == step).expect("such a step");
    status.prose = Some(found.prose(&script));
    status.number = step.into();
    status.act = step[..1].parse().expect("an act");
    status.act_title = script.acts[status.act].title.clone();
    let mut before = true;
    for act in &mut status.outline {
        for one in &mut act.steps {
            let here = one.number == step;
            one.progress = match (here, before) {
                (true, _) => Progress::Now,
                (_, true) => Progress::Done,
                (_, false) => Progress::Next,
            };
            before &= !here;
        }
        act.end = if before { Progress::Done } else { Progress::Next };
    }
    status
}

fn asking(status: Status, scene: Scene, input: Input) -> Model {
    let prompt = Prompt { who: vec![], scene, input };
    shown(status, Screen::Asking(Box::new(Asking::new(prompt, now()))))
}

fn shown(status: Status, screen: Screen) -> Model {
    let mut model = Model::new(status, screen, (80, 24), now());
    model.keyboard = Some("de".into());
    update(&mut model, Msg::Now(now()));
    model
}

fn drawn(model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(model.size.0, model.size.1)).expect("a test terminal");
    terminal.draw(|frame| view(model, frame)).expect("it draws");
    terminal.backend().to_string()
}

fn key(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    update(model, Msg::Key(KeyEvent::from(code), 0))
}

fn type_line(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut at = 0;
    for character in text.chars() {
        at += 200;
        update(model, Msg::Key(KeyEvent::from(KeyCode::Char(character)), at));
    }
    update(model, Msg::Key(KeyEvent::from(KeyCode::Enter), at + 200))
}

fn word(word: &'static str, does: &str) -> Input {
    Input::Word(vec![Choice::new(word, does)])
}

fn person(id: &str) -> PersonId {
    PersonId::try_from(id.to_owned()).expect("a short name")
}

fn card() -> TokenCard {
    TokenCard {
        alias: Alias::try_from("ana-1".to_owned()).expect("a short name"),
        holder: person("ana"),
        holder_name: "Ana Ruiz".into(),
        tag: "blue".into(),
        serial: Some("715a0f21c0ffee00".into()),
    }
}

fn tally() -> TallySheet {
    let signer = |name: &str, signed| Signer { name: name.into(), keyid: "1a2b3c4d".into(), signed };
    TallySheet {
        old: Some(Meter { threshold: 1, signers: vec![signer("Ana Ruiz", true), signer("Bo Lind", false)] }),
        new: Meter {
            threshold: 2,
            signers: vec![signer("Ana Ruiz", true), signer("Bo Lind", false), signer("Cy Marsh", false)],
        },
    }
}

fn sheet() -> ReviewSheet {
    let key = |roles: &[&str], name: &str, change| KeyLine {
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        name: name.into(),
        keyid: Digest::of(name.as_bytes()).to_string(),
        algorithm: "P-256".into(),
        change,
    };
    ReviewSheet {
        repository: "test.example.org".into(),
        role: "root".into(),
        version: 2,
        changes: vec!["The root key of Cy Marsh comes in.".into(), "The root key of Di Old goes out.".into()],
        keys: vec![
            key(&["root"], "Ana Ruiz, token ana-1", KeyFate::Stays),
            key(&["root"], "Cy Marsh, token cy-1", KeyFate::New),
            key(&["root"], "Di Old", KeyFate::Goes),
            key(&["snapshot", "timestamp"], "the publishing server\u{1b}[31m", KeyFate::Stays),
        ],
        thresholds: vec!["root: 2 of 3 keys".into(), "targets: 1 of 1 key".into()],
        expires: Utc::parse("2027-12-01T00:00:00Z").expect("an instant"),
        days: 365,
        digest: Digest::of(b"payload"),
        passed: vec![Passed::new(Rule::RootVersionStep, "version 2 follows version 1")],
        tally: tally(),
    }
}

fn review() -> Model {
    let mut status = in_the_middle("2.3");
    status.tally = Some(tally());
    asking(status, Scene::Review(Box::new(sheet())), word("READ", "the sheet was read aloud to its end"))
}

fn batch_sheet(repositories: usize) -> BatchSheet {
    let line = |index: usize| format!("docker.io/example/app-{index}  root 2 ab12cd34  targets 7 12ab34cd  14 tags");
    BatchSheet {
        repositories: repositories + 1,
        documents: 2 * repositories + 2,
        payloads: 2 * repositories + 1,
        digest: Some(Digest::of(b"batch")),
        date: "2026-12-01".into(),
        left_out: vec!["docker.io/example/other\u{1b}[31m: REPOSITORY-IS-OURS: Its root role has other keys.".into()],
        groups: vec![
            Group {
                words: vec!["root, signed by ana-1, bo-1".into(), "NOTE root: consistent snapshots are on".into()],
                repositories: vec![line(0)],
            },
            Group {
                words: vec!["root, signed by ana-1, bo-1".into(), "  targets: add the key of tag-2, Tia Okafor".into()],
                repositories: (1..=repositories).map(line).collect(),
            },
        ],
        shares: vec!["ana-1: 4 documents".into(), "tag-2: 4 documents".into()],
    }
}

fn batch(repositories: usize) -> Model {
    let scene = Scene::Batch(Arc::new(batch_sheet(repositories)));
    asking(in_the_middle("2.3"), scene, word("READ", "the sheet was read aloud to its end"))
}

fn judged() -> Model {
    let scene = Scene::List {
        title: "2 tags and delegations are not as they were before the compromise, of 20 tags in all.".into(),
        lines: Arc::new(vec!["docker.io/example/db  1.1".into(), "docker.io/example/db  latest\u{1b}[31m".into()]),
        ask: "Are they kept as they are now, put back to what they were, or judged one by one?".into(),
    };
    let input = Input::Word(vec![
        Choice::new("EACH", "decides one by one"),
        Choice::new("DROP", "puts all of them back to what they were; what was not there before goes"),
        Choice::new("KEEP", "keeps all of them as they are now"),
    ]);
    asking(in_the_middle("2.3"), scene, input)
}

fn read_back(length: usize) -> Model {
    let blind = Blind::new(Digest::of(b"payload"), length, 7);
    let input = Input::HiddenWords(blind.hidden().len());
    asking(
        in_the_middle("2.3"),
        Scene::ReadBack {
            subject: "the payload of root version 2".into(),
            blind,
            stand: crate::ceremony::prompt::WordsStand::OnPaper,
        },
        input,
    )
}

fn plain() -> Model {
    let input = Input::Word(vec![
        Choice::new("PRESENT", "Ada Admin is in the room"),
        Choice::new("ABSENT", "Ada Admin is not; a declared surrogate is called instead"),
    ]);
    let ask = "Is Ada Admin (administrator) here? Two others look at them.".into();
    asking(status(Mode::Rehearsal), Scene::Plain { ask }, input)
}

fn no_return() -> Model {
    let scene = Scene::PointOfNoReturn {
        what: "The first signature on root 2 is made.".into(),
        leaving_now: "Leaving now costs nothing: no signature for root 2 exists.".into(),
        leaving_later:
            "Leaving later: one signature for root 2 exists. It must be listed as spent if the payload changes.".into(),
    };
    let input = Input::Word(vec![
        Choice::new("SIGN", "the token signs after its PIN"),
        Choice::new("LEAVE", "stops here; the ceremony can be resumed"),
    ]);
    let mut status = in_the_middle("2.4");
    status.tally = Some(tally());
    asking(status, scene, input)
}

fn pick() -> Model {
    let options = [
        "“” serial , SoftHSM project SoftHSM v2",
        "“old” serial 31337, SoftHSM project SoftHSM v2",
        "none of these: look again",
    ];
    let scene = Scene::Plain {
        ask: "Which of these becomes ana-1? Compare the serial with the one printed on the token.".into(),
    };
    asking(in_the_middle("1.1"), scene, Input::Pick(options.map(String::from).to_vec()))
}

fn text() -> Model {
    let input = Input::Text {
        label: "Number of the bag of the machine".into(),
        hint: "as it stands on the object; “none” if there is none".into(),
    };
    asking(
        in_the_middle("0.4"),
        Scene::Plain { ask: "Read aloud and type: Number of the bag of the machine".into() },
        input,
    )
}

fn working() -> Working {
    Working { what: "generate a key on ana-1".into(), in_doubt: false, since: now() }
}

fn request(tries: Tries) -> SecretRequest {
    SecretRequest {
        row: None,
        wrong: None,
        what: SecretKind::UserPin,
        label: Some("ana-1".into()),
        serial: Some("715a0f21c0ffee00".into()),
        holder: Some("Ana Ruiz".into()),
        tries,
        attempt: 1,
        min: Some(4),
        max: Some(255),
        touch: false,
        covers: 0,
    }
}

fn pin_for(covers: usize) -> Model {
    let request = SecretRequest { covers, touch: true, ..request(Tries::Left(5)) };
    shown(in_the_middle("1.2"), Screen::Secret { request, characters: 0, working: working() })
}

fn trouble_of(kind: FaultKind) -> Model {
    let fault = Fault::new(kind, "sign, YubiKey 7150001", "nobody touched it in time; nothing was signed");
    let trouble = Trouble::Fault(fault);
    let remedy = crate::ceremony::words::AFTER_NO_TOUCH.into();
    asking(in_the_middle("1.2"), Scene::Trouble { trouble, remedy }, word("AGAIN", "tries the same once more"))
}

fn pin(tries: Tries) -> Model {
    let screen = Screen::Secret { request: request(tries), characters: 6, working: working() };
    shown(in_the_middle("1.2"), screen)
}

fn touching(tried: u32, of: usize, maybe: bool) -> Touching {
    Touching {
        alias: "ana-1".to_owned().try_into().expect("a short name"),
        tag: "blue".into(),
        serial: "7150001".into(),
        holder: "Ana Ruiz".into(),
        number: if of == 1 { 1 } else { 7 },
        of,
        tried,
        tries: 3,
        seconds: 15,
        maybe,
    }
}

/// A token that blinks, as it looks after some seconds.
fn blinking(touching: Touching, seconds: i64) -> Model {
    let mut model = shown(in_the_middle("1.2"), Screen::Working(working()));
    update(&mut model, Msg::Blinks(touching));
    let later = Utc::from_seconds(now().seconds() + seconds).expect("an instant");
    update(&mut model, Msg::Now(later));
    model
}

#[test]
fn a_token_that_blinks_is_left_once_and_says_so() {
    let mut model = blinking(touching(0, 1, false), 3);
    assert!(drawn(&model).contains("it blinks, 12 s"), "{}", drawn(&model));
    assert!(type_line(&mut model, "STOP").is_empty(), "no line is typed here");
    let effects = key(&mut model, KeyCode::Esc);
    assert!(matches!(effects.as_slice(), [Effect::LeaveTouch]), "{effects:?}");
    assert!(drawn(&model).contains("Nothing more is sent"), "{}", drawn(&model));
    // Esc over an overlay only takes the overlay away.
    let mut model = blinking(touching(0, 1, false), 3);
    key(&mut model, KeyCode::F(1));
    assert!(key(&mut model, KeyCode::Esc).is_empty() && model.overlay.is_none());
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(matches!(update(&mut model, Msg::Key(interrupt, 0)).as_slice(), [Effect::LeaveTouch]));
}

#[test]
fn the_countdown_begins_anew_with_each_wait_and_ends_at_zero() {
    let mut model = blinking(touching(0, 1, false), 15);
    assert!(drawn(&model).contains("its time is over"), "{}", drawn(&model));
    update(&mut model, Msg::Blinks(touching(1, 1, false)));
    let screen = drawn(&model);
    assert!(screen.contains("it blinks, 15 s") && screen.contains("It blinks again: 2 of 3"), "{screen}");
}

macro_rules! looks {
    ($($name:ident $model:expr;)+) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(drawn(&$model));
        }
    )+};
}

fn at(mut model: Model, columns: u16, rows: u16) -> Model {
    update(&mut model, Msg::Size(columns, rows));
    model
}

fn production(single_control: bool) -> Model {
    let mut model = plain();
    model.status = status(Mode::Production);
    model.status.single_control = single_control;
    model
}

fn after(mut model: Model, keys: &[KeyCode]) -> Model {
    for code in keys {
        key(&mut model, *code);
    }
    model
}

fn write_down(count: usize) -> Model {
    let scene =
        Scene::WriteDown { subject: "the payload of root version 2".into(), digest: Digest::of(b"payload"), count };
    asking(in_the_middle("2.3"), scene, word("WRITTEN", "the words stand on the witness's paper"))
}

fn refused(mut model: Model) -> Model {
    update(
        &mut model,
        Msg::Refused(Refusal::new(
            Rule::PayloadReadback,
            "Word 3 is missing or differs from the one on the screen's side.",
            crate::ceremony::words::AFTER_WRONG_WORD,
        )),
    );
    model
}

looks! {
    a_token_that_blinks blinking(touching(0, 1, false), 4);
    a_token_that_blinks_again_in_a_batch blinking(touching(1, 312, true), 12);
    a_token_that_was_left after(blinking(touching(0, 312, false), 9), &[KeyCode::Esc]);
    nobody_touched_a_token trouble_of(FaultKind::NotTouched);
    a_pin_for_a_batch pin_for(312);
    plain_with_a_choice_of_words plain();
    plain_wide at(plain(), 120, 40);
    production_has_another_frame production(false);
    single_control_is_stamped production(true);
    a_list_to_pick_from pick();
    a_list_with_a_marked_line { let mut model = pick(); type_line(&mut model, "2"); model };
    a_line_for_the_record text();
    a_statement asking(
        in_the_middle("3.1"),
        Scene::Statement { text: "Nothing happened that the record does not say.".into() },
        Input::PersonalWord { person: person("ada"), salt: "00".repeat(16) },
    );
    a_new_personal_word asking(
        status(Mode::Rehearsal),
        Scene::Plain { ask: "Ada Admin, take the keyboard and choose a word of your own.".into() },
        Input::NewPersonalWord { person: person("ada") },
    );
    words_to_write_down write_down(32);
    words_to_write_down_at_the_end_of_an_act write_down(8);
    words_to_write_down_wide at(write_down(32), 120, 40);
    a_blind_read_back read_back(32);
    a_blind_read_back_half_way { let mut model = read_back(32); type_line(&mut model, "crusade"); type_line(&mut model, "x"); model };
    a_blind_read_back_refused refused(read_back(8));
    a_review_sheet review();
    a_review_sheet_at_its_end after(review(), &[KeyCode::End]);
    a_review_sheet_wide at(review(), 120, 40);
    a_batch batch(3);
    a_batch_at_its_end after(batch(3), &[KeyCode::End]);
    a_batch_wide at(batch(3), 120, 40);
    a_list_to_judge judged();
    a_handover asking(
        in_the_middle("1.2"),
        Scene::Handover { from: person("olga"), to: person("ana"), token: card(), secret: "user PIN".into() },
        word("SEATED", "you sit at the keyboard, and nobody else sees it"),
    );
    a_swap asking(
        in_the_middle("1.3"),
        Scene::Swap { token: card(), ask: "Take ana-1 out of the machine. Count to three. Put it in again.".into() },
        word("INSERTED", "the token is in"),
    );
    a_point_of_no_return no_return();
    a_trouble asking(
        in_the_middle("2.4"),
        Scene::Trouble {
            trouble: Trouble::Fault(Fault::new(FaultKind::PinIncorrect { tries: Tries::Low }, "C_Login, token \"ana-1\"", "CKR_PIN_INCORRECT")),
            remedy: crate::ceremony::words::AFTER_FAULT.into(),
        },
        word("AGAIN", "tries the same once more"),
    );
    a_wrong_token_by_its_owner asking(
        in_the_middle("2.4"),
        Scene::Trouble {
            trouble: Trouble::Refused(Refusal::new(Rule::TokenIsExpected, "This is ana-1 (blue tag, Ana Ruiz). bo-1 (red tag, Bo Lind) is wanted. No PIN was sent, nothing was signed.", "Take it out and put in the right one.")),
            remedy: "Take it out and put in the right one.".into(),
        },
        word("AGAIN", "tries the same once more"),
    );
    a_break { let mut model = asking(
        in_the_middle("2.1"),
        Scene::Break { minutes: 5, ask: crate::ceremony::words::BREAK_ASK.into() },
        word("BACK", "the break is over"),
    ); model.now = Utc::parse("2026-12-01T09:31:10Z").expect("an instant"); model };
    something_under_way { let mut model = shown(in_the_middle("1.2"), Screen::Working(working())); model.now = Utc::parse("2026-12-01T09:31:10Z").expect("an instant"); model };
    a_pin_with_tries_left pin(Tries::Left(3));
    a_pin_of_a_token_that_does_not_tell pin(Tries::TokenDoesNotTell);
    stopped shown(in_the_middle("2.4"), Screen::Stopped {
        account: vec![
            "Token ana-1 (blue, serial 715a0f21c0ffee00): holds root key 1a2b3c4d, which counts. Bag it; its holder is Ana Ruiz.".into(),
            "Payload 0011223344556677… of root version 1: not signed; its threshold is not met: nobody accepts it.".into(),
            "Medium “blue stick” holds the record. Take it out and bag it.".into(),
        ],
        head: Digest::of(b"head"),
    });
    closed shown(in_the_middle("3.3"), Screen::Closed {
        closing: Closing::Closed,
        head: Digest::of(b"head"),
        exported: vec![format!("metadata/1.root.json, SHA-256 {}", Digest::of(b"root"))],
        record: vec!["blue stick: /media/blue/2026-12".into(), "red stick: /media/red/2026-12".into()],
    });
    blocked shown(in_the_middle("2.4"), Screen::Blocked(Refusal::new(Rule::ClockForward, "The machine's clock ran backwards.", "Set it right and go on.")));
    the_menu_of_asides after(plain(), &[KeyCode::F(10)]);
    the_explanation after(no_return(), &[KeyCode::Char('?')]);
    the_script_at_80_columns after(no_return(), &[KeyCode::Tab]);
    the_words_of_the_step after(write_down(32), &[KeyCode::F(3)]);
    too_small at(plain(), 79, 24);
    on_the_linux_console { let mut model = pick(); model.console = true; model };
}

#[test]
fn the_words_of_a_step_are_those_on_paper() {
    let model = at(text(), 120, 40);
    let prose = model.status.prose.clone().expect("a step");
    let screen = drawn(&model);
    let lines = super::prompts::step::lines(Some(&prose), 69);
    assert!(lines.len() >= 3);
    for line in lines {
        assert!(screen.contains(line.to_string().trim()), "{line}\n{screen}");
    }
}

#[test]
fn bare_enter_never_answers() {
    for mut model in [plain(), no_return(), pick(), text(), read_back(32), review(), write_down(8)] {
        assert!(key(&mut model, KeyCode::Enter).is_empty());
        assert!(matches!(model.notice, Some(Notice::Mind(_))), "{:?}", model.notice);
    }
}

#[test]
fn a_typed_word_is_the_answer() {
    let effects = type_line(&mut plain(), "present");
    assert!(matches!(&effects[..], [Effect::Answer(Answer::Word(word))] if word == "present"));
    let effects = type_line(&mut text(), "A 0815");
    assert!(matches!(&effects[..], [Effect::Answer(Answer::Text(text))] if text == "A 0815"));
}

#[test]
fn a_list_wants_a_number_and_then_a_word() {
    let mut model = pick();
    assert!(type_line(&mut model, "TAKE").is_empty(), "the word alone takes nothing");
    assert!(type_line(&mut model, "4").is_empty());
    assert!(matches!(model.notice, Some(Notice::Mind(_))), "there is no fourth line");
    assert!(type_line(&mut model, "2").is_empty());
    assert!(matches!(&type_line(&mut model, "take")[..], [Effect::Answer(Answer::Picked(1))]));
}

#[test]
fn hidden_words_come_one_by_one() {
    let mut model = read_back(8);
    assert!(type_line(&mut model, "crusade").is_empty());
    let effects = type_line(&mut model, "adroitness");
    assert!(
        matches!(&effects[..], [Effect::Answer(Answer::HiddenWords(words))] if words == &["crusade", "adroitness"])
    );
}

#[test]
fn a_review_sheet_is_answered_only_after_its_last_row_was_in_sight() {
    let mut model = review();
    assert!(type_line(&mut model, "READ").is_empty());
    assert!(matches!(model.notice, Some(Notice::Mind(_))));
    for _ in 0..20 {
        key(&mut model, KeyCode::PageDown);
    }
    key(&mut model, KeyCode::Home);
    assert!(matches!(&type_line(&mut model, "READ")[..], [Effect::Answer(Answer::Word(_))]));
}

#[test]
fn a_batch_and_a_list_are_answered_only_after_their_last_row_was_in_sight() {
    let mut model = batch(40);
    assert!(type_line(&mut model, "READ").is_empty());
    key(&mut model, KeyCode::End);
    assert!(matches!(&type_line(&mut model, "READ")[..], [Effect::Answer(Answer::Word(_))]));
}

#[test]
fn a_terminal_that_is_too_small_has_shown_nothing() {
    let mut model = at(review(), 40, 10);
    key(&mut model, KeyCode::End);
    assert!(type_line(&mut model, "READ").is_empty());
}

#[test]
fn asides_are_typed_at_any_question_and_a_steps_own_leave_is_the_steps() {
    let leave = |effects: &[Effect]| matches!(effects, [Effect::Answer(Answer::Aside(AsideKind::Leave))]);
    assert!(leave(&type_line(&mut plain(), "leave")));
    assert!(leave(&type_line(&mut read_back(8), "LEAVE")));
    assert!(leave(&type_line(&mut text(), "LEAVE")));
    assert!(matches!(&type_line(&mut text(), "leave")[..], [Effect::Answer(Answer::Text(_))]), "an ordinary word");
    assert!(matches!(&type_line(&mut no_return(), "LEAVE")[..], [Effect::Answer(Answer::Word(_))]));

    let mut model = after(plain(), &[KeyCode::F(10)]);
    assert_eq!(model.overlay, Some(Overlay::Asides));
    let effects = type_line(&mut model, "VOID");
    assert!(matches!(&effects[..], [Effect::Answer(Answer::Aside(AsideKind::Void))]));
}

#[test]
fn ctrl_c_offers_to_leave_and_ends_nothing() {
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    let mut model = plain();
    assert!(update(&mut model, Msg::Key(control_c, 0)).is_empty());
    assert_eq!(model.overlay, Some(Overlay::Asides));
    let mut model = shown(in_the_middle("1.2"), Screen::Working(working()));
    assert!(update(&mut model, Msg::Key(control_c, 0)).is_empty());
    assert!(model.overlay.is_none() && model.notice.is_some());
}

#[test]
fn a_password_that_a_token_types_answers_nothing() {
    let mut model = text();
    type_slowly_then_burst(&mut model);
    assert_eq!(model.notice, Some(Notice::Swallowed));
    assert_eq!(model.line, "AB", "what a person had typed stays");
    let mut model = read_back(8);
    type_slowly_then_burst(&mut model);
    assert!(model.asking().is_some_and(|asking| asking.supplied.is_empty()));
}

fn type_slowly_then_burst(model: &mut Model) {
    for (at, character) in [(0, 'A'), (300, 'B')] {
        update(model, Msg::Key(KeyEvent::from(KeyCode::Char(character)), at));
    }
    for character in "ccccccbcgujhingjrdejhgfnuetrgigvejhhgbkugded".chars() {
        update(model, Msg::Key(KeyEvent::from(KeyCode::Char(character)), 1000));
    }
    assert!(update(model, Msg::Key(KeyEvent::from(KeyCode::Enter), 1010)).is_empty());
}

#[test]
fn secrets_are_listened_to_by_another_way_and_the_model_knows_their_length_only() {
    assert_eq!(pin(Tries::Left(3)).listening(), Listening::Pin { min: 4 });
    assert_eq!(plain().listening(), Listening::Keys);
    let mut model = pin(Tries::Left(3));
    assert!(matches!(&update(&mut model, Msg::SecretEnded(SecretEnd::GaveUp))[..], [Effect::NoSecret]));
    assert!(matches!(model.screen, Screen::Working(_)));
    let mut model = pin(Tries::Left(3));
    update(&mut model, Msg::SecretEnded(SecretEnd::Help));
    assert_eq!(model.listening(), Listening::Keys, "an explanation is closed by a key");
    key(&mut model, KeyCode::Esc);
    assert_eq!(model.listening(), Listening::Pin { min: 4 });
}

#[test]
fn nothing_from_outside_paints_the_screen() {
    let mut status = status(Mode::Production);
    status.act_title = "\u{1b}[2Jkeys\u{202e}".into();
    status.who = "Eve\u{200b}".into();
    let model = asking(status, Scene::Plain { ask: "a\u{1b}]0;x\u{7}b".into() }, word("GO", "on\u{9b}1m"));
    let screen = drawn(&at(model, 120, 40));
    assert!(!screen.chars().any(|c| c != '\n' && crate::text::paints(c)), "{screen}");
}
