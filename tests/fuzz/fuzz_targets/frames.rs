//! Frames as a camera may read them: any lines of text, one receiver, and whatever message comes of it taken apart to its files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use officiant::transfer::{
    compressed,
    parcel::Parcel,
    ur::{Frame, Receiver, bytewords, limit},
};

fuzz_target!(|bytes: &[u8]| {
    let mut receiver = Receiver::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        look(&mut receiver, &text);
        // The same as the inside of a frame whose checksum is right: few random texts have one.
        if let Some((head, inside)) = line.split_first() {
            let letters = bytewords::encode(inside);
            look(&mut receiver, &format!("ur:compressed/{}-{}/{letters}", head >> 4, head & 15));
            look(&mut receiver, &format!("ur:compressed/{letters}"));
        }
    }
    if let Some(message) = receiver.message() {
        assert!(message.len() <= limit::MESSAGE);
        unpack(message);
    }
    unpack(bytes);
});

fn look(receiver: &mut Receiver, text: &str) {
    if let Ok(Frame::Part(part)) = Frame::parse(text) {
        assert!(part.count <= limit::PARTS && part.data.len() <= limit::FRAGMENT && part.number <= limit::NUMBER);
        assert!(part.length as usize <= limit::MESSAGE);
    }
    receiver.take(text);
    let progress = receiver.progress();
    assert!(progress.rank <= progress.count && progress.count <= limit::PARTS as usize);
}

fn unpack(message: &[u8]) {
    let Ok(payload) = compressed::inflate(message) else { return };
    assert!(payload.len() <= compressed::INFLATED_MAX);
    if let Ok(parcel) = Parcel::from_bytes(&payload) {
        assert_eq!(parcel.to_bytes(), payload, "every byte is accounted for");
    }
}
