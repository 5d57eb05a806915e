use proptest::prelude::*;

use super::*;
use crate::transfer::ur::Stream;

fn message(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

fn stream(length: usize) -> Stream {
    Stream::new(message(length), 619).unwrap()
}

/// The frames it takes until the message is whole.
fn frames_until_whole(stream: &Stream, numbers: impl Iterator<Item = u32>) -> usize {
    let mut receiver = Receiver::new();
    for (at, number) in numbers.enumerate() {
        if receiver.take(&stream.frame(number)) == Heard::Whole {
            assert_eq!(receiver.message(), Some(message(stream_length(stream)).as_slice()));
            return at + 1;
        }
    }
    panic!("the numbers ended: {:?}", receiver.progress());
}

fn stream_length(stream: &Stream) -> usize {
    let Ok(Frame::Part(part)) = Frame::parse(&stream.frame(1)) else { panic!("a part") };
    part.length as usize
}

#[test]
fn the_fragments_alone_suffice_in_every_order() {
    let stream = stream(5000);
    let count = stream.count();
    assert_eq!(frames_until_whole(&stream, 1..=count), count as usize);
    assert_eq!(frames_until_whole(&stream, (1..=count).rev()), count as usize);
}

#[test]
fn who_joins_late_finishes_with_few_more_frames_than_fragments() {
    let stream = stream(17_668);
    let count = stream.count();
    let taken: Vec<usize> = (1..40).map(|turn| frames_until_whole(&stream, count * turn + 1..)).collect();
    let mean = taken.iter().sum::<usize>() as f64 / taken.len() as f64;
    assert!(mean < f64::from(count) * 1.15, "{mean} of {count}");
}

#[test]
fn a_frame_of_another_message_is_counted_and_changes_nothing() {
    let (ours, theirs) = (stream(5000), stream(4000));
    let mut receiver = Receiver::new();
    receiver.take(&ours.frame(1));
    let before = receiver.progress();
    assert_eq!(receiver.take(&theirs.frame(1)), Heard::Foreign);
    assert_eq!(receiver.take("https://example.org"), Heard::Not(NotAFrame::Unrelated));
    let whole = Stream::new(b"small".to_vec(), 619).unwrap();
    assert_eq!(receiver.take(&whole.frame(1)), Heard::Foreign);
    let after = receiver.progress();
    assert_eq!(after, Progress { foreign: 2, unusable: 1, ..before });
    for number in 2..=ours.count() {
        receiver.take(&ours.frame(number));
    }
    assert_eq!(receiver.message(), Some(message(5000).as_slice()));
    assert_eq!(receiver.take(&theirs.frame(2)), Heard::Foreign, "nor after the end");
    assert_eq!(receiver.take(&ours.frame(2)), Heard::Known);
    assert_eq!(receiver.message(), Some(message(5000).as_slice()));
}

#[test]
fn a_poisoned_set_is_dropped_and_the_next_one_finishes() {
    let stream = stream(5000);
    let Ok(Frame::Part(mut poison)) = Frame::parse(&stream.frame(3)) else { panic!("a part") };
    poison.data[0] ^= 1;

    // Seen at once, where the part says what is known to be otherwise.
    let mut receiver = Receiver::new();
    receiver.take(&stream.frame(3));
    receiver.take(&stream.frame(1));
    assert_eq!(receiver.take(&poison.text()), Heard::Poisoned);
    assert_eq!((receiver.progress().count, receiver.progress().restarts), (0, 1));

    // Seen at the end, where it came first.
    receiver.take(&poison.text());
    let heard: Vec<Heard> = (1..=stream.count()).map(|number| receiver.take(&stream.frame(number))).collect();
    assert!(heard.contains(&Heard::Poisoned), "{heard:?}");
    for number in 1..=stream.count() {
        receiver.take(&stream.frame(number));
    }
    assert_eq!(receiver.message(), Some(message(5000).as_slice()));
}

#[test]
fn the_frame_that_aborts_a_published_decoder_does_nothing() {
    // 4,000,000,001 fragments of one byte each, in 95 letters: an array of 32 GB for who believes it.
    let mut bytes = vec![0x85, 0x1a];
    bytes.extend_from_slice(&4_000_000_001_u32.to_be_bytes());
    bytes.push(0x1a);
    bytes.extend_from_slice(&4_000_000_000_u32.to_be_bytes());
    bytes.push(0x1a);
    bytes.extend_from_slice(&4_000_000_000_u32.to_be_bytes());
    bytes.extend_from_slice(&[0x1a, 1, 2, 3, 4, 0x41, 0]);
    let letters = crate::transfer::ur::bytewords::encode(&bytes);
    let mut receiver = Receiver::new();
    for kind in ["compressed", "bytes"] {
        let heard = receiver.take(&format!("ur:{kind}/4000000001-4000000000/{letters}").to_uppercase());
        assert!(matches!(heard, Heard::Not(NotAFrame::Absurd | NotAFrame::OtherType)), "{heard:?}");
    }
    assert_eq!(receiver.progress().count, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Three of ten frames are lost, and the receiver joins anywhere.
    #[test]
    fn loss_and_joining_late_finish(length in 1_usize..9000, from in 1_u32..5000, lost in prop::collection::vec(0_u8..10, 4000)) {
        let stream = stream(length);
        prop_assume!(stream.count() > 1);
        let mut receiver = Receiver::new();
        let seen = (from..).zip(lost).filter(|(_, draw)| *draw >= 3);
        for (number, _) in seen {
            if receiver.take(&stream.frame(number)) == Heard::Whole {
                break;
            }
        }
        let wanted = message(length);
        prop_assert_eq!(receiver.message(), Some(wanted.as_slice()));
    }

    /// Whatever stands before the camera: no panic, and nothing that is kept grows with what a frame declares.
    #[test]
    fn any_text_is_borne(text in "\\PC{0,300}") {
        Receiver::new().take(&text);
    }

    /// Frames that are frames but for what they say.
    #[test]
    fn any_part_is_borne(
        parts in prop::collection::vec((any::<u32>(), 0_u32..1100, any::<u32>(), 0_u32..3, prop::collection::vec(any::<u8>(), 0..40)), 1..30),
        tidy in any::<bool>(),
    ) {
        let mut receiver = Receiver::new();
        for (number, count, length, checksum, data) in parts {
            let (count, length) = if tidy { (count % 5 + 1, (count % 5 + 1) * data.len() as u32) } else { (count, length) };
            let part = Part { number: number % 1_000_001, count, length, checksum, data };
            receiver.take(&part.text());
            let progress = receiver.progress();
            prop_assert!(progress.count <= 1024 && progress.rank <= progress.count);
        }
    }

    /// Bytes as CBOR, with a right checksum around them.
    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..200), whole in any::<bool>()) {
        let letters = crate::transfer::ur::bytewords::encode(&bytes);
        let text = if whole { format!("ur:compressed/{letters}") } else { format!("ur:compressed/1-2/{letters}") };
        Receiver::new().take(&text);
    }
}
