//! The same frames as the published implementations, both ways: `ur` (Rust) and `@ngraveio/bc-ur` (JavaScript), as oracles only.

mod qr_support;

use officiant::transfer::{
    compressed,
    parcel::{File, Parcel},
    ur::{Heard, NotAFrame, Receiver, Stream, limit},
};
use qr_support::{Peer, hostile_frame, metadata};

/// Parcels that compress to a few, some and many frames of a version 13 code.
fn messages() -> Vec<Vec<u8>> {
    [2_000, 8_000, 60_000].map(|size| compressed::compress(&parcel(size).to_bytes()).expect("it is small")).to_vec()
}

fn parcel(size: usize) -> Parcel {
    Parcel::new(vec![File { name: "2.root.json".into(), bytes: metadata(size) }]).expect("a parcel")
}

/// The orders in which frames arrive: as shown, every third lost, sums only, sums from far on, backwards.
fn orders(count: u32) -> Vec<(&'static str, Vec<u32>)> {
    let many = count * 4 + 40;
    vec![
        ("as shown", (1..=count).collect()),
        ("every third lost", (1..many).filter(|number| number % 3 != 0).collect()),
        ("sums only", (count + 1..count + many).collect()),
        ("sums from far on", (65_000..65_000 + many).collect()),
        ("backwards", (1..=count).rev().collect()),
    ]
}

#[test]
fn the_published_crate_reads_our_frames() {
    for message in messages() {
        let stream = Stream::new(message.clone(), 619).expect("it fits");
        for (order, numbers) in orders(stream.count()) {
            let mut decoder = ur::Decoder::default();
            for number in numbers {
                decoder.receive(&stream.frame(number).to_lowercase()).expect("it takes our frame");
                if decoder.complete() {
                    break;
                }
            }
            assert_eq!(decoder.message().expect("a message"), Some(message.clone()), "{order}");
        }
    }
}

#[test]
fn we_read_the_frames_of_the_published_crate_and_make_the_same() {
    for message in messages() {
        let mut encoder = ur::Encoder::new(&message, 270, "compressed").expect("an encoder");
        let ours = Stream::new(message.clone(), 619).expect("it fits");
        let frames: Vec<String> = (0..ours.count() * 5 + 400).map(|_| encoder.next_part().expect("a part")).collect();
        for (number, theirs) in (1..).zip(&frames) {
            assert_eq!(&ours.frame(number), &theirs.to_uppercase(), "part {number} of {}", ours.count());
        }
        for (order, numbers) in orders(ours.count()) {
            let mut receiver = Receiver::new();
            let of_theirs = numbers.iter().filter_map(|number| frames.get(*number as usize - 1));
            let mut of_theirs = of_theirs.take_while(|frame| receiver.take(frame) != Heard::Whole);
            let _ = of_theirs.by_ref().count();
            if order != "sums from far on" {
                assert_eq!(receiver.message(), Some(message.as_slice()), "{order}");
            }
        }
    }
}

#[test]
fn the_choice_of_fragments_agrees_up_to_the_largest_message() {
    for fragments in [2, 3, 10, 57, 128, 333, 700, 1024] {
        let message: Vec<u8> = (0..fragments * 10).map(|byte| (byte * 7 % 251) as u8).collect();
        let mut encoder = ur::Encoder::new(&message, 10, "compressed").expect("an encoder");
        let mut receiver = Receiver::new();
        // Sums only, so that each of them must be the sum of what both think it is.
        for number in 1..fragments * 3 + 60 {
            let frame = encoder.next_part().expect("a part");
            if number > fragments && receiver.take(&frame) == Heard::Whole {
                break;
            }
            assert_eq!(receiver.progress().restarts, 0, "{fragments}: a sum was taken for another");
        }
        assert_eq!(receiver.message(), Some(message.as_slice()));
    }
}

#[test]
fn never_more_frames_than_the_published_decoder() {
    let (mut ours, mut theirs) = (0, 0);
    for message in messages() {
        let stream = Stream::new(message, 619).expect("it fits");
        for loss in [0, 1, 3] {
            for turn in 0..8_u32 {
                let mut receiver = Receiver::new();
                let mut decoder = ur::Decoder::default();
                let lost =
                    |number: u32| (number.wrapping_mul(2_654_435_761).wrapping_add(turn * 77_777) >> 13) % 10 < loss;
                let (mut by_us, mut by_them) = (None, None);
                for number in (1 + turn * 40..).filter(|number| !lost(*number)) {
                    let frame = stream.frame(number);
                    if by_us.is_none() && receiver.take(&frame) == Heard::Whole {
                        by_us = Some(number);
                    }
                    decoder.receive(&frame.to_lowercase()).expect("it takes our frame");
                    if decoder.complete() {
                        by_them = Some(number);
                        break;
                    }
                }
                assert!(by_us <= by_them && by_us.is_some(), "{by_us:?} {by_them:?}");
                ours += by_us.unwrap_or(0);
                theirs += by_them.unwrap_or(0);
            }
        }
    }
    assert!(ours < theirs, "all parts are used: {ours} {theirs}");
}

