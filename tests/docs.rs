//! The documents say what is so: events, fields, rules and examples are held against the program.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use officiant::{
    ceremony::{
        check::check,
        event::{Event, Mode, Program},
        participants::Alias,
        possession,
        repositories::PayloadManifest,
        script::{Script, Way, read},
    },
    digest::Digest,
    rules::{Override, Rule},
    transcript,
    tuf::key::PublicKey,
    utc::Utc,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        match character {
            '_' => out.push('-'),
            'A'..='Z' if !out.is_empty() => out.extend(['-', character.to_ascii_lowercase()]),
            other => out.extend(other.to_lowercase()),
        }
    }
    out
}

/// Every event with its fields, from the source.
fn events() -> Vec<(String, Vec<String>)> {
    let source = text("src/ceremony/event.rs");
    let body = source.split_once("pub enum Event {\n").expect("the enum").1.split_once("\n}\n").expect("its end").0;
    let mut events: Vec<(String, Vec<String>)> = vec![];
    let says_nothing = |line: &&str| line.trim_start().starts_with("//") || line.trim_start().starts_with("#[");
    for line in body.lines().filter(|line| !says_nothing(line)) {
        if let Some(field) = line.strip_prefix("        ").filter(|field| !field.starts_with([' ', '}'])) {
            let name = field.split(':').next().expect("a name");
            events.last_mut().expect("fields follow an event").1.push(kebab(name));
        } else if let Some(event) = line.strip_prefix("    ").filter(|event| event.starts_with(char::is_uppercase)) {
            let name: String = event.chars().take_while(|c| c.is_alphanumeric()).collect();
            events.push((kebab(&name), vec![]));
        }
    }
    assert!(events.len() > 40, "the enum was read: {events:?}");
    events
}

/// The fenced blocks of a document with this info string.
fn blocks(document: &str, info: &str) -> Vec<String> {
    blocks_of(document, &[info])
}

/// The fenced block after `<!-- name -->`.
fn named_block(document: &str, name: &str) -> String {
    let after =
        document.split_once(&format!("<!-- {name} -->\n```")).unwrap_or_else(|| panic!("{name} is not there")).1;
    let (_, body) = after.split_once('\n').expect("a body");
    body.split_once("```\n").expect("an end").0.to_owned()
}

fn is_there(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    there.is_ok_and(|status| status.success())
}

#[test]
fn every_event_and_every_field_stands_in_the_transcript_format_and_no_other() {
    let document = text("docs/TRANSCRIPT-FORMAT.md");
    let events = events();
    let tables = document.split_once("\n## Events\n").expect("the chapter").1;
    let tables = tables.split_once("\n## Things inside events\n").expect("its end").0;
    for (name, fields) in &events {
        let start = format!("| `{name}` | ");
        let row = tables.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row for {name}"));
        let described = row.rsplit(" | ").next().expect("a cell of fields");
        for field in fields {
            assert!(described.contains(&format!("`{field}`")), "{name} does not name its field {field}: {row}");
        }
    }
    let known: BTreeSet<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    for row in tables.lines().filter_map(|line| line.strip_prefix("| `")) {
        let name = row.split('`').next().expect("a name");
        assert!(known.contains(name), "{name} is no event");
    }
}

#[test]
fn the_outcomes_that_the_document_lists_are_those_of_the_program() {
    let document = text("docs/TRANSCRIPT-FORMAT.md");
    let paragraph = document.split_once("The outcomes are ").expect("the paragraph").1;
    let paragraph = paragraph.split_once("\n\n").expect("its end").0;
    let listed: BTreeSet<String> = paragraph.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let source = text("src/ceremony/event.rs");
    let body =
        source.split_once("pub fn is_outcome").expect("the function").1.split_once("\n    }\n").expect("its end").0;
    let mut known: BTreeSet<String> =
        body.split("Self::").skip(1).map(|rest| kebab(rest.split(' ').next().expect("a name"))).collect();
    known.remove("failed");
    assert_eq!(listed, known);
}

