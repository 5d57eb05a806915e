//! Finds out about this machine and hardens this process. What follows from it is decided in [`crate::machine`].

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::Mode,
    process::{
        DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, getuid, set_dumpable_behavior, setrlimit,
        umask,
    },
};

use crate::{
    fault::Fault,
    files,
    machine::{Device, Interface, MachineFacts, Radio},
    utc::Utc,
};

/// The longest file of /proc or /sys that is read, in bytes.
const FACT_MAX: u64 = 64 << 10;
/// How many entries of one directory of /sys are looked at.
const ENTRIES_MAX: usize = 1024;

const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;

/// Makes this process leave no core, be unreadable to others of its user, and create files for its user alone. Called before
/// anything else.
///
/// # Errors
/// A fault where the kernel refuses.
pub fn harden() -> Result<(), Fault> {
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(|e| Fault::machine("set the limit of core files to 0", e))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| Fault::machine("make this process not dumpable", e))
}

/// The clock, in UTC.
///
/// # Errors
/// A fault where it stands before 1970 or after 9999.
pub fn now() -> Result<Utc, Fault> {
    let seconds =
        SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    let clock = seconds.and_then(Utc::from_seconds);
    clock.ok_or_else(|| Fault::machine("read the clock", "it stands before 1970 or after 9999; set it"))
}

/// Where the kernel tells of the machine. The program uses [`Probe::real`]; a test names folders of its own.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
}

