//! Arguments about backups and shares.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;
use crate::utc::Utc;

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
    Status(BackupStatus),
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

/// Say how the shares of a backup are, and what is due
///
/// Goes through the transcripts of records, first to last, and tells of each set of shares: when each share was last read, when the
/// backup was last restored, and when both are due again. RED is a set of which so few shares are left that the next loss is the loss
/// of the backup; AMBER one of which too few were read within twelve months to know that it opens, or that was not restored within three
/// years. What was lost since, the records do not know: say it with --lost. The records are not verified here; `officiant verify` does
/// that.
///
/// Exits with 1 where a set is amber or red.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant backup status genesis
  officiant backup status genesis drill-2027 --lost 3f09a1c2d4e5:2")]
pub struct BackupStatus {
    /// Folders of records, the oldest first
    #[arg(required = true, value_name = "RECORD")]
    pub records: Vec<PathBuf>,
    /// A share that is known to be lost or destroyed, as SET:NUMBER
    #[arg(long, value_name = "SET:NUMBER")]
    pub lost: Vec<String>,
    /// The time to judge by, instead of this machine's clock
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    pub at: Option<Utc>,
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
