//! Arguments about backups and shares.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

/// Look at sealed backups
#[derive(Clone, Debug, Args)]
pub struct Backup {
    /// What to look at.
    #[command(subcommand)]
    pub verb: BackupVerb,
}

/// What can be asked about sealed backups.
#[derive(Clone, Debug, Subcommand)]
pub enum BackupVerb {
    Inspect(BackupInspect),
}

/// Say what opens a sealed file, how large it is, and its SHA-256
///
/// Opens nothing and asks for nothing. Of a key that a token wrapped it says which key it is. A file that is neither that nor an age
/// file, or that is cut short so that it can be seen, is refused.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant backup inspect /media/blue/backup.age")]
pub struct BackupInspect {
    /// The sealed file
    pub file: PathBuf,
    #[command(flatten)]
    pub format: Format,
}

/// Check shares of a backup
#[derive(Clone, Debug, Args)]
pub struct Share {
    /// What to check.
    #[command(subcommand)]
    pub verb: ShareVerb,
}

/// What can be asked about shares.
#[derive(Clone, Debug, Subcommand)]
pub enum ShareVerb {
    Read(ShareRead),
}

/// Check that the page of a share can be read
///
/// Asks for the rows one by one, without showing what is typed; a wrong row is named and asked for again. The first row may be the
/// whole text of the page's QR code instead, from a scanner. Says which share of which set it is, and the commitment that a record
/// holds of it; the share itself is never shown and never kept. Do it on a machine that is not online.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant share read")]
pub struct ShareRead {
    #[command(flatten)]
    pub format: Format,
}
