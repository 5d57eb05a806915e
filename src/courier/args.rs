//! What may be typed. This one definition is the parser and the help; parsing does nothing.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::transfer::Gun;

/// Carries between servers and root-key ceremonies: the part of officiant that is online.
///
/// A ceremony is held on a machine without a network. Before it, `collect` fetches what the ceremony builds on into one folder with
/// a manifest. After it, `publish` takes the folder that the ceremony left to the server, one repository after another, and
/// compares what the server then holds. In between years, `watch` says what expires. The courier holds no key: what it brings in
/// is verified by the ceremony, what it takes out is signed.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "officiant-courier",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "\
Exit codes:
  0    done, for every repository
  1    a rule or the server said no, for one repository at least; watch: something ends soon
  2    a file or a flag is wrong
  3    the world failed: a network, a server, a disk

Results go to standard output, everything else to standard error. Nothing that exists is overwritten."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What the courier can be asked to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    Collect(Collect),
    Publish(Publish),
    Complete(Complete),
    Watch(Watch),
    Man(Man),
    Page(Page),
}

/// How a server is reached.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// A file with the certificate authorities, in PEM, that alone are trusted [default: those of web browsers]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Speak HTTP without TLS to a server other than this machine
    #[arg(long)]
    pub insecure_http: bool,
    /// A config.json of Docker, whose `auths` have the credentials where NOTARY_AUTH has none
    #[arg(long, value_name = "FILE")]
    pub docker_config: Option<PathBuf>,
    /// How long one request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// How many repositories of a Notary server are worked on at once, each by a connection of its own
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: u8,
}

/// Which repositories of a server.
#[derive(Clone, Debug, Default, Args)]
pub struct Repositories {
    /// A repository, such as docker.io/library/alpine; may be given more than once
    #[arg(long, value_name = "GUN", value_parser = gun)]
    pub gun: Vec<Gun>,
    /// A file that lists repositories, one a line; lines that begin with # count for nothing
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
}

/// Fetch what a ceremony builds on
///
/// From a Notary server, for each repository: every root, the targets, everything that is delegated, and the public keys that the
/// server holds for it (a server makes them when it is first asked, also for a repository that it does not know yet). From a TUF
/// repository: every root, and the metadata that the newest snapshot names.
///
/// Everything lands in one new folder, as served, with inventory.txt and MANIFEST (`sha256sum -c MANIFEST` checks it). A repository that
/// fails never stops the rest: it is listed at the end, and no MANIFEST is written yet. The same command again goes on where it
/// stopped and fetches nothing twice.
#[derive(Clone, Debug, Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["server", "tuf"]),
    override_usage = "\
officiant-courier collect --server <URL> [--gun <GUN>]... [--inventory <FILE>] -o <FOLDER>
       officiant-courier collect --tuf <URL> [--name <NAME>] -o <FOLDER>",
    after_help = "\
Credentials: NOTARY_AUTH holds base64 of user:password, as for the notary client.

Examples:
  officiant-courier collect --server https://notary.docker.io --gun docker.io/acme/app -o collection
  officiant-courier collect --server https://notary.example.com --ca ca.pem --inventory guns.txt -o collection
  officiant-courier collect --tuf https://tuf.example.com/metadata -o collection"
)]
pub struct Collect {
    /// A Notary server
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The metadata of a TUF 1.0 repository
    #[arg(long, value_name = "URL", conflicts_with_all = ["gun", "inventory"])]
    pub tuf: Option<String>,
    /// What to call the TUF repository [default: its address without https://]
    #[arg(long, requires = "tuf", value_parser = gun)]
    pub name: Option<Gun>,
    #[command(flatten)]
    pub repositories: Repositories,
    /// The new folder
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// Close the collection without the repositories that fail
    #[arg(long, conflicts_with = "tuf")]
    pub leave_out_failed: bool,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub format: Format,
}

/// Publish what a ceremony left
///
/// FOLDER is the publish/ of a ceremony's record. For each repository: its files have to be the ones that MANIFEST and bundle.json name,
/// no signature may be missing, and clients are predicted, from what the server holds now. Then all files go in one request, and
/// the snapshot that the server makes of them is fetched and compared: only that shows that clients will get these very bytes.
///
/// A journal beside the folder (FOLDER.journal.jsonl) remembers what is done: the same command again goes on where it stopped. A
/// repository that fails never stops the rest; it is listed at the end with the server's words. What the server has already counts as
/// done.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Credentials: NOTARY_AUTH holds base64 of user:password, as for the notary client.

Example:
  officiant-courier publish /media/blue/2026-12/publish --server https://notary.example.com --ca ca.pem")]
pub struct Publish {
    /// The folder with MANIFEST and repositories/
    pub folder: PathBuf,
    /// The Notary server
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// Only this repository; may be given more than once [default: every one in the folder]
    #[arg(long, value_name = "GUN", value_parser = gun)]
    pub gun: Vec<Gun>,
    /// Everything but the request that publishes; also tells what the prediction of clients has to say
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub format: Format,
}

/// Take a signature that was made elsewhere into a bundle
///
/// A bundle may want a signature by somebody who was not at the ceremony, such as the owner of a tagging key. The bytes to sign lie beside it,
/// in ROLE.payload. The signature is verified before it is taken in. The folder itself stays as it is; a new one is written.
#[derive(Clone, Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["signature", "signatures"]),
    override_usage = "\
officiant-courier complete <FOLDER> --gun <GUN> --role <ROLE> --keyid <ID> --signature <FILE> -o <NEW>
       officiant-courier complete <FOLDER> --signatures <DIR> -o <NEW>",
    after_help = "\
Examples:
  openssl dgst -sha256 -sign tagging.pem -out targets.sig publish/repositories/docker.io%2Facme%2Fapp/targets.payload
  officiant-courier complete publish --gun docker.io/acme/app --role targets \\
      --keyid 8f2f…  --signature targets.sig -o publish-complete

