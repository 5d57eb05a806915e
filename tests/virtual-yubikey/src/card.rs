//! One card: what it keeps without power, what it forgets with it, and which command goes where.

mod codes;
mod keys;
mod management;
mod objects;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

pub use management::ManagementKey;

use crate::{
    apdu::{Apdu, Status, sw},
    cert::{Authority, Roots},
    firmware::Firmware,
    keys::KeyPair,
    switches::{Seen, Switches},
};
use codes::Code;

/// How a card leaves the factory, and which of the behaviours it has that are told differently.
#[derive(Clone, Debug)]
pub struct Make {
    pub firmware: Firmware,
    pub serial: u32,
    /// The wrong code that uses the last try is answered with "blocked" instead of "no tries left".
    pub last_try_says_blocked: bool,
    /// A command between VERIFY and a signature does not spoil the PIN of a key that wants it each time.
    pub lenient_always: bool,
    /// Trivial new PINs are refused, as on keys that are ordered so.
    pub complexity: bool,
}

impl Make {
    pub fn new(firmware: Firmware, serial: u32) -> Self {
        Self { firmware, serial, last_try_says_blocked: false, lenient_always: false, complexity: false }
    }
}

/// A key in a slot.
pub(crate) struct Slot {
    key: KeyPair,
    imported: bool,
    pin: u8,
    touch: u8,
}

/// What is selected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Applet {
    None,
    Piv,
    Management,
    Otp,
}

/// What goes with the power, or with another applet.
struct Volatile {
    applet: Applet,
    verified: bool,
    /// The PIN was the last thing that was sent.
    fresh: bool,
    authenticated: bool,
    /// What the host has to answer: a witness to be sent back bare, or a challenge to be sent back encrypted.
    expected: Option<management::Expected>,
    chain: Vec<u8>,
    rest: Vec<u8>,
}

impl Volatile {
    fn new() -> Self {
        Self {
            applet: Applet::None,
            verified: false,
            fresh: false,
            authenticated: false,
            expected: None,
            chain: vec![],
            rest: vec![],
        }
    }
}

/// The longest command that chaining builds up.
const BUFFER: usize = 3072;
/// How long a touch counts for a key of the policy "cached".
const CACHED: std::time::Duration = std::time::Duration::from_secs(15);

/// A card.
pub struct Card {
    make: Make,
    switches: Arc<Switches>,
    roots: Arc<Roots>,
    pin: Code,
    puk: Code,
    management: ManagementKey,
    slots: BTreeMap<u8, Slot>,
    objects: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The attestation key of the factory, made when it is first used.
    factory: Option<Authority>,
    touched: Option<Instant>,
    now: Volatile,
}

/// An answer without its status word.
type Answer = Result<Vec<u8>, Status>;

impl Card {
    /// A new card, as from the factory.
    pub fn new(make: Make, switches: Arc<Switches>, roots: Arc<Roots>) -> Self {
        Self {
            pin: Code::new(codes::PIN),
            puk: Code::new(codes::PUK),
            management: ManagementKey::factory(make.firmware),
            slots: BTreeMap::new(),
            objects: BTreeMap::new(),
            factory: None,
            touched: None,
            now: Volatile::new(),
            make,
            switches,
            roots,
        }
    }

    /// Power on, power off, or a reset of the contacts: what was verified is forgotten.
    pub fn power(&mut self, on: bool) {
        self.now = Volatile::new();
        self.switches.note(Seen::Power(on));
    }

    /// Answers a command, status word included.
    pub fn exchange(&mut self, command: &[u8]) -> Vec<u8> {
        let apdu = match Apdu::parse(command) {
            Ok(apdu) => apdu,
            Err(status) => return status.to_be_bytes().to_vec(),
        };
        if apdu.ins == 0xc0 {
            let rest = std::mem::take(&mut self.now.rest);
            return if rest.is_empty() { sw::CONDITIONS.to_be_bytes().to_vec() } else { self.in_pieces(rest) };
        }
        self.now.rest.clear();
        self.now.chain.extend_from_slice(&apdu.data);
        if self.now.chain.len() > BUFFER {
            self.now.chain.clear();
            return sw::WRONG_LENGTH.to_be_bytes().to_vec();
        }
        if apdu.chained {
            return sw::OK.to_be_bytes().to_vec();
        }
        let whole = Apdu { data: std::mem::take(&mut self.now.chain), ..apdu };
        match self.run(&whole) {
            Ok(answer) if whole.extended => [answer, sw::OK.to_be_bytes().to_vec()].concat(),
            Ok(answer) => self.in_pieces(answer),
            Err(status) => status.to_be_bytes().to_vec(),
        }
    }

