//! What may be typed. This one definition is the parser, the help, the manual pages and the completions; parsing does nothing.

mod backup;
mod new;
pub mod qr;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use self::backup::{Backup, BackupInspect, BackupStatus, BackupVerb, Share, ShareRead, ShareVerb};
pub use self::new::{Emergency, ScriptKind};
use crate::{tuf::Dialect, utc::Utc};

/// Leads root-key ceremonies for The Update Framework and Docker Content Trust on an air-gapped machine.
///
/// A ceremony is a script: who is in the room, which tokens hold the root keys, what is made and signed, step by step. Officiant
/// checks a script weeks ahead, prints it, rehearses it with throw-away keys, leads it on the day, and verifies years later what
/// it left. It has no power of its own: people read back what they sign, and each types their own PIN.
///
/// Without a verb, in a terminal, it opens a home screen.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "officiant",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "\
Exit codes:
  0    done
  1    a rule said no; nothing happened
  2    a file or a flag is wrong
  3    the world failed: a token, a disk, a terminal
  4    the operator left; the ceremony can be resumed
  101  a mistake of this program; the record is safe

Results go to standard output, everything else to standard error. Nothing that exists is overwritten."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What the program can be asked to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    Rehearse(Rehearse),
    Run(Run),
    Resume(Resume),
    New(New),
    Emergency(Emergency),
    Check(Check),
    Print(Print),
    Verify(Verify),
    Show(Show),
    Diff(Diff),
    Token(Token),
    Key(Key),
    Qr(qr::Qr),
    Backup(Backup),
    Share(Share),
    Man(Man),
    Completions(Completions),
}

/// Go through a script with throw-away keys
///
/// Makes software tokens (SoftHSM) inside the record's own folder, binds them to the script's tokens, and goes through every
/// step. For a rotation, a twin of the real root with throw-away keys takes its place. Every screen, every page and the record
/// itself say REHEARSAL. Where no SCRIPT is named, a root key genesis with three officers is rehearsed.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant rehearse
  officiant rehearse genesis.toml --record /media/blue/rehearsal
  officiant rehearse genesis.toml --answers genesis.answers.toml --record out")]
pub struct Rehearse {
    /// The script
    pub script: Option<PathBuf>,
    /// A file that answers for everybody: personal words, PINs of the throw-away tokens, lines for the record
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    #[command(flatten)]
    pub place: RehearsalPlace,
    #[command(flatten)]
    pub front: Front,
    /// SoftHSM's module, where it is not installed in the usual place
    #[arg(long, value_name = "PATH")]
    pub module: Option<PathBuf>,
}

/// Where a rehearsal leaves its record.
#[derive(Clone, Debug, Args)]
pub struct RehearsalPlace {
    /// The new folder of the record [default: rehearsal-TIME in the current folder]
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// The new folder of its second copy [default: beside the record, with -second at its end]
    #[arg(long, value_name = "DIR")]
    pub second: Option<PathBuf>,
}

/// Which front end people get.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Front {
    /// Ask line by line, without a full-screen terminal
    #[arg(long)]
    pub line: bool,
}

/// Lead a ceremony in production
///
/// Refuses software tokens, an unfit machine, and a record that exists already. The record is written to two media from its
/// first entry on; they may be of any kind, but should not be the same stick.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant run rotate-root.toml --record /media/blue/2026-12 --second /media/red/2026-12 \\
      --previous /media/blue/2025-12")]
pub struct Run {
    /// The script, as it was reviewed and printed
    pub script: PathBuf,
    /// The new folder of the record, on the first medium
    #[arg(long, value_name = "DIR")]
    pub record: PathBuf,
    /// The new folder of the record, on the second medium
    #[arg(long, value_name = "DIR")]
    pub second: PathBuf,
    /// The record of the ceremony before this one, so that no version is signed twice
    #[arg(long, value_name = "DIR")]
    pub previous: Option<PathBuf>,
    #[command(flatten)]
    pub front: Front,
}

/// Go on where a ceremony stopped
///
/// Checks the chain of the record, shows where things stand, and asks for the words that the witness wrote down last, for
/// everybody's own word, and for the numbers of the bags. A line that was being written when the machine stopped is shown, and
/// cut off only on the operator's word. What was being done then is looked at before it is done again.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant resume /media/blue/2026-12 --second /media/red/2026-12")]
pub struct Resume {
    /// The folder of the record
    pub record: PathBuf,
    /// The folder of its second copy
    #[arg(long, value_name = "DIR")]
    pub second: Option<PathBuf>,
    /// The folder that the script's files lie in, for production
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub inputs: PathBuf,
    /// A file that answers for everybody, for a rehearsal
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    #[command(flatten)]
    pub front: Front,
    /// SoftHSM's module, for a rehearsal
    #[arg(long, value_name = "PATH")]
    pub module: Option<PathBuf>,
}

