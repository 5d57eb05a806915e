//! What may be typed to get a script: by interview, or from a record.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Write a script by interview
///
/// Asks who is in the room, who holds which token and keeps which PIN, how many must sign, when the root expires, and which
/// keys the online roles have; then writes the script with a comment at every part. Questions are read from standard input, so
/// that the answers may come from a file, one a line; an empty line takes what stands in brackets.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant new genesis -o genesis.toml
  officiant new rotate-root > rotate-root.toml")]
pub struct New {
    /// Which ceremony
    #[arg(value_enum)]
    pub kind: ScriptKind,
    /// The new file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Write the script for the night on which a tagging key is stolen
///
/// RECORD is that of a ceremony of Docker Content Trust that left a spare tagging key: a token that was prepared and drilled, and is in no role. The
/// script has its people, tokens and keys: as few officers as the roots ask for, and the spare in the place of the stolen key. On the quiet
/// day it is read, approved and rehearsed; at night only the manifests of what was collected are written into it.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant emergency /media/red/2026-12-08 -o emergency")]
pub struct Emergency {
    /// The record, on one of its media
    pub record: PathBuf,
    /// The new folder for emergency.toml and the public halves of the spares
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
}

/// Which ceremony a new script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScriptKind {
    /// Make the root keys and sign root version 1: officers, a witness, an administrator, an operator
    Genesis,
    /// The same for two people at a desk: three tokens, one of them bagged with an outsider
    GenesisSmall,
    /// The same with three YubiKeys, which the program drives itself: no module, keys attested, a touch for each signature
    GenesisYubikeysSmall,
    /// The same for one person alone, stamped SINGLE CONTROL throughout
    Solo,
    /// Replace a root key: the old root's keys and the new ones sign
    RotateRoot,
    /// Sign the same root again with a later expiry, and nothing else
    RenewExpiry,
}