#[test]
fn the_javascript_library_reads_our_frames_and_we_read_its() {
    let Some(peer) = Peer::bc_ur() else { return };
    for message in messages() {
        let stream = Stream::new(message.clone(), 619).expect("it fits");
        let hex = officiant::digest::to_hex(&message);
        for (order, numbers) in orders(stream.count()) {
            let frames: String = numbers.iter().map(|number| stream.frame(*number) + "\n").collect();
            let said = peer.run(&["decode"], frames.as_bytes());
            let mut words = said.split_whitespace();
            assert_eq!(words.next(), Some("compressed"));
            assert_eq!(words.nth(1), Some(hex.as_str()), "{order}");
        }
        for first in [1, stream.count() + 1] {
            let count = stream.count() * 4 + 40;
            let said = peer.run(&["encode", "270", &first.to_string(), &count.to_string()], &message);
            let mut receiver = Receiver::new();
            for (number, frame) in (first..).zip(said.lines()) {
                assert_eq!(frame.to_uppercase(), stream.frame(number));
                receiver.take(frame);
            }
            assert_eq!(receiver.message(), Some(message.as_slice()), "from {first}");
        }
    }
}

#[test]
fn frames_are_frozen() {
    let parcel = Parcel::new(vec![
        File { name: "a.txt".into(), bytes: b"exact bytes\n".to_vec() },
        File { name: "keys/b.pem".into(), bytes: vec![0xff; 300] },
    ])
    .expect("a parcel");
    // The payload as it is: what deflate makes of it may change with its version, what becomes of a message may not.
    let stream = Stream::new(parcel.to_bytes(), 154).expect("it fits");
    let mut frozen = format!("words are those of {}\n{} fragments\n", parcel.digest(), stream.count());
    for number in [1, stream.count(), stream.count() + 1, 100, 999_999] {
        frozen.push_str(&stream.frame(number));
        frozen.push('\n');
    }
    insta::assert_snapshot!(frozen);
}

#[test]
fn a_stranger_writes_a_receiver_from_the_document() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        return println!("skipped: python3 is not here");
    }
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/QR.md")).expect("the document");
    let script = document.split_once("<!-- receive.py -->\n```python\n").expect("the script").1;
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = folder.path().join("receive.py");
    std::fs::write(&receiver, script.split_once("```").expect("its end").0).expect("a file");
    for size in [10, 2_000, 60_000] {
        let parcel = parcel(size);
        let message = compressed::compress(&parcel.to_bytes()).expect("it is small");
        let stream = Stream::new(message, 619).expect("it fits");
        for from in [1, stream.count() + 1] {
            let frames: String =
                (from..from + stream.count() * 3 + 40).map(|number| stream.frame(number) + "\n").collect();
            let printed = qr_support::run("python3", &[receiver.to_str().expect("a plain path")], frames.as_bytes());
            assert_eq!(printed, parcel.manifest(), "{size} bytes from frame {from}");
        }
    }
}

#[test]
fn the_document_names_the_limits_of_the_program() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/QR.md")).expect("the document");
    let chapter = document.split_once("## What a receiver must do").expect("the chapter").1;
    let numbers = [
        limit::LETTERS,
        limit::PARTS as usize,
        limit::NUMBER as usize,
        limit::FRAGMENT,
        limit::MESSAGE,
        compressed::INFLATED_MAX,
    ];
    for number in numbers {
        let mut written = number.to_string();
        for at in (1..written.len()).rev().filter(|at| (written.len() - at) % 3 == 0).collect::<Vec<_>>() {
            written.insert(at, ',');
        }
        assert!(chapter.contains(&written), "{written}");
    }
}

#[test]
fn one_hostile_code_costs_nothing() {
    // The published decoder asks for 32 GB at this frame, and the process is gone. It is not asked here.
    let frame = hostile_frame();
    assert!(frame.len() < 100, "{frame}");
    let mut receiver = Receiver::new();
    assert_eq!(receiver.take(&frame), Heard::Not(NotAFrame::Absurd));
    assert_eq!(receiver.take(&frame.replace("COMPRESSED", "BYTES")), Heard::Not(NotAFrame::OtherType));
    assert_eq!(receiver.progress().count, 0);
}