For many repositories, sign each ROLE.payload into ROLE.payload.sig (ROLE.payload.KEYID.sig where several keys sign) in a copy
of the folder, and name that copy:
  for file in $(find copy -name '*.payload'); do openssl dgst -sha256 -sign tagging.pem -out $file.sig $file; done
  officiant-courier complete publish --signatures copy -o publish-complete"
)]
pub struct Complete {
    /// The folder with MANIFEST and repositories/
    pub folder: PathBuf,
    /// The repository
    #[arg(long, value_name = "GUN", value_parser = gun, requires = "signature")]
    pub gun: Option<Gun>,
    /// The role that was signed, such as targets or targets/releases
    #[arg(long, requires = "signature")]
    pub role: Option<String>,
    /// The key that signed
    #[arg(long, value_name = "ID", requires = "signature")]
    pub keyid: Option<String>,
    /// The signature: raw, or for ECDSA in DER as openssl writes it
    #[arg(long, value_name = "FILE", requires_all = ["gun", "role", "keyid"])]
    pub signature: Option<PathBuf>,
    /// A copy of the folder with signatures beside the payloads
    #[arg(long, value_name = "DIR")]
    pub signatures: Option<PathBuf>,
    /// The new folder
    #[arg(short, long, value_name = "NEW")]
    pub output: PathBuf,
}

/// Say what expires when
///
/// For each repository of a Notary server: roots, root certificates (after whose end nothing can be repaired any more), targets, delegations,
/// and the date from which the stock client stops publishing because the root has six months left. Of a TUF repository: its root, targets
/// and delegations; timestamp and snapshot, which it renews itself, only where they have ended. Sorted by date.
#[derive(Clone, Debug, Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["server", "tuf"]),
    override_usage = "\
officiant-courier watch --server <URL> [--gun <GUN>]... [--inventory <FILE>] [--days <DAYS>]
       officiant-courier watch --tuf <URL> [--name <NAME>] [--days <DAYS>]",
    after_help = "\
Exit codes: 0 nothing ends within the days; 1 something does, or has ended; 3 a repository could not be looked at.

Examples, for cron:
  officiant-courier watch --quiet --server https://notary.example.com --inventory guns.txt --days 120
  officiant-courier watch --tuf https://tuf.example.com/metadata --days 120"
)]
pub struct Watch {
    /// The Notary server
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The metadata of a TUF 1.0 repository
    #[arg(long, value_name = "URL", conflicts_with_all = ["gun", "inventory"])]
    pub tuf: Option<String>,
    /// What to call the TUF repository [default: its address without https://]
    #[arg(long, requires = "tuf", value_parser = gun)]
    pub name: Option<Gun>,
    #[command(flatten)]
    pub repositories: Repositories,
    /// How many days ahead count as soon
    #[arg(long, default_value_t = 90)]
    pub days: u32,
    /// Only what is near or could not be looked at, and nothing where all is well: cron then sends no mail
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub format: Format,
}

/// Write the manual pages
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant-courier man | man -l -
  officiant-courier man --out /usr/local/share/man/man1")]
pub struct Man {
    /// The folder that gets a page for each verb [default: the first page to standard output]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Write the page that carries files by screen and camera
///
/// One HTML file, opened as a file in Chromium or Firefox on a laptop or telephone in the room of the ceremony. It receives what
/// the ceremony shows as QR codes, and shows files to it: also a folder, such as one that `collect` made. It has no network. Its SHA-256
/// goes to standard output, and is the one in docs/QR.md.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant-courier page -o courier.html")]
pub struct Page {
    /// The new file
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
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
            Self::Collect(Collect { format, .. })
            | Self::Publish(Publish { format, .. })
            | Self::Watch(Watch { format, .. }) => format.json,
            Self::Complete(_) | Self::Man(_) | Self::Page(_) => false,
        }
    }
}

fn gun(text: &str) -> Result<Gun, String> {
    Gun::parse(text).map_err(|error| error.to_string())
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
    fn what_belongs_together_is_asked_together() {
        let parse = |line: &str| Arguments::try_parse_from(format!("officiant-courier {line}").split(' ')).is_ok();
        for good in [
            "collect --server https://s --gun a/b --gun c -o out",
            "collect --tuf https://s/metadata --name sigstore -o out",
            "publish folder --server https://s --json",
            "complete folder --gun a --role targets --keyid 8f --signature s.sig -o new",
            "complete folder --signatures copy -o new",
            "watch --server https://s --inventory guns.txt --days 30 --jobs 8 --quiet",
            "watch --tuf https://s/metadata --name sigstore --days 30",
            "man",
            "page -o courier.html",
        ] {
            assert!(parse(good), "{good}");
        }
        for bad in [
            "collect --gun a -o out",
            "collect --server https://s --tuf https://t -o out",
            "collect --tuf https://s --gun a -o out",
            "collect --server https://s --gun a/../b -o out",
            "collect --server https://s --gun a",
            "complete folder --gun a --role targets --signature s.sig -o new",
            "complete folder -o new",
            "watch --gun a",
            "watch --tuf https://s --gun a",
            "watch --server https://s --gun a --jobs 0",
            "publish folder",
        ] {
            assert!(!parse(bad), "{bad}");
        }
    }
}