    /// At most 256 bytes, and how many more can be fetched.
    fn in_pieces(&mut self, mut answer: Vec<u8>) -> Vec<u8> {
        let rest = answer.split_off(answer.len().min(256));
        let status = match rest.len() {
            0 => sw::OK,
            more @ 1..256 => 0x6100 | more as u16,
            _ => 0x6100,
        };
        self.now.rest = rest;
        [answer, status.to_be_bytes().to_vec()].concat()
    }

    fn run(&mut self, apdu: &Apdu) -> Answer {
        // Whatever comes between VERIFY and the signature spoils the PIN of a key that wants it each time.
        let signs = apdu.ins == 0x87 && apdu.p2 != management::REFERENCE;
        let fresh = if self.make.lenient_always || signs { self.now.fresh } else { false };
        self.now.fresh = fresh;
        if apdu.ins == 0xa4 {
            return self.select(apdu);
        }
        match self.now.applet {
            Applet::None => Err(sw::NO_SUCH_INSTRUCTION),
            Applet::Piv => self.piv(apdu),
            Applet::Management => self.device(apdu),
            Applet::Otp => match (apdu.ins, apdu.p1) {
                (0x01, 0x10) => Ok(self.make.serial.to_be_bytes().to_vec()),
                _ => Err(sw::NO_SUCH_INSTRUCTION),
            },
        }
    }

    fn select(&mut self, apdu: &Apdu) -> Answer {
        const PIV: &[u8] = &[0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
        const MANAGEMENT: &[u8] = &[0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17];
        const OTP: &[u8] = &[0xa0, 0, 0, 5, 0x27, 0x20, 1, 1];
        let is = |aid: &[u8]| apdu.p1 == 4 && apdu.data.len() >= 5 && aid.starts_with(&apdu.data);
        let (applet, answer) = if is(PIV) {
            let answer = [&[0x61, 0x11, 0x4f, 6, 0, 0, 0x10, 0, 1, 0, 0x79, 7, 0x4f, 5][..], &[0xa0, 0, 0, 3, 8]];
            (Applet::Piv, answer.concat())
        } else if is(MANAGEMENT) {
            (Applet::Management, format!("Virtual mgr - FW version {}", self.make.firmware).into_bytes())
        } else if is(OTP) && !self.make.firmware.has_serial() {
            let Firmware(major, minor, patch) = self.make.firmware;
            (Applet::Otp, vec![major, minor, patch, 1, 0, 0])
        } else {
            return Err(sw::NOT_FOUND);
        };
        // Selecting the same applet again keeps what was verified.
        if self.now.applet != applet {
            self.now = Volatile { applet, ..Volatile::new() };
        }
        Ok(answer)
    }

    fn piv(&mut self, apdu: &Apdu) -> Answer {
        let firmware = self.make.firmware;
        match apdu.ins {
            0x20 => self.verify(apdu),
            0x24 => self.change_reference(apdu),
            0x2c => self.reset_retry(apdu),
            0x47 => self.generate(apdu),
            0x87 if apdu.p2 == management::REFERENCE => self.authenticate(apdu),
            0x87 => self.sign(apdu),
            0xcb => self.get_data(apdu),
            0xdb => self.put_data(apdu),
            0xf6 if firmware.is_5_7() => self.move_key(apdu),
            0xf7 if firmware.has_metadata() => self.metadata(apdu.p2),
            0xf8 if firmware.has_serial() => Ok(self.make.serial.to_be_bytes().to_vec()),
            0xf9 => self.attest(apdu.p1),
            0xfa => self.set_retries(apdu),
            0xfb => self.reset(),
            0xfd => Ok(vec![firmware.0, firmware.1, firmware.2]),
            0xfe => self.import(apdu),
            0xff => self.set_management_key(apdu),
            _ => Err(sw::NO_SUCH_INSTRUCTION),
        }
    }

    fn wants_management(&self) -> Result<(), Status> {
        if self.now.authenticated { Ok(()) } else { Err(sw::SECURITY) }
    }

    /// Waits for a touch where `policy` wants one.
    fn wants_touch(&mut self, policy: u8) -> Result<(), Status> {
        let cached = policy == 3 && self.touched.is_some_and(|at| at.elapsed() < CACHED);
        if policy < 2 || cached {
            return Ok(());
        }
        if !self.switches.wait_for_touch() {
            return Err(sw::SECURITY);
        }
        self.touched = Some(Instant::now());
        Ok(())
    }

    /// Everything goes but the key that attests.
    fn reset(&mut self) -> Answer {
        if !self.pin.blocked() || !self.puk.blocked() {
            return Err(sw::CONDITIONS);
        }
        self.pin = Code::new(codes::PIN);
        self.puk = Code::new(codes::PUK);
        self.management = ManagementKey::factory(self.make.firmware);
        self.slots.retain(|slot, _| *slot == keys::ATTESTATION);
        self.objects.retain(|tag, _| tag == objects::ATTESTATION);
        self.now = Volatile { applet: Applet::Piv, ..Volatile::new() };
        Ok(vec![])
    }
}