fn transcript_of_three() -> Vec<u8> {
    let began = Event::Began {
        script: Digest::of(b"script"),
        title: "A test".into(),
        program: Program {
            name: "officiant".into(),
            sha256: Digest::of(b"program"),
            trust: "shipped".into(),
            edition: 0,
        },
        mode: Mode::Rehearsal,
        media: vec!["A".into(), "Bö".into()],
        previous: None,
    };
    let mut last = None;
    let mut bytes = vec![];
    for (second, event) in [began, Event::TryAgain { last_try: false }, Event::Closed].into_iter().enumerate() {
        let at = Utc::from_seconds(1_800_000_000 + second as i64).expect("an instant");
        let written = transcript::write(last, at, &event).expect("a line");
        last = Some(written.stamp);
        bytes.extend(written.line);
    }
    bytes
}

#[test]
fn a_stranger_checks_the_chain_with_the_script_from_the_document() {
    if !is_there("python3") {
        return println!("skipped: python3 is not here");
    }
    let script = named_block(&text("docs/TRANSCRIPT-FORMAT.md"), "check.py");
    assert!(script.lines().count() <= 10, "ten lines are promised");
    let folder = tempfile::tempdir().expect("a folder");
    let checker = folder.path().join("check.py");
    fs::write(&checker, script).expect("written");
    let run = |bytes: &[u8]| -> Output {
        let file = folder.path().join("transcript.jsonl");
        fs::write(&file, bytes).expect("written");
        Command::new("python3").arg(&checker).arg(&file).output().expect("python3 runs")
    };
    let good = transcript_of_three();
    let head = transcript::read(&good).expect("a chain").last().expect("an entry").head;
    let said = run(&good);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim_end(), format!("3 entries, head {head}"));

    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    let changed = String::from_utf8(good.clone()).expect("text").replace("A test", "A toast").into_bytes();
    let earlier = String::from_utf8(good.clone()).expect("text").replacen("2027-", "2028-", 1).into_bytes();
    for (bad, what) in [
        (lines[1..].concat(), "a line is missing"),
        ([lines[0], lines[2]].concat(), "a line is missing"),
        ([lines[0], lines[1], lines[1]].concat(), "a line is repeated"),
        (changed, "a line is changed"),
        (earlier, "a time is changed"),
        (good[..good.len() - 1].to_vec(), "the last line is torn"),
    ] {
        assert!(!run(&bad).status.success(), "{what}, and the script does not see it");
    }
}

/// The examples of the document: those of the genesis, and with `rotation` those of the rotation too.
fn example(rotation: bool) -> Script {
    let document = text("docs/SCRIPT-FORMAT.md");
    let (sections, steps) = document.split_once("\n## Acts\n").expect("the chapter");
    let mut script = blocks(sections, "toml").concat();
    if rotation {
        script = script.replace("ceremony = \"genesis\"", "ceremony = \"rotate-root\"");
        script += &blocks(sections, "toml rotation").concat();
    }
    script += &blocks(steps, "toml").concat();
    if rotation {
        script += &blocks(steps, "toml rotation").concat();
    }
    read::script(script.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{script}"))
}

#[test]
fn the_examples_of_the_script_format_are_a_script_that_check_accepts() {
    let checked = check(&example(false));
    assert!(checked.holds(), "{:#?}", checked.findings);
}

#[test]
fn the_examples_of_a_rotation_are_read() {
    let script = example(true);
    assert!(script.previous.is_some() && script.change.is_some());
}

/// The fenced blocks of a document with any of these info strings, in their order.
fn blocks_of(document: &str, infos: &[&str]) -> Vec<String> {
    let mut found = vec![];
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if infos.contains(&fence) {
            found.push(body.join("\n") + "\n");
        }
    }
    found
}