/// Write a script by interview
///
/// Asks who is in the room, who holds which token and keeps which PIN, how many must sign, when the root expires, and which
/// keys the online roles have; of a backup, where its files lie and who brings or gets which share; then writes the script with a comment at every part.
/// A ceremony of Docker Content Trust begins with the folder that the courier collected: repositories, keyids, thresholds, signers and ends
/// are read there. Questions are read from standard input, so that the answers may come from a file, one a line; an empty line takes what
/// stands in brackets.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant new genesis -o genesis.toml
  officiant new rotate-root > rotate-root.toml
  officiant new restore-drill -o drill.toml
  officiant new dct-rotate-tagging-key -o night.toml")]
pub struct New {
    /// Which ceremony
    #[arg(value_enum)]
    pub kind: ScriptKind,
    /// The new file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Check a script weeks ahead, without hardware
///
/// Reads the script strictly, goes through it with no world at all, and names the first step that cannot happen. Says what
/// must lie on the table, who must come, how long it takes, who could sign alone, and whose absence stops the day.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant check genesis.toml")]
pub struct Check {
    /// The script
    pub script: PathBuf,
    #[command(flatten)]
    pub format: Format,
}

/// Print a script for the room
///
/// One HTML file that holds everything and prints on A4 and Letter: a row a step, with time and initials, the words of the
/// script's digest on each page, forms for serials and bags, and blank sheets for exceptions.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant print genesis.toml -o genesis.html")]
pub struct Print {
    /// The script
    pub script: PathBuf,
    /// The new file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Markdown instead of HTML
    #[arg(long)]
    pub markdown: bool,
}

/// Verify a record, or metadata as a client does
///
/// With RECORD: goes through the transcript again from its first entry, asks every rule that can be asked without a token,
/// verifies every signature in software, and compares every file with the manifest.
///
/// With --trusted and --metadata: follows the roots from the one that is trusted, then timestamp, snapshot, targets and
/// delegations as far as they are there.
///
/// With --dialect notary: says of an upload whether a stock Notary server would take it and a stock client then work; the two are
/// not the same. DIR holds what is published: root.json, targets.json, targets/ROLE.json for delegated roles, and 1.root.json and
/// so on for the roots before; snapshot.json only where no server holds its key. A timestamp.key or snapshot.key, as the server
/// serves it, is compared. Without --trusted the client is a fresh one.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "\
officiant verify [OPTIONS] <RECORD>
       officiant verify [OPTIONS] --trusted <ROOT> --metadata <DIR>
       officiant verify [OPTIONS] --dialect notary --gun <GUN> --metadata <DIR> [--trusted <ROOT>]",
    after_help = "\
Examples:
  officiant verify /media/blue/2026-12 --production
  officiant verify --trusted 1.root.json --metadata repository/metadata --at 2027-01-01
  officiant verify --dialect notary --gun docker.io/example/shop --metadata upload"
)]
pub struct Verify {
    /// The folder of a record
    #[arg(required_unless_present = "metadata", conflicts_with_all = ["trusted", "metadata", "at", "dialect", "gun"])]
    pub record: Option<PathBuf>,
    /// Refuse the record of a rehearsal
    #[arg(long, conflicts_with = "metadata")]
    pub production: bool,
    /// The root that a client trusts
    #[arg(long, value_name = "ROOT", requires = "metadata")]
    pub trusted: Option<PathBuf>,
    /// The folder with a repository's metadata
    #[arg(long, value_name = "DIR")]
    pub metadata: Option<PathBuf>,
    /// Which family of metadata: tuf1 or notary
    #[arg(long, value_name = "DIALECT", requires = "metadata", default_value = "tuf1")]
    pub dialect: Dialect,
    /// The name of the repository, for Notary's certificates: docker.io/example/shop
    #[arg(long, value_name = "GUN", requires = "metadata")]
    pub gun: Option<String>,
    /// The client's clock, in UTC: 2026-12-01 or 2026-12-01T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<Utc>,
    #[command(flatten)]
    pub format: Format,
}

/// Show a file of metadata to people
///
/// Root, targets, snapshot, timestamp or a delegated role: keys and thresholds, who signed and who is missing, expiry in days.
/// Nothing is trusted by it; `verify` does that.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant show 2.root.json
  officiant show targets.json --trusted 2.root.json")]
pub struct Show {
    /// The file
    pub file: PathBuf,
    /// The root whose keys the signatures are counted by
    #[arg(long, value_name = "ROOT")]
    pub trusted: Option<PathBuf>,
    /// The day from which expiry is counted: 2026-12-01 or 2026-12-01T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<Utc>,
    #[command(flatten)]
    pub format: Format,
}

