//! The contacts of a card: vpcd's protocol. Each message is its length in two bytes and so many bytes; one byte alone is about
//! power.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::net::sockopt::set_tcp_quickack;

use crate::{
    card::Card,
    switches::{Harm, Seen, Switches},
};

/// What a YubiKey 5 says first when it gets power.
const ATR: &[u8] = b"\x3b\xfd\x13\x00\x00\x81\x31\xfe\x15\x80\x73\xc0\x21\xc0\x57\x59\x75\x62\x69\x4b\x65\x79\x40";

/// How long a pulled card stays away at least, so that the reader notices: it looks every 400 ms.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Serves a card to the reader at `reader` whenever it is inserted, until it is ended.
pub fn serve(mut card: Card, switches: &Arc<Switches>, reader: SocketAddr) {
    while switches.wait_for_insertion() {
        if let Ok(stream) = TcpStream::connect(reader) {
            let _ = contact(&mut card, switches, stream);
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

fn contact(card: &mut Card, switches: &Arc<Switches>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Only so that being pulled is noticed while nothing is asked.
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    card.power(true);
    while switches.is_inserted() {
        let Some(message) = message(&mut stream, switches)? else { break };
        match message.as_slice() {
            [0] => card.power(false),
            [1 | 2] => card.power(true),
            [4] => say(&mut stream, ATR)?,
            [_] => {}
            command => match answer(card, switches, command) {
                Some(answer) => say(&mut stream, &answer)?,
                None => break,
            },
        }
    }
    card.power(false);
    let _ = stream.shutdown(Shutdown::Both);
    Ok(())
}

/// What the card answers, with the harm that is due; nothing where it is pulled.
fn answer(card: &mut Card, switches: &Arc<Switches>, command: &[u8]) -> Option<Vec<u8>> {
    let note = |answer: &[u8]| switches.note(Seen::Exchange { command: command.to_vec(), answer: answer.to_vec() });
    // A chained command is one command: harm comes to its last part.
    let harm = match command {
        [0, ins, ..] => switches.due(*ins),
        _ => None,
    };
    match &harm {
        Some(Harm::EjectBefore) => {
            switches.insert(false);
            note(&[]);
            return None;
        }
        Some(Harm::Status(status)) => {
            note(&status.to_be_bytes());
            return Some(status.to_be_bytes().to_vec());
        }
        Some(Harm::Answer(answer)) => {
            note(answer);
            return Some(answer.clone());
        }
        Some(Harm::Delay(delay)) => thread::sleep(*delay),
        _ => {}
    }
    let mut answer = card.exchange(command);
    match harm {
        Some(Harm::EjectAfter) => {
            switches.insert(false);
            note(&[]);
            return None;
        }
        Some(Harm::Cut) => answer.truncate(answer.len() / 2),
        Some(Harm::Flip) => {
            // The last byte of the data: inside the signature, outside of every length.
            if let Some(at) = answer.len().checked_sub(3) {
                answer[at] ^= 1;
            }
        }
        _ => {}
    }
    note(&answer);
    switches.is_inserted().then_some(answer)
}

/// The next message; nothing where the card is pulled first.
fn message(stream: &mut TcpStream, switches: &Switches) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if !fill(stream, &mut length, switches)? {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    Ok(fill(stream, &mut bytes, switches)?.then_some(bytes))
}

fn fill(stream: &mut TcpStream, mut bytes: &mut [u8], switches: &Switches) -> io::Result<bool> {
    while !bytes.is_empty() {
        // vpcd sends length and payload apart and waits for the acknowledgement in between: without this each costs 40 ms.
        set_tcp_quickack(&*stream, true)?;
        match stream.read(bytes) {
            Ok(0) => return Ok(false),
            Ok(count) => bytes = &mut bytes[count..],
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                if !switches.is_inserted() {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn say(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    stream.write_all(&[length.to_be_bytes().to_vec(), bytes.to_vec()].concat())
}