impl Probe {
    /// This machine.
    pub fn real() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into() }
    }

    /// Everything that is found out. What cannot be read is named in [`MachineFacts::unknown`].
    ///
    /// # Errors
    /// A fault where the clock or this program's own file cannot be read.
    pub fn facts(&self) -> Result<MachineFacts, Fault> {
        let program = std::env::current_exe().map_err(|e| Fault::machine("find this program's own file", e))?;
        let mut unknown = Vec::new();
        let proc = |path: &str, unknown: &mut Vec<String>| {
            read_text(&self.proc.join(path)).unwrap_or_else(|why| {
                unknown.push(why);
                String::new()
            })
        };
        let dumpable = match dumpable_behavior() {
            Ok(behaviour) => behaviour != DumpableBehavior::NotDumpable,
            Err(e) => {
                unknown.push(format!("whether this process is dumpable: {e}"));
                true
            }
        };
        // A kernel without swap has no such file, which is as good as an empty one.
        let swaps_path = self.proc.join("swaps");
        let swaps =
            if self.proc.is_dir() && !swaps_path.exists() { String::new() } else { proc("swaps", &mut unknown) };
        Ok(MachineFacts {
            clock: now()?,
            kernel: proc("sys/kernel/osrelease", &mut unknown),
            program_sha256: files::digest(&program, files::limit::MODULE)?,
            program: program.to_string_lossy().into_owned(),
            uid: getuid().as_raw(),
            interfaces: self.interfaces(&mut unknown),
            radios: self.radios(),
            swap: swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect(),
            core_pattern: proc("sys/kernel/core_pattern", &mut unknown),
            core_limit: getrlimit(Resource::Core).maximum,
            dumpable,
            memlock: getrlimit(Resource::Memlock).current,
            devices: [self.usb(), self.blocks()].concat(),
            unknown,
        })
    }

    fn interfaces(&self, unknown: &mut Vec<String>) -> Vec<Interface> {
        let folder = self.sys.join("class/net");
        let names = entries(&folder).unwrap_or_else(|why| {
            unknown.push(why);
            Vec::new()
        });
        let mut interfaces = Vec::new();
        for name in names {
            let place = folder.join(&name);
            // Bonding leaves a control file among the interfaces.
            if !place.is_dir() {
                continue;
            }
            let flags = read_text(&place.join("flags"))
                .map(|text| text.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok()));
            match flags {
                Ok(Some(flags)) => interfaces.push(Interface {
                    up: flags & IFF_UP != 0,
                    loopback: flags & IFF_LOOPBACK != 0,
                    wireless: place.join("wireless").exists() || place.join("phy80211").exists(),
                    name,
                }),
                Ok(None) => unknown.push(format!("the state of network interface {name}")),
                Err(why) => unknown.push(why),
            }
        }
        interfaces
    }

    fn radios(&self) -> Vec<Radio> {
        let folder = self.sys.join("class/rfkill");
        let state = |place: &Path, file| read_text(&place.join(file)).is_ok_and(|text| text == "1");
        // No such folder: the kernel knows no radio.
        let names = entries(&folder).unwrap_or_default();
        names
            .into_iter()
            .map(|entry| {
                let place = folder.join(&entry);
                Radio {
                    name: read_text(&place.join("name")).unwrap_or(entry),
                    kind: read_text(&place.join("type")).unwrap_or_else(|_| "unknown".into()),
                    blocked: state(&place, "soft") || state(&place, "hard"),
                }
            })
            .collect()
    }

    fn usb(&self) -> Vec<Device> {
        let folder = self.sys.join("bus/usb/devices");
        let names = entries(&folder).unwrap_or_default();
        let mut devices = Vec::new();
        for name in names {
            let place = folder.join(&name);
            let fact = |file| read_text(&place.join(file)).unwrap_or_default();
            // Interfaces of a device have no vendor of their own.
            let (vendor, product) = (fact("idVendor"), fact("idProduct"));
            if vendor.is_empty() {
                continue;
            }
            let what = format!("{vendor}:{product} {} {} {}", fact("manufacturer"), fact("product"), fact("serial"));
            devices.push(Device { name, what: one_spaced(&what), size: None });
        }
        devices
    }

    fn blocks(&self) -> Vec<Device> {
        let folder = self.sys.join("class/block");
        let names = entries(&folder).unwrap_or_default();
        let mut devices = Vec::new();
        for name in names {
            let place = folder.join(&name);
            let fact = |file| read_text(&place.join(file)).unwrap_or_default();
            let size = fact("size").parse::<u64>().unwrap_or(0).saturating_mul(512);
            // Partitions belong to their device; empty loop devices and card readers hold nothing.
            if size == 0 || place.join("partition").exists() {
                continue;
            }
            let removable = if fact("removable") == "1" { "removable" } else { "" };
            let what = format!("{} {} {removable}", fact("device/vendor"), fact("device/model"));
            devices.push(Device { name, what: one_spaced(&what), size: Some(size) });
        }
        devices
    }
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_text(path: &Path) -> Result<String, String> {
    let bytes = files::read(path, FACT_MAX).map_err(|fault| fault.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn entries(folder: &Path) -> Result<Vec<String>, String> {
    let list = fs::read_dir(folder).map_err(|e| format!("{}: {e}", files::name(folder)))?;
    let names =
        list.take(ENTRIES_MAX).filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn interfaces_radios_swap_and_devices_are_read_as_the_kernel_writes_them() {
        let root = tempfile::tempdir().unwrap();
        let probe = Probe { proc: root.path().join("proc"), sys: root.path().join("sys") };
        for (path, text) in [
            ("proc/swaps", "Filename\tType\tSize\n/dev/sda2  partition 4\n"),
            ("proc/sys/kernel/core_pattern", "|/usr/lib/handler %p\n"),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("sys/class/net/lo/flags", "0x9\n"),
            ("sys/class/net/eth0/flags", "0x1003\n"),
            ("sys/class/net/wlan0/flags", "0x1002\n"),
            ("sys/class/net/wlan0/wireless/x", ""),
            ("sys/class/net/bonding_masters", "\n"),
            ("sys/class/rfkill/rfkill0/name", "phy0\n"),
            ("sys/class/rfkill/rfkill0/type", "wlan\n"),
            ("sys/class/rfkill/rfkill0/soft", "1\n"),
            ("sys/bus/usb/devices/1-1/idVendor", "1050\n"),
            ("sys/bus/usb/devices/1-1/idProduct", "0407\n"),
            ("sys/bus/usb/devices/1-1/product", "YubiKey\n"),
            ("sys/bus/usb/devices/1-1:1.0/x", ""),
            ("sys/class/block/sda/size", "8\n"),
            ("sys/class/block/sda/device/model", "Stick  \n"),
            ("sys/class/block/sda/removable", "1\n"),
            ("sys/class/block/sda1/size", "4\n"),
            ("sys/class/block/sda1/partition", "1\n"),
            ("sys/class/block/loop0/size", "0\n"),
        ] {
            write(root.path(), path, text);
        }
        let facts = probe.facts().unwrap();
        let up: Vec<_> = facts.interfaces.iter().map(|i| (i.name.as_str(), i.up, i.wireless)).collect();
        assert_eq!(up, [("eth0", true, false), ("lo", true, false), ("wlan0", false, true)]);
        assert_eq!(facts.radios, [Radio { name: "phy0".into(), kind: "wlan".into(), blocked: true }]);
        assert_eq!(facts.swap, ["/dev/sda2"]);
        assert_eq!(facts.core_pattern, "|/usr/lib/handler %p");
        let devices: Vec<_> = facts.devices.iter().map(|d| (d.name.as_str(), d.what.as_str(), d.size)).collect();
        assert_eq!(devices, [("1-1", "1050:0407 YubiKey", None), ("sda", "Stick removable", Some(4096))]);
        assert_eq!(facts.unknown, [] as [String; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_makes_the_machine_unfit() {
        let root = tempfile::tempdir().unwrap();
        let facts = Probe { proc: root.path().join("no"), sys: root.path().join("no") }.facts().unwrap();
        assert_eq!(facts.unknown.len(), 4, "{:?}", facts.unknown);
        assert!(machine::is_fit(&facts).unwrap_err().what.contains("class/net"));
    }
}