/// The examples of a ceremony about many repositories: those of the genesis, without its online roles, and their own.
fn example_of_many(kind: &str, infos: &[&str]) -> Script {
    let document = text("docs/SCRIPT-FORMAT.md");
    let (sections, steps) = document.split_once("\n## Acts\n").expect("the chapter");
    // Only what makes or renews offline keys certifies them.
    let (certifies, writes_roots) = (kind == "dct-genesis", kind != "dct-delegate");
    let fits = |block: &String| {
        !block.contains("[[role]]")
            && (certifies || !block.contains("[certificate]"))
            && (writes_roots || !block.contains("[root]"))
    };
    let sections: String = blocks_of(sections, infos).into_iter().filter(fits).collect();
    let script = sections
        .replace("ceremony = \"genesis\"", &format!("ceremony = \"{kind}\""))
        .replace("dialect = \"tuf1\"", "dialect = \"notary\"")
        + &blocks_of(steps, infos).concat();
    read::script(script.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{script}"))
}

#[test]
fn the_examples_of_many_repositories_are_a_script_that_check_accepts() {
    let checked = check(&example_of_many("dct-genesis", &["toml", "toml dct"]));
    assert!(checked.holds(), "{checked}");
    // The other kinds have sections of their own; the fold of their steps is another.
    let theft = example_of_many("dct-rotate-tagging-key", &["toml", "toml dct", "toml dct-rotation"]);
    assert!(theft.repositories.is_some_and(|spec| spec.before.is_some()));
    let signers = example_of_many("dct-delegate", &["toml", "toml dct", "toml dct-delegate"]);
    assert!(signers.repositories.is_some_and(|spec| spec.signers.len() == 2));
}

#[test]
fn the_examples_of_qr_codes_are_read_and_fit_a_collection() {
    let script = example_of_many("dct-genesis", &["toml", "toml dct", "toml qr"]);
    let kinds: Vec<_> = script.numbered().map(|(_, step)| step.action.kind().prose(&script).title).collect();
    assert!(
        kinds.contains(&"Import by QR codes".to_owned()) && kinds.contains(&"Show the result as QR codes".to_owned())
    );
}

#[test]
fn the_examples_of_a_wrapped_key_are_read() {
    let script = example_of_many("dct-genesis", &["toml", "toml dct", "toml wrapped"]);
    assert_eq!(script.made_keys().len(), 1);
    assert_eq!(script.holders_of(script.made_keys()[0]).len(), 2);
}

#[test]
fn every_way_of_backup_has_a_whole_ceremony_for_each_kind_of_root_and_of_token() {
    let document = text("docs/BACKUP.md");
    let table = document.split_once("<!-- ways -->").expect("the table").1;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut wanted: BTreeSet<(&str, String)> = BTreeSet::new();
    for root in ["TUF", "Docker Content Trust"] {
        for way in [Way::Redundancy, Way::SoftwareBorn, Way::Wrapped, Way::None] {
            let name = serde_json::to_string(&way).expect("a name");
            wanted.insert((root, format!("`{}`", name.trim_matches('"'))));
        }
    }
    let there: BTreeSet<(&str, String)> = rows.iter().map(|row| (row[0], row[1].to_owned())).collect();
    assert_eq!(there, wanted);
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        for cell in &row[2..] {
            let named = cell.split('`').nth(1).unwrap_or_else(|| panic!("{row:?} names no test: {cell}"));
            let (file, function) = named.split_once("::").expect("a file and a test");
            let source = text(file);
            assert!(source.contains(&format!("#[test]\nfn {function}() {{")), "{named} is no test");
        }
    }
}

#[test]
fn every_field_of_a_script_and_every_kind_of_step_stands_in_the_document() {
    let document = text("docs/SCRIPT-FORMAT.md");
    let fields = text("src/ceremony/script/raw.rs");
    let expiry = text("src/ceremony/script.rs") + &text("src/ceremony/script/declares.rs");
    let part =
        |name: &str| expiry.split_once(name).expect("a struct").1.split_once("\n}\n").expect("its end").0.to_owned();
    let sources = [fields, part("pub struct Declares {"), part("pub struct ExpirySpec {")].concat();
    for line in sources.lines().filter_map(|line| line.strip_prefix("    pub ")) {
        let field = match line.split(':').next().expect("a name") {
            "kind" => "do".to_owned(),
            name => kebab(name),
        };
        let written = [
            format!("`{field}`"),
            format!("\n{field} = "),
            format!("[[{field}]]"),
            format!("[[act.{field}]]"),
            format!("[{field}]"),
        ];
        assert!(written.iter().any(|way| document.contains(way)), "the field {field} is not in the document");
    }
    let reader = text("src/ceremony/script/read/step.rs");
    let kinds = reader.split_once("is no kind of step (").expect("the list").1.split_once(')').expect("its end").0;
    for kind in kinds.split(", ") {
        assert!(document.contains(&format!("\n### `{kind}`\n")), "the step {kind} has no section");
        assert!(document.contains(&format!("do = \"{kind}\"\n")), "the step {kind} has no example");
    }
}

