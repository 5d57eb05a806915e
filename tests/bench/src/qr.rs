//! Frames that are shown until files have crossed as QR codes: this program's receiver, the published `ur` decoder on the very same
//! frames, and a plain sequence without sums (as BBQr sends it), on the same losses.

use std::time::Instant;

use officiant::transfer::{
    compressed,
    parcel::{File, Parcel},
    ur::{Heard, Receiver, Stream},
};

use crate::{
    qr_metadata::metadata,
    table::{self, Series, figure},
};

/// Letters of a version 13 code.
const LETTERS: usize = 619;
/// Bytes that a frame of BBQr in base 32 carries in such a code: eight letters of head, eight letters for five bytes.
const PLAIN_BYTES: usize = (LETTERS - 8) * 5 / 8;
/// Frames a second.
const SPEED: f64 = 5.0;
const SIZES: [usize; 4] = [2_000, 8_000, 32_000, 60_000];
const LOSSES: [u64; 3] = [0, 10, 30];

/// Which frames are lost: independent of each other, the same for everybody.
struct Losses(u64);

impl Losses {
    fn next(&mut self, percent: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % 100 < percent
    }
}

pub fn run(rounds: usize) {
    let trials = rounds * 12;
    for late in [false, true] {
        let rows: Vec<_> = SIZES
            .iter()
            .flat_map(|size| LOSSES.iter().map(move |loss| (*size, *loss)))
            .map(|(size, loss)| row(size, loss, late, trials))
            .collect();
        let when =
            if late { "joining after three rounds, in the midst of the sums" } else { "from the first frame on" };
        let head = [
            "JSON",
            "loss %",
            "fragments",
            "officiant, mean",
            "officiant, p95",
            "seconds at 5 a second, mean",
            "ur 0.5, mean",
            "ur 0.5, p95",
            "plain sequence, frames",
            "plain, mean",
            "plain, p95",
        ];
        table::print(&format!("QR codes of version 13, {when} ({trials} trials)"), &head, &rows);
    }
    encoding(rounds);
}

fn message(size: usize) -> (Parcel, Vec<u8>) {
    let file = File { name: "targets.json".into(), bytes: metadata(size) };
    let parcel = Parcel::new(vec![file]).expect("a parcel");
    let message = compressed::compress(&parcel.to_bytes()).expect("it is small");
    (parcel, message)
}

fn row(size: usize, loss: u64, late: bool, trials: usize) -> Vec<String> {
    let (_, message) = message(size);
    let plain = message.len().div_ceil(PLAIN_BYTES);
    let stream = Stream::new(message, LETTERS).expect("it fits");
    let [mut ours, mut theirs, mut sequence] = [vec![], vec![], vec![]];
    for trial in 1..=trials {
        let seed = (trial as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let first = if late { stream.count() * 3 + 1 + trial as u32 } else { 1 };
        let (by_us, by_them) = until_whole(&stream, first, loss, seed);
        ours.push(f64::from(by_us));
        theirs.push(f64::from(by_them));
        sequence.push(f64::from(in_sequence(plain, if late { trial } else { 0 }, loss, seed)));
    }
    let [ours, theirs, sequence] = [ours, theirs, sequence].map(Spread::of);
    vec![
        format!("{size}"),
        format!("{loss}"),
        format!("{}", stream.count()),
        figure(ours.mean),
        figure(ours.p95),
        figure(ours.mean / SPEED),
        figure(theirs.mean),
        figure(theirs.p95),
        format!("{plain}"),
        figure(sequence.mean),
        figure(sequence.p95),
    ]
}

/// Frames shown until this program's receiver and the published one have everything.
fn until_whole(stream: &Stream, first: u32, loss: u64, seed: u64) -> (u32, u32) {
    let (mut receiver, mut decoder) = (Receiver::new(), ur::Decoder::default());
    let (mut by_us, mut losses) = (None, Losses(seed));
    if stream.count() == 1 {
        let shown = (1..).find(|_| !losses.next(loss)).unwrap_or(1);
        return (shown, shown);
    }
    for shown in 1.. {
        if losses.next(loss) {
            continue;
        }
        let frame = stream.frame(first + shown - 1);
        if by_us.is_none() && receiver.take(&frame) == Heard::Whole {
            by_us = Some(shown);
        }
        decoder.receive(&frame.to_lowercase()).expect("it takes our frames");
        if decoder.complete() {
            return (by_us.expect("never later than the published decoder"), shown);
        }
    }
    unreachable!("frames do not end")
}

/// Frames shown until each of `count` was seen once, one after the other, again and again.
fn in_sequence(count: usize, from: usize, loss: u64, seed: u64) -> u32 {
    let (mut seen, mut missing, mut losses) = (vec![false; count], count, Losses(seed));
    for shown in 1_u32.. {
        let at = (from + shown as usize - 1) % count;
        if !losses.next(loss) && !std::mem::replace(&mut seen[at], true) {
            missing -= 1;
        }
        if missing == 0 {
            return shown;
        }
    }
    unreachable!("frames do not end")
}

struct Spread {
    mean: f64,
    p95: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let mean = figures.iter().sum::<f64>() / figures.len() as f64;
        Self { mean, p95: figures[(figures.len() * 95).div_ceil(100).max(1) - 1] }
    }
}

/// From files to the texts of all frames, and back.
fn encoding(rounds: usize) {
    let mut rows = vec![];
    for size in SIZES {
        let [mut out, mut back] = [Series::default(), Series::default()];
        for _ in 0..rounds * 3 {
            let begun = Instant::now();
            let (_, message) = message(size);
            let stream = Stream::new(message, LETTERS).expect("it fits");
            let frames: Vec<String> = (1..=stream.count() * 2).map(|number| stream.frame(number)).collect();
            out.add_time(begun.elapsed());
            let begun = Instant::now();
            let mut receiver = Receiver::new();
            // Sums only, where there are any.
            let sums = frames.iter().skip(stream.count() as usize).chain(&frames);
            let _ = sums.take_while(|frame| receiver.take(frame) != Heard::Whole).count();
            let payload = compressed::inflate(receiver.message().expect("it is whole")).expect("it inflates");
            Parcel::from_bytes(&payload).expect("a parcel");
            back.add_time(begun.elapsed());
        }
        let mut row = vec![format!("{size}")];
        row.extend(out.cells().into_iter().chain(back.cells()));
        rows.push(row);
    }
    let head = ["JSON", "pack and twice the frames, ms minimum", "median", "receive and unpack, ms minimum", "median"];
    table::print("QR frames, without drawing", &head, &rows);
}
