//! Everything that `--help` says, on one page that people can read.

use clap::CommandFactory as _;
use officiant::cli::args::Arguments;

fn pages(command: &mut clap::Command, above: &str, page: &mut String) {
    let name = format!("{above}{}", command.get_name());
    let help = command.clone().bin_name(&name).term_width(100).render_long_help();
    page.push_str(&format!("## {name}\n\n```text\n{help}```\n\n"));
    for below in command.get_subcommands_mut() {
        pages(below, &format!("{name} "), page);
    }
}

#[test]
fn every_help_text_is_as_it_was_reviewed() {
    let mut command = Arguments::command();
    command.build();
    let mut page = String::from("# What officiant says of itself\n\n");
    pages(&mut command, "", &mut page);
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("usage", page);
    });
}

#[test]
fn every_verb_has_a_long_help_and_an_example() {
    let mut command = Arguments::command();
    command.build();
    let has_verbs = |verb: &&clap::Command| ["token", "key", "backup", "share"].contains(&verb.get_name());
    let mut verbs: Vec<_> = command.get_subcommands().filter(|verb| !has_verbs(verb)).cloned().collect();
    for above in command.get_subcommands().filter(has_verbs) {
        verbs.extend(above.get_subcommands().filter(|verb| verb.get_name() != "help").cloned());
    }
    for verb in verbs {
        let help = verb.clone().render_long_help().to_string();
        assert!(help.contains("Example"), "{} has no example", verb.get_name());
        assert!(help.contains("  officiant "), "{} has no example", verb.get_name());
    }
}