/// Say in words what makes one file of metadata out of another
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant diff 1.root.json 2.root.json")]
pub struct Diff {
    /// The file before
    pub old: PathBuf,
    /// The file after
    pub new: PathBuf,
    #[command(flatten)]
    pub format: Format,
}

/// Look at tokens and at what they can do
#[derive(Clone, Debug, Args)]
pub struct Token {
    /// What to look at.
    #[command(subcommand)]
    pub verb: TokenVerb,
}

/// What can be asked about tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenVerb {
    List(TokenList),
    Probe(TokenProbe),
}

/// List modules, the tokens in them, and the state of their PINs
///
/// Asks for no PIN and changes nothing. Shows what a script pins: the module's SHA-256, the model, label and serial.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant token list --module /usr/lib/x86_64-linux-gnu/libykcs11.so")]
pub struct TokenList {
    /// A PKCS#11 module; may be given more than once [default: those that are installed in the usual places]
    #[arg(long, value_name = "PATH")]
    pub module: Vec<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}

/// Find out by use what a token really does
///
/// Makes keys that last only as long as the session, signs with them, verifies in software, and tries to get a key out. Asks
/// for the user PIN. Do it with a token that holds no key of value.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant token probe --module /usr/lib/softhsm/libsofthsm2.so --label test")]
pub struct TokenProbe {
    /// The PKCS#11 module [default: the only one that is installed]
    #[arg(long, value_name = "PATH")]
    pub module: Option<PathBuf>,
    /// The token's label [default: the only token in the module]
    #[arg(long)]
    pub label: Option<String>,
    /// The token's serial
    #[arg(long)]
    pub serial: Option<String>,
    #[command(flatten)]
    pub format: Format,
}

/// Look at private key files
#[derive(Clone, Debug, Args)]
pub struct Key {
    /// What to look at.
    #[command(subcommand)]
    pub verb: KeyVerb,
}

/// What can be asked about private key files.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyVerb {
    Show(KeyShow),
}

/// Show what is in a private key file of Notary or Docker
///
/// Role, GUN, canonical id, and how it is encrypted; and of a key in the open or one that is opened, its algorithm and keyid too.
/// Asks for the passphrase only where nothing else tells which key it is, or with --open. Changes nothing.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant key show ~/.docker/trust/private/*.key
  officiant key show all.pem --open --json")]
pub struct KeyShow {
    /// The files
    #[arg(required = true)]
    pub file: Vec<PathBuf>,
    /// Ask for each passphrase, and prove that the key is the one that its file name or header says
    #[arg(long)]
    pub open: bool,
    #[command(flatten)]
    pub format: Format,
}

/// Write the manual pages
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant man | man -l -
  officiant man --out /usr/local/share/man/man1")]
pub struct Man {
    /// The folder that gets a page for each verb [default: the first page to standard output]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Write completions for a shell
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant completions bash > /etc/bash_completion.d/officiant")]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Format {
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

impl Verb {
    /// Whether the report was asked for as JSON.
    pub fn json(&self) -> bool {
        match self {
            Self::Check(Check { format, .. })
            | Self::Verify(Verify { format, .. })
            | Self::Show(Show { format, .. })
            | Self::Diff(Diff { format, .. })
            | Self::Token(Token {
                verb: TokenVerb::List(TokenList { format, .. }) | TokenVerb::Probe(TokenProbe { format, .. }),
            })
            | Self::Key(Key { verb: KeyVerb::Show(KeyShow { format, .. }) })
            | Self::Backup(Backup {
                verb:
                    BackupVerb::Inspect(BackupInspect { format, .. }) | BackupVerb::Status(BackupStatus { format, .. }),
            })
            | Self::Share(Share { verb: ShareVerb::Read(ShareRead { format }) }) => format.json,
            _ => false,
        }
    }
}

/// A day or an instant.
fn instant(text: &str) -> Result<Utc, String> {
    Utc::parse_rfc3339(text)
        .or_else(|| Utc::parse(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| "not a time in UTC like 2026-12-01 or 2026-12-01T09:00:00Z".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn verify_takes_a_record_or_metadata_and_not_both() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(parse("officiant verify record").is_ok());
        assert!(parse("officiant verify --trusted r --metadata d --at 2026-12-01").is_ok());
        assert!(parse("officiant verify --dialect notary --gun g --metadata d --at 2026-12-01").is_ok());
        assert!(parse("officiant verify --dialect notary --gun g --metadata d --trusted r").is_ok());
        for wrong in [
            "officiant verify",
            "officiant verify record --trusted r --metadata d",
            "officiant verify record --at 2026-12-01",
            "officiant verify --trusted r",
            "officiant verify record --gun g",
            "officiant verify record --dialect notary",
            "officiant verify --dialect notary --gun g",
            "officiant verify --dialect notry --gun g --metadata d",
            "officiant verify --trusted r --metadata d --production",
            "officiant verify --trusted r --metadata d --at tomorrow",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
