use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::transfer::parcel::File;

fn parcel() -> Parcel {
    let digits: String = (0..200).map(|number| crate::digest::Digest::of(&[number]).to_string()).collect();
    Parcel::new(vec![File { name: "2.root.json".into(), bytes: digits.into_bytes() }]).unwrap()
}

fn show(drawing: Drawing, size: (u16, u16)) -> Show {
    Show::new(&parcel(), Wanted { version: 13, speed: 5, drawing }, size).unwrap()
}

fn seen(show: &Show) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(show.size.0, show.size.1)).unwrap();
    let symbol = show.symbol().unwrap();
    terminal.draw(|frame| view(show, &symbol, frame)).unwrap();
    terminal
}

fn press(show: &mut Show, code: KeyCode) -> Effect {
    show.key(KeyEvent::from(code))
}

#[test]
fn the_words_come_first() {
    let show = show(Drawing::HalfBlocks, (80, 24));
    insta::assert_snapshot!(seen(&show).backend());
    assert_eq!(show.interval(), None, "no frame passes unseen");
}

#[test]
fn a_code_with_its_keys_at_80x24() {
    let mut show = show(Drawing::HalfBlocks, (80, 24));
    press(&mut show, KeyCode::Enter);
    assert_eq!((show.version, show.interval()), (5, Some(Duration::from_millis(200))));
    insta::assert_snapshot!(seen(&show).backend());
}

#[test]
fn where_no_code_fits_the_size_that_it_needs_is_said() {
    let mut show = show(Drawing::Spaces, (80, 24));
    press(&mut show, KeyCode::Enter);
    let text = seen(&show).backend().to_string();
    assert!(text.contains("needs 114x41, this terminal is 80x24"), "{text}");
    show.resize((20, 3));
    seen(&show);
}

#[test]
fn keys_change_speed_and_size_and_step() {
    let mut show = show(Drawing::HalfBlocks, (240, 67));
    press(&mut show, KeyCode::Char('+'));
    assert_eq!(show.version, 13, "the words are still there");
    press(&mut show, KeyCode::Enter);
    let whole = show.stream.count();
    press(&mut show, KeyCode::Char('>'));
    assert_eq!(show.interval(), Some(Duration::from_millis(125)));
    show.advance();
    assert_eq!(press(&mut show, KeyCode::Char('+')), Effect::Restart);
    assert_eq!((show.version, show.number), (14, 1));
    assert!(show.stream.count() < whole && show.notice.as_ref().is_some_and(|notice| notice.contains("start over")));
    for _ in 0..40 {
        press(&mut show, KeyCode::Char('+'));
    }
    assert_eq!(show.version, 28, "with the narrowest quiet zone; no larger one fits");
    press(&mut show, KeyCode::Char('p'));
    assert_eq!((show.number, show.interval()), (1, None));
    press(&mut show, KeyCode::Right);
    assert_eq!((show.number, show.interval()), (2, None));
    press(&mut show, KeyCode::Char(' '));
    assert!(show.interval().is_some());
    assert_eq!(press(&mut show, KeyCode::Char('q')), Effect::Leave);
}

#[test]
fn a_small_parcel_is_one_code_that_stands_still() {
    let small = Parcel::new(vec![File { name: "a".into(), bytes: b"x".to_vec() }]).unwrap();
    let wanted = Wanted { version: 13, speed: 5, drawing: Drawing::HalfBlocks };
    let mut show = Show::new(&small, wanted, (120, 40)).unwrap();
    press(&mut show, KeyCode::Enter);
    assert_eq!((show.stream.count(), show.interval()), (1, None));
    assert!(show.version < 13, "no larger than it need be");
    assert!(seen(&show).backend().to_string().contains("One code"));
}
