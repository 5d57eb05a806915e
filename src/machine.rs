//! What was found out about the machine of a ceremony, as plain facts, and the rule over them. [`crate::preflight`] finds
//! out.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    text::shown,
    utc::Utc,
};

/// Facts about this machine and this process at one moment. All text is from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// The clock.
    pub clock: Utc,
    /// The kernel's release.
    pub kernel: String,
    /// The file of this program.
    pub program: String,
    /// Its SHA-256.
    pub program_sha256: Digest,
    /// The user that runs it; 0 is root.
    pub uid: u32,
    /// Every network interface.
    pub interfaces: Vec<Interface>,
    /// Every radio that the kernel can block: Wi-Fi, Bluetooth, mobile.
    pub radios: Vec<Radio>,
    /// Names of the swap areas in use.
    pub swap: Vec<String>,
    /// Where the kernel sends a core dump (`/proc/sys/kernel/core_pattern`).
    pub core_pattern: String,
    /// The largest core file that this process may leave, in bytes; `None` is no limit.
    pub core_limit: Option<u64>,
    /// Whether this process may be dumped or read by others of its user.
    pub dumpable: bool,
    /// How much memory this process may lock, in bytes; `None` is no limit.
    pub memlock: Option<u64>,
    /// USB and block devices.
    pub devices: Vec<Device>,
    /// What could not be read, each with its reason. The rule refuses where it is not empty: what is not known is not fit.
    pub unknown: Vec<String>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is up (IFF_UP), with or without a cable.
    pub up: bool,
    /// Whether it is a loopback interface (IFF_LOOPBACK).
    pub loopback: bool,
    /// Whether it is a wireless one.
    pub wireless: bool,
}

/// A radio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Radio {
    /// Its name.
    pub name: String,
    /// `wlan`, `bluetooth`, `wwan`, …
    pub kind: String,
    /// Whether it is blocked, by software or by a switch.
    pub blocked: bool,
}

/// A USB or block device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name on the bus: `1-1.2`, `sda`.
    pub name: String,
    /// What it says it is.
    pub what: String,
    /// Its size in bytes, for a block device.
    pub size: Option<u64>,
}

impl MachineFacts {
    /// What the rule does not forbid and people should know, as sentences fit to be shown.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for radio in self.radios.iter().filter(|radio| !radio.blocked) {
            remarks.push(format!("The {} radio {} is not blocked.", shown(&radio.kind), shown(&radio.name)));
        }
        for interface in self.interfaces.iter().filter(|interface| !interface.loopback && !interface.up) {
            remarks.push(format!("The network interface {} is there, and down.", shown(&interface.name)));
        }
        if self.core_pattern.starts_with('|') {
            remarks.push(format!("Core dumps of other programs go to {}.", shown(&self.core_pattern)));
        }
        if self.uid == 0 {
            remarks.push("The program runs as root.".into());
        }
        if self.memlock.is_some_and(|limit| limit < MEMLOCK_WANTED) {
            remarks.push(format!("Only {} bytes of memory can be locked.", self.memlock.unwrap_or_default()));
        }
        remarks
    }
}

/// How much lockable memory is enough for every secret of a ceremony, in bytes.
pub const MEMLOCK_WANTED: u64 = 64 << 10;

/// `MACHINE-FIT`, for production: no network interface up but loopback, no swap, no way to write a core, and nothing unknown.
///
/// # Errors
/// The refusal: everything that is wrong, in one sentence each.
pub fn is_fit(facts: &MachineFacts) -> Result<Passed, Refusal> {
    let mut wrong = Vec::new();
    let mut remedies = Vec::new();
    let up: Vec<_> = facts.interfaces.iter().filter(|interface| interface.up && !interface.loopback).collect();
    if !up.is_empty() {
        let names: Vec<_> = up.iter().map(|interface| shown(&interface.name)).collect();
        wrong.push(format!("Network interfaces are up: {}.", names.join(", ")));
        remedies.push("Pull the cable and set each interface down (ip link set NAME down).");
    }
    if !facts.swap.is_empty() {
        let names: Vec<_> = facts.swap.iter().map(|name| shown(name)).collect();
        wrong.push(format!("Swap is on: {}.", names.join(", ")));
        remedies.push("Turn swap off (swapoff -a).");
    }
    if facts.dumpable || facts.core_limit != Some(0) {
        wrong.push("A crash of this program could write its memory to a core file.".into());
        remedies.push("Start the program anew; where this stays, set the limit of core files to 0 (ulimit -c 0).");
    }
    if !facts.unknown.is_empty() {
        let parts: Vec<_> = facts.unknown.iter().map(|text| shown(text)).collect();
        wrong.push(format!("Not everything could be found out: {}.", parts.join("; ")));
        remedies.push("Use a machine where /proc and /sys can be read.");
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(Rule::MachineFit, wrong.join(" "), remedies.join(" ")));
    }
    let names: Vec<_> =
        facts.interfaces.iter().map(|i| format!("{} {}", shown(&i.name), if i.up { "up" } else { "down" })).collect();
    Ok(Passed::new(Rule::MachineFit, format!("interfaces: {}; no swap; no core dumps", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit() -> MachineFacts {
        MachineFacts {
            clock: Utc::from_seconds(0).unwrap(),
            kernel: "6.1".into(),
            program: "/usr/bin/officiant".into(),
            program_sha256: Digest::of(b""),
            uid: 1000,
            interfaces: vec![
                Interface { name: "lo".into(), up: true, loopback: true, wireless: false },
                Interface { name: "eth0".into(), up: false, loopback: false, wireless: false },
            ],
            radios: vec![],
            swap: vec![],
            core_pattern: "core".into(),
            core_limit: Some(0),
            dumpable: false,
            memlock: None,
            devices: vec![],
            unknown: vec![],
        }
    }

    #[test]
    fn a_machine_with_a_network_swap_cores_or_anything_unknown_is_not_fit_and_all_of_it_is_said_at_once() {
        assert_eq!(is_fit(&fit()).unwrap().seen, "interfaces: lo up, eth0 down; no swap; no core dumps");
        let mut bad = fit();
        bad.interfaces[1].up = true;
        bad.swap.push("/dev/sda2".into());
        bad.dumpable = true;
        bad.unknown.push("/sys/class/net: Permission denied".into());
        let refusal = is_fit(&bad).unwrap_err();
        assert_eq!(refusal.rule, Rule::MachineFit);
        for part in ["eth0", "/dev/sda2", "core file", "/sys/class/net"] {
            assert!(refusal.what.contains(part), "{refusal}");
        }
        for core_limit in [None, Some(1)] {
            assert!(is_fit(&MachineFacts { core_limit, ..fit() }).is_err());
        }
    }

    #[test]
    fn an_open_radio_and_an_idle_interface_are_remarked_on() {
        let mut facts = fit();
        facts.radios.push(Radio { name: "hci0".into(), kind: "bluetooth".into(), blocked: false });
        assert_eq!(facts.remarks().len(), 2, "{:?}", facts.remarks());
    }
}
