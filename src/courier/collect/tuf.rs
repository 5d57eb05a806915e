//! A TUF 1.0 repository: every root, and what the newest snapshot names.

use std::collections::BTreeMap;

use serde_json::json;

use super::gathering::{Gathering, Run};
use crate::{
    courier::{
        args::{Collect, Connection},
        http::{Address, Http, METADATA_BYTES_MAX, path_encoded},
        outcome::{Exit, Failure, Failures, Stop, product, say},
        peek::Peek,
    },
    digest::Digest,
    files,
    text::{shown, shown_up_to},
    transfer::{Gun, Inventory},
    tuf::{Dialect, RoleName, limits},
};

/// How many files of one repository are fetched: beyond any with hashed bins.
const FILES_MAX: usize = 40_000;
/// How many bytes all of them may have together.
const BYTES_MAX: usize = 1 << 30;

/// Does it.
///
/// # Errors
/// Where the folder or the address is not what it should be.
pub fn collect(args: &Collect, url: &str) -> Result<Exit, Stop> {
    let source = Source::new(url, args.name.as_ref(), &args.connection)?;
    let (name, address) = (source.name.clone(), &source.address);
    let inventory = Inventory::of([name.clone()]);
    let run = Run { source: address.as_str().to_owned(), inventory: Digest::of(inventory.to_text().as_bytes()) };
    let mut gathering = Gathering::begin(&args.output, run)?;
    let mut failures = Failures::default();
    let mut manifest = None;
    if gathering.has(&name) {
        say(&format!("kept       {name}  (fetched before)"));
        manifest = Some(gathering.close(&inventory)?);
    } else {
        let mut repository = Repository::of(&source);
        match repository.fetch() {
            Ok(summary) => {
                gathering.store(&name, &repository.files)?;
                say(&format!("collected  {name}  {summary}"));
                manifest = Some(gathering.close(&inventory)?);
            }
            Err(failure) => failures.add(&name, failure),
        }
    }
    if args.format.json {
        let report = json!({ "folder": files::name(&args.output), "collected": usize::from(manifest.is_some()), "manifest": manifest, "failed": failures.json() });
        product(&format!("{report:#}\n"))?;
    } else if let Some(digest) = manifest {
        product(&format!("1 collected, 0 failed\n{}: MANIFEST {digest}\n", files::name(&args.output)))?;
    } else {
        product("0 collected, 1 failed\n")?;
    }
    Ok(failures.exit())
}

/// A TUF repository somewhere.
pub struct Source {
    http: Http,
    address: Address,
    /// What it is called.
    pub name: Gun,
}

impl Source {
    /// The repository at `url`, by this name or by its address.
    ///
    /// # Errors
    /// Where the address is none.
    pub fn new(url: &str, name: Option<&Gun>, connection: &Connection) -> Result<Self, Stop> {
        let http = connection.http()?;
        let address = http.address(url).map_err(Stop::Usage)?;
        let name = match name {
            Some(name) => name.clone(),
            None => {
                let text = address.as_str().split_once("://").map_or(address.as_str(), |(_, rest)| rest);
                Gun::parse(text).map_err(|error| Stop::Usage(format!("{error}; give it a name with --name")))?
            }
        };
        Ok(Self { http, address, name })
    }
}

/// Every root, and the metadata that the newest snapshot names, by the names of their files.
///
/// # Errors
/// Where the server refuses or fails, or serves what is no metadata.
pub fn fetched(source: &Source) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut repository = Repository::of(source);
    repository.fetch()?;
    Ok(repository.files)
}

struct Repository<'a> {
    http: &'a Http,
    address: &'a Address,
    name: &'a Gun,
    files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl<'a> Repository<'a> {
    fn of(source: &'a Source) -> Self {
        Self { http: &source.http, address: &source.address, name: &source.name, files: BTreeMap::new(), bytes: 0 }
    }

    fn fetch(&mut self) -> Result<String, Failure> {
        let newest = self.roots()?;
        let versioned = self.look(&format!("{newest}.root.json"))?.consistent_snapshot();
        let file = |role: &RoleName, version: Option<u64>| Dialect::Tuf1.file_name(role, version.filter(|_| versioned));

        let timestamp = Dialect::Tuf1.file_name(&RoleName::Timestamp, None);
        self.required(&timestamp)?;
        let version = self.look(&timestamp)?.meta().get("snapshot.json").and_then(|meta| meta.version);
        let snapshot = file(&RoleName::Snapshot, version);
        self.required(&snapshot)?;
        let meta = self.look(&snapshot)?.meta();
        let count = meta.len();
        for (name, meta) in meta {
            let Some(role) = name.strip_suffix(".json").filter(|role| *role != "root") else { continue };
            self.required(&file(&RoleName::from(role), meta.version))?;
        }
        Ok(format!("root {newest}, {count} files in the snapshot"))
    }

    /// Every root from the first that is there; returns the version of the newest.
    fn roots(&mut self) -> Result<u64, Failure> {
        let mut version = 1;
        if !self.optional("1.root.json")? {
            // The first ones may have been taken away; the one without a number tells where they end.
            self.required("root.json")?;
            version = self.look("root.json")?.version().unwrap_or(1);
            self.required(&format!("{version}.root.json"))?;
            for before in (1..version).rev() {
                if !self.optional(&format!("{before}.root.json"))? {
                    break;
                }
            }
        }
        while self.optional(&format!("{}.root.json", version + 1))? {
            version += 1;
            if version > limits::ROOTS_PER_WALK {
                return Err(self.nonsense("root", &format!("there are more than {} roots", limits::ROOTS_PER_WALK)));
            }
        }
        let newest = self.files[&format!("{version}.root.json")].clone();
        self.files.insert("root.json".into(), newest);
        Ok(version)
    }

    fn required(&mut self, file: &str) -> Result<(), Failure> {
        if self.optional(file)? { Ok(()) } else { Err(self.nonsense(file, "the server has no such file")) }
    }

    fn optional(&mut self, file: &str) -> Result<bool, Failure> {
        // Names of files have their escapes in them, which are escaped once more in an address.
        let reply =
            self.http.get(&format!("{}/{}", self.address.as_str(), path_encoded(file)), None, METADATA_BYTES_MAX)?;
        match reply.status {
            200 => {}
            403 | 404 => return Ok(false),
            status => {
                let words = shown_up_to(&String::from_utf8_lossy(&reply.body), 200);
                return Err(self.nonsense(file, &format!("status {status}: {words}")));
            }
        }
        self.bytes += reply.body.len();
        if self.files.len() >= FILES_MAX || self.bytes > BYTES_MAX {
            return Err(
                self.nonsense(file, &format!("the repository has more than {FILES_MAX} files or {BYTES_MAX} bytes"))
            );
        }
        self.files.insert(file.to_owned(), reply.body);
        Ok(true)
    }

    fn look(&self, file: &str) -> Result<Peek, Failure> {
        Peek::new(&self.files[file]).map_err(|what| self.nonsense(file, &what))
    }

    fn nonsense(&self, file: &str, what: &str) -> Failure {
        Failure::Server {
            doing: format!("get {} of {}", shown(file), self.name),
            said: what.to_owned(),
            remedy: "Is this the address of the metadata of a TUF repository? Run this again; where it stays, ask whoever runs it.".into(),
        }
    }
}