fn sh(script: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let output =
        Command::new("sh").args(["-eu", "-c", script]).current_dir(folder).envs(variables.iter().copied()).output();
    let output = output.expect("sh runs");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The lines of a document's shell examples that call a program.
fn calls(document: &str, program: &str) -> Vec<Vec<String>> {
    let blocks = blocks_of(document, &["sh", ""]).concat().replace("\\\n", " ");
    let lines = blocks.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    let inline = document.split('`').skip(1).step_by(2);
    let asked = lines.chain(inline).filter(|line| line.split(' ').next() == Some(program) && line.contains(' '));
    asked.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// Whether what a document calls exists: a verb alone, in running text, has to exist; with its arguments it has to be accepted.
fn accepted<T: clap::Parser>(call: &[String]) -> Result<(), String> {
    use clap::error::ErrorKind;
    match T::try_parse_from(call) {
        Ok(_) => Ok(()),
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) =>
        {
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
            let alone = call.iter().skip(1).all(|word| !word.starts_with('-'));
            if alone { Ok(()) } else { Err(error.to_string()) }
        }
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn every_command_that_a_publisher_is_told_to_type_exists() {
    let (mut seen, mut wrong) = (0, vec![]);
    for name in ["docs/DOCKER-CONTENT-TRUST.md", "README.md", "docs/OPERATOR.md"] {
        let document = text(name);
        let real = |call: &Vec<String>| !call.iter().any(|word| word == "VERB");
        for call in calls(&document, "officiant").into_iter().filter(real) {
            seen += 1;
            wrong.extend(accepted::<officiant::cli::args::Arguments>(&call).err().map(|error| (name, call, error)));
        }
        #[cfg(feature = "online")]
        for call in calls(&document, "officiant-courier") {
            wrong.extend(accepted::<officiant::courier::args::Arguments>(&call).err().map(|error| (name, call, error)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 20, "{seen} commands were found");
}

#[test]
fn a_batch_is_checked_with_sha256sum_as_the_document_says() {
    if !is_there("sha256sum") {
        return println!("skipped: sha256sum is not here");
    }
    let document = text("docs/TRANSCRIPT-FORMAT.md");
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    fs::create_dir(place.join("payloads")).expect("a folder");
    fs::create_dir(place.join("batches")).expect("a folder");
    let payloads: Vec<Digest> = (0..50u8).map(|number| Digest::of(&[number])).collect();
    for (number, payload) in (0..50u8).zip(&payloads) {
        fs::write(place.join(format!("payloads/{payload}")), [number]).expect("written");
    }
    let list = PayloadManifest::of(payloads.iter().copied());
    fs::write(place.join(format!("batches/{}", list.digest)), list.text.as_bytes()).expect("written");
    let batch = list.digest.to_string();
    let said = sh(&named_block(&document, "batch.sh"), place, &[("batch", &batch)]);
    assert!(said.starts_with(&format!("{batch}  ")), "{said}");
    let made = sh(&named_block(&document, "list.sh"), place, &[]);
    assert_eq!(made.split(' ').next(), Some(batch.as_str()));

    fs::write(place.join(format!("payloads/{}", payloads[7])), b"another").expect("written");
    let script = named_block(&document, "batch.sh");
    let checked = Command::new("sh").args(["-eu", "-c", &script]).current_dir(place).env("batch", &batch).output();
    assert!(!checked.expect("sh runs").status.success(), "a changed payload is found");
}

#[test]
fn a_proof_of_possession_is_made_with_openssl_as_the_document_says() {
    if Command::new("openssl").arg("version").output().is_err() {
        return println!("skipped: openssl is not here");
    }
    let document = text("docs/SCRIPT-FORMAT.md");
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    sh(
        "openssl ecparam -genkey -name prime256v1 -noout -out key.pem; openssl pkey -in key.pem -pubout -out public.pem",
        place,
        &[],
    );
    let keyid = sh(&named_block(&document, "keyid.sh"), place, &[]).trim_end().to_owned();
    let mut script = example(false);
    let pem = fs::read_to_string(place.join("public.pem")).expect("a key");
    let key = script.dialect.key(&PublicKey::from_spki_pem(&pem).expect("a P-256 key")).expect("a TUF key");
    assert_eq!(key.id().as_str(), keyid, "the keyid of the document's commands");

    let commands = named_block(&document, "possession.sh");
    let variables =
        [("repository", "example-shop"), ("role", "targets"), ("keyid", keyid.as_str()), ("last_day", "2026-12-31")];
    sh(&commands, place, &variables);
    let proof = fs::read(place.join("targets.possession")).expect("a proof");
    let name = Alias::try_from("targets".to_owned()).expect("a short name");
    let spec = script.keys.iter().find(|spec| spec.name == name).expect("the key of the example").clone();
    let on = |day: &str| Utc::parse(day).expect("an instant");
    possession::check(&proof, &script, &spec, &key, on("2026-12-31T23:59:59Z")).expect("the proof holds");
    let late = possession::check(&proof, &script, &spec, &key, on("2027-01-01T00:00:00Z")).expect_err("it is too late");
    assert_eq!(late.rule, Rule::KeyPossession);
    script.repository = "another-shop".into();
    possession::check(&proof, &script, &spec, &key, on("2026-12-01T00:00:00Z"))
        .expect_err("it is for another repository");
}

#[test]
fn every_rule_has_a_section_with_its_claim_and_what_may_override_it_in_order() {
    let document = text("docs/INVARIANTS.md");
    let mut sections = document.split("\n### ").skip(1);
    for rule in Rule::ALL {
        let section = sections.next().unwrap_or_else(|| panic!("{rule} has no section"));
        let (name, body) = section.split_once('\n').expect("a name and a body");
        assert_eq!(name, rule.name(), "the order of Rule::ALL");
        assert!(body.contains(rule.claim()), "{rule}: the claim differs from that in the code");
        let overridden = match rule.overridden_by() {
            Override::Nothing => "**Overridden by:** nothing.",
            Override::DeclaredInScript => "**Overridden by:** a declaration in the script",
            Override::ExceptionInTheRoom => "**Overridden by:** an exception in the room",
        };
        assert!(body.contains(overridden), "{rule}: {overridden}");
        for part in ["**Why:** ", "**Where:** `src/", "**Test:** "] {
            assert!(body.contains(part), "{rule} does not say {part}");
        }
    }
    assert_eq!(sections.next(), None, "a section without a rule");
}

#[test]
fn every_room_of_the_source_stands_in_the_architecture() {
    let document = text("docs/ARCHITECTURE.md");
    let chapter = document.split_once("\n## The rooms\n").expect("the chapter").1;
    let chapter = chapter.split_once("\n## ").expect("its end").0;
    for entry in fs::read_dir(root().join("src")).expect("the source") {
        let path = entry.expect("an entry").path();
        let room = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !["lib", "main"].contains(&room.as_str()) {
            assert!(chapter.contains(&format!("`{room}`")), "the room {room} is not in the chapter");
        }
    }
}

#[test]
fn files_and_tests_that_the_documents_name_are_there() {
    let documents: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .expect("the documents")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .chain([root().join("README.md")])
        .collect();
    for path in documents {
        let document = fs::read_to_string(&path).expect("text");
        for link in document.split("](").skip(1) {
            let target = link.split(')').next().expect("an end").split('#').next().expect("a path");
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(path.parent().expect("a folder").join(target).exists(), "{}: {target}", path.display());
        }
        for name in document.split('`').skip(1).step_by(2) {
            // `tests/rules.rs::a_test`, or a path alone.
            let (file, function) =
                name.split_once("::").map_or((name, None), |(file, function)| (file, Some(function)));
            let in_tree =
                ["src/", "tests/", "ceremony-scripts/", "softhsm/"].iter().any(|folder| file.starts_with(folder));
            if !in_tree || file.contains([' ', '*', '{']) {
                continue;
            }
            assert!(root().join(file).exists(), "{}: there is no {file}", path.display());
            if let Some(function) = function {
                let source = text(file);
                assert!(source.contains(&format!("fn {function}(")), "{}: no {function} in {file}", path.display());
            }
        }
    }
}
