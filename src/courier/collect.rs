//! `collect`: from a server into a new folder.

mod gathering;
pub(super) mod repository;
pub(super) mod tuf;

use std::collections::BTreeSet;

use serde_json::json;

use self::gathering::{Gathering, Run};
use super::{
    args::{Collect, Repositories},
    jobs::in_order,
    notary::Server,
    outcome::{Exit, Failures, Stop, product, say},
};
use crate::{
    files,
    transfer::{Gun, Inventory, inventory::INVENTORY_BYTES_MAX},
};

/// Does it.
///
/// # Errors
/// Where the folder or the server is not what it should be. What fails for one repository is in the exit code alone.
pub fn collect(args: &Collect) -> Result<Exit, Stop> {
    match (&args.server, &args.tuf) {
        (Some(url), _) => notary(args, url),
        (_, Some(url)) => tuf::collect(args, url),
        (None, None) => Err(Stop::Usage("collect --server URL or collect --tuf URL".into())),
    }
}

impl Repositories {
    /// The repositories that were named, sorted.
    ///
    /// # Errors
    /// Where the file is no inventory, or nothing was named.
    pub fn inventory(&self) -> Result<Inventory, Stop> {
        let mut guns = self.gun.clone();
        if let Some(path) = &self.inventory {
            let bytes = files::read(path, INVENTORY_BYTES_MAX as u64)?;
            let list = Inventory::parse_list(&bytes)
                .map_err(|error| Stop::Usage(format!("{}: {error}", files::name(path))))?;
            guns.extend_from_slice(list.guns());
        }
        if guns.is_empty() {
            return Err(Stop::Usage("no repository was named: use --gun or --inventory".into()));
        }
        Ok(Inventory::of(guns))
    }
}

fn notary(args: &Collect, url: &str) -> Result<Exit, Stop> {
    let servers = args.connection.servers(url)?;
    let inventory = args.repositories.inventory()?;
    let run = Run { source: servers.address(), inventory: crate::digest::Digest::of(inventory.to_text().as_bytes()) };
    let mut gathering = Gathering::begin(&args.output, run)?;
    let (mut failures, mut notes) = (Failures::default(), Vec::new());
    let mut collected: Vec<Gun> = Vec::new();
    let before: BTreeSet<&Gun> = inventory.guns().iter().filter(|gun| gathering.has(gun)).collect();
    let fetch = |server: &Server, gun: &Gun| {
        let fetched = || repository::fetch(server, gun, repository::ServerKeys::OfAll);
        (!before.contains(gun)).then(fetched).transpose()
    };
    in_order(servers.into(), inventory.guns(), fetch, |gun, fetched| {
        match fetched {
            Ok(None) => {
                say(&format!("kept       {gun}  (fetched before)"));
                collected.push(gun.clone());
            }
            Ok(Some(fetched)) => {
                gathering.store(gun, &fetched.files)?;
                say(&format!("collected  {gun}  {}", fetched.summary));
                for note in fetched.notes {
                    say(&format!("note       {gun}  {note}"));
                    notes.push(json!({ "gun": gun, "note": note }));
                }
                collected.push(gun.clone());
            }
            Err(failure) => failures.add(gun, failure),
        }
        Ok::<(), Stop>(())
    })?;
    let closed = failures.is_empty() || (args.leave_out_failed && !collected.is_empty());
    let count = collected.len();
    let manifest = match closed {
        true => Some(gathering.close(&Inventory::of(collected))?),
        false => gathering.pause().map(|()| None)?,
    };
    if args.format.json {
        let report = json!({
            "folder": files::name(&args.output), "collected": count, "manifest": manifest, "notes": notes, "failed": failures.json(),
        });
        product(&format!("{report:#}\n"))?;
    } else {
        let mut lines = failures.lines();
        lines.push(format!("{count} collected, {} failed", failures.len()));
        lines.push(match &manifest {
            Some(digest) => format!("{}: MANIFEST {digest}", files::name(&args.output)),
            None => format!(
                "{}: no MANIFEST yet. Run the same command again for what failed, or with --leave-out-failed to close without it.",
                files::name(&args.output)
            ),
        });
        product(&(lines.join("\n") + "\n"))?;
    }
    Ok(failures.exit())
}
