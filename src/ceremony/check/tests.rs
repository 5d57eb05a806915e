use super::*;
use crate::ceremony::script::read;

/// A good script of three officers, two of whom must sign.
const GENESIS: &str = include_str!("../../../tests/paper/genesis.toml");
/// A good script that replaces the key of one of them.
const ROTATION: &str = include_str!("../../../tests/paper/rotate-root.toml");

/// Good scripts about three repositories: the first one, and one after a theft.
const DCT_GENESIS: &str = include_str!("../../../tests/paper/dct-genesis.toml");
const DCT_THEFT: &str = include_str!("../../../tests/paper/dct-rotate-tagging-key.toml");

fn checked(text: &str) -> Checked {
    check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")))
}

/// The script with one piece of text replaced by another.
fn with(script: &str, from: &str, to: &str) -> Checked {
    assert!(script.contains(from), "the script has no {from}");
    checked(&script.replacen(from, to, 1))
}

/// The one finding by `rule`, and it must be the only one of its severity.
fn only(checked: &Checked, rule: Rule) -> &Finding {
    let of_rule: Vec<_> = checked.findings.iter().filter(|finding| finding.rule == Some(rule)).collect();
    assert_eq!(of_rule.len(), 1, "{checked}");
    of_rule[0]
}

fn errors(checked: &Checked) -> Vec<(Option<Rule>, Option<&str>)> {
    let errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| (finding.rule, finding.step.as_deref())).collect()
}

#[test]
fn a_good_genesis_and_a_good_rotation_hold() {
    for script in [GENESIS, ROTATION] {
        let checked = checked(script);
        assert!(checked.findings.is_empty(), "{checked}");
        assert!(checked.holds() && checked.first_impossible.is_none() && checked.alone.is_empty());
    }
}

#[test]
fn the_first_step_that_cannot_happen_is_named_with_what_would_help() {
    let no_drill = with(GENESIS, "  { do = \"drill-token\", token = \"bo-1\" },\n", "");
    assert_eq!(no_drill.first_impossible.as_deref(), Some("4.2"));
    let finding = &no_drill.findings[0];
    assert!(finding.what.contains("the key on bo-1 is proven to work"), "{}", finding.what);
    assert!(finding.remedy.contains("drill-token") && finding.remedy.contains("bo-1"), "{}", finding.remedy);

    let clock = "  { do = \"confirm-clock\", who = [\"maya\", \"wim\"], minutes = 5 },\n";
    let late =
        GENESIS.replace(clock, "").replace("  { do = \"import-keys\"", &format!("{clock}  {{ do = \"import-keys\""));
    let late = checked(&late);
    assert_eq!(late.first_impossible.as_deref(), Some("3.1"));
    assert_eq!(late.findings[0].remedy, "Move step 4.1 before it.");
}

#[test]
fn each_gap_is_reported_once() {
    let no_clock = with(GENESIS, "  { do = \"confirm-clock\", who = [\"maya\", \"wim\"], minutes = 5 },\n", "");
    assert_eq!(errors(&no_clock), [(Some(Rule::ScriptHolds), Some("3.1")), (Some(Rule::ClockConfirmed), None)]);
}

#[test]
fn nothing_is_wiped_before_script_people_and_machine_are_known() {
    for step in
        ["  { do = \"preflight\", minutes = 5 },\n", "  { do = \"script-words\", witness = \"wim\", minutes = 5 },\n"]
    {
        assert_eq!(with(GENESIS, step, "").first_impossible.as_deref(), Some("2.1"), "{step}");
    }
}

#[test]
fn every_required_step_is_missed() {
    for (step, rule) in [
        ("  { do = \"roll-call\", minutes = 15 },\n", Rule::RollCallComplete),
        ("  { do = \"script-words\", witness = \"wim\", minutes = 5 },\n", Rule::ScriptDigest),
        ("  { do = \"confirm-clock\", who = [\"maya\", \"wim\"], minutes = 5 },\n", Rule::ClockConfirmed),
        ("  { do = \"preflight\", minutes = 5 },\n", Rule::MachineFit),
        (
            "  { do = \"review\", witness = \"wim\", who = [\"ana\", \"bo\", \"chi\"], minutes = 25 },\n",
            Rule::PayloadReadback,
        ),
        ("  { do = \"import-keys\", minutes = 10 },\n", Rule::KeyOnPaper),
        (
            "  { do = \"close\", tokens = [\"ana-1\", \"bo-1\", \"chi-1\"], witness = \"wim\", minutes = 15 },\n",
            Rule::HeadSigned,
        ),
    ] {
        let without = with(GENESIS, step, "");
        assert!(!without.holds());
        assert_eq!(only(&without, rule).severity, Severity::Error, "{step}");
    }
    let root = with(ROTATION, "  { do = \"import-root\" },\n", "");
    assert_eq!(only(&root, Rule::PreviousRootPinned).severity, Severity::Error);
}

#[test]
fn a_genesis_exports_only_what_enough_tokens_sign() {
    let two = GENESIS.replace("  { do = \"sign\", token = \"bo-1\" },\n", "");
    let one = two.replace("  { do = \"sign\", token = \"chi-1\" },\n", "");
    let two = checked(&two);
    assert!(two.holds(), "{two}");
    assert!(
        two.findings
            .iter()
            .any(|finding| finding.severity == Severity::Warning && finding.what.starts_with("bo-1 does not sign"))
    );
    let one = checked(&one);
    assert_eq!(one.first_impossible.as_deref(), Some("6.1"), "{one}");
    assert!(one.findings[0].what.contains("enough tokens signed"));
}

#[test]
fn a_rotation_needs_the_old_threshold_and_the_new_one() {
    // ana-1 and bo-1 are of both roots, old-chi only of the old one, dee-1 only of the new one.
    let sign = |aliases: &[&str]| {
        let all = ["ana-1", "bo-1", "old-chi", "dee-1"];
        let steps = |aliases: &[&str]| -> String {
            aliases.iter().map(|a| format!("  {{ do = \"sign\", token = \"{a}\" }},\n")).collect()
        };
        assert!(ROTATION.contains(&steps(&all)));
        checked(&ROTATION.replace(&steps(&all), &steps(aliases)))
    };
    let lacks =
        |checked: &Checked| checked.findings.iter().any(|finding| finding.what.contains("enough tokens signed"));
    assert!(!lacks(&sign(&["ana-1", "bo-1"])), "two of both roots");
    assert!(!lacks(&sign(&["ana-1", "old-chi", "dee-1"])), "two old, two new");
    assert!(lacks(&sign(&["ana-1", "old-chi"])), "two old, one new");
    assert!(lacks(&sign(&["ana-1", "dee-1"])), "one old, two new");
    let higher_before = ROTATION.replace("removes = [", "threshold-was = 3\nremoves = [");
    assert!(!lacks(&checked(&higher_before)));
    let two_of_three = higher_before.replace("  { do = \"sign\", token = \"old-chi\" },\n", "");
    assert!(lacks(&checked(&two_of_three)), "the old root asked for three");
}

#[test]
fn a_change_and_the_list_of_keys_must_agree() {
    let twice = with(ROTATION, "adds = [\"dee-1\"]", "adds = [\"dee-1\", \"ana-1\"]");
    assert!(only(&twice, Rule::DraftIsTheChange).what.contains("ana-1 holds a root key already"));
    let kept = with(
        ROTATION,
        "keys = [\"ana-1\", \"bo-1\", \"dee-1\"]",
        "keys = [\"ana-1\", \"bo-1\", \"dee-1\", \"old-chi\"]",
    );
    assert!(only(&kept, Rule::DraftIsTheChange).what.contains("old-chi is removed"));
    let silent = with(ROTATION, "adds = [\"dee-1\"]", "adds = []");
    assert!(only(&silent, Rule::DraftIsTheChange).what.contains("dee-1 is in [root] keys"));
}

#[test]
fn a_step_after_the_close_would_never_be_done() {
    let after = format!("{GENESIS}\n[[act]]\ntitle = \"After\"\nstep = [{{ do = \"break\" }}]\n");
    assert_eq!(checked(&after).first_impossible.as_deref(), Some("7.1"));
}

#[test]
fn a_signature_that_no_root_counts_is_refused_and_a_second_one_is_noticed() {
    let spare = with(GENESIS, "{ do = \"sign\", token = \"chi-1\" }", "{ do = \"sign\", token = \"spare-1\" }");
    assert!(spare.findings.iter().any(|finding| finding.what.contains("its key is in no root")));
    let again = with(GENESIS, "{ do = \"sign\", token = \"bo-1\" }", "{ do = \"sign\", token = \"ana-1\" }");
    assert_eq!(only(&again, Rule::KeyCountedOnce).severity, Severity::Warning);
}

#[test]
fn thresholds_are_overridden_only_by_what_the_script_declares() {
    let all = with(GENESIS, "threshold = 2\n", "threshold = 3\n");
    assert_eq!(only(&all, Rule::ThresholdLeavesSpare).severity, Severity::Error);
    let declared = GENESIS
        .replacen("threshold = 2\n", "threshold = 3\n", 1)
        .replace("[[module]]", "[declares]\nno-spare = true\n\n[[module]]");
    assert_eq!(only(&checked(&declared), Rule::ThresholdLeavesSpare).severity, Severity::Note);

    let one = checked(&GENESIS.replacen("threshold = 2\n", "threshold = 1\n", 1));
    assert!(!one.holds());
    assert_eq!(one.alone.len(), 3, "each of the three could sign");
    let solo = GENESIS
        .replacen("threshold = 2\n", "threshold = 1\n", 1)
        .replace("[[module]]", "[declares]\nsingle-control = true\n\n[[module]]");
    let solo = checked(&solo);
    assert!(solo.holds(), "{solo}");
    assert!(solo.findings.iter().any(|finding| finding.rule == Some(Rule::ThresholdNeedsTwo)), "it is still said");
}

#[test]
fn whoever_holds_tokens_and_opens_them_could_sign_alone() {
    let both = GENESIS.replace("alias = \"bo-1\"\nholder = \"bo\"", "alias = \"bo-1\"\nholder = \"ana\"");
    let both = checked(&both);
    assert_eq!(both.alone.len(), 1);
    assert_eq!((both.alone[0].name.as_str(), both.alone[0].only_as_surrogate), ("Ana Ruiz", false));
    assert_eq!(only(&both, Rule::ThresholdNeedsTwo).severity, Severity::Error);

    let split =
        GENESIS.replace("alias = \"bo-1\"\nholder = \"bo\"", "alias = \"bo-1\"\nholder = \"ana\"\nuser-pin = \"bo\"");
    assert!(checked(&split).alone.is_empty(), "a token without its PIN signs nothing");

    // Whoever has the SO-PIN can set a new user PIN.
    let so = split.replace(
        "tag = \"red\"\nmodule = \"hsm\"\nso-pin = \"kai\"",
        "tag = \"red\"\nmodule = \"hsm\"\nso-pin = \"ana\"",
    );
    assert_eq!(checked(&so).alone.len(), 1);

    let spare = GENESIS.replace("alias = \"spare-1\"\nholder = \"chi\"", "alias = \"spare-1\"\nholder = \"ana\"");
    let spare = checked(&spare);
    assert!(spare.alone[0].only_as_surrogate, "only where the spare takes the place of chi-1");
    assert_eq!(only(&spare, Rule::ThresholdNeedsTwo).severity, Severity::Warning);

    let surrogate = with(
        GENESIS,
        "id = \"bo\", name = \"Bo Ångström\", duties = [\"officer\"]",
        "id = \"bo\", name = \"Bo Ångström\", duties = [\"officer\"], stands-in-for = \"ana\"",
    );
    assert!(surrogate.alone.iter().any(|alone| alone.person.as_str() == "bo" && alone.only_as_surrogate));
}

#[test]
fn duties_that_check_each_other_are_held_by_different_people() {
    for (from, to) in [
        ("duties = [\"operator\"]", "duties = [\"operator\", \"witness\"]"),
        ("duties = [\"keeper\"]", "duties = [\"keeper\", \"officer\"]"),
        ("duties = [\"administrator\"]", "duties = [\"administrator\", \"witness\"]"),
        // Not called so, and so all the same: the keeper of SO-PINs holds a token.
        ("alias = \"spare-1\"\nholder = \"chi\"", "alias = \"spare-1\"\nholder = \"kai\""),
        ("tag = \"red\"\nmodule = \"hsm\"\nso-pin = \"kai\"", "tag = \"red\"\nmodule = \"hsm\"\nso-pin = \"chi\""),
    ] {
        let clash = with(GENESIS, from, to);
        assert_eq!(only(&clash, Rule::DutySeparated).severity, Severity::Error, "{to}");
        let declared =
            GENESIS.replacen(from, to, 1).replace("[[module]]", "[declares]\nmerged-duties = true\n\n[[module]]");
        assert_eq!(only(&checked(&declared), Rule::DutySeparated).severity, Severity::Note, "{to}");
    }
    let surrogate = with(GENESIS, "stands-in-for = \"wim\"", "stands-in-for = \"omar\"");
    assert_eq!(only(&surrogate, Rule::DutySeparated).severity, Severity::Warning, "{surrogate}");
}

#[test]
fn one_clock_is_not_two() {
    let one = with(GENESIS, "who = [\"maya\", \"wim\"], minutes", "who = [\"maya\", \"maya\"], minutes");
    assert_eq!(only(&one, Rule::ClockConfirmed).severity, Severity::Error);
}

#[test]
fn a_module_that_production_refuses_is_noticed_weeks_ahead() {
    let bare = with(GENESIS, "model = \"Example HSM 2\"\n", "");
    let finding = only(&bare, Rule::TokenIsHardware);
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.what.contains("has no model"), "{}", finding.what);
}

#[test]
fn people_get_a_break_in_time() {
    let none = with(GENESIS, "  { do = \"break\", minutes = 15 },\n", "");
    let finding =
        none.findings.iter().find(|finding| finding.what.contains("without a break")).expect("3 hours are long");
    assert_eq!((finding.severity, finding.step.as_deref()), (Severity::Warning, Some("6.1")));
    assert!(none.holds());
}

#[test]
fn a_surrogate_for_an_officer_needs_token_and_pin() {
    let surrogate = with(
        ROTATION,
        "id = \"wim\", name = \"Wim de Vries\", duties = [\"witness\"] },",
        "id = \"wim\", name = \"Wim de Vries\", duties = [\"witness\"] },\n  { id = \"abe\", name = \"Abe Cohen\", duties = [\"officer\"], stands-in-for = \"ana\" },",
    );
    assert!(
        surrogate
            .findings
            .iter()
            .any(|finding| finding.what.contains("Abe Cohen can stand in for Ana Ruiz only with ana-1 in hand"))
    );
    assert!(surrogate.holds());
}

#[test]
fn a_first_root_names_every_online_role() {
    let no_timestamp = with(GENESIS, "[[role]]\nrole = \"timestamp\"\nthreshold = 1\nkeys = [\"online\"]\n", "");
    assert_eq!(only(&no_timestamp, Rule::ThresholdReachable).severity, Severity::Error);
}

#[test]
fn it_says_whose_absence_stops_the_day() {
    let names =
        |checked: &Checked| -> Vec<String> { checked.stops_the_day.iter().map(|stop| stop.who.clone()).collect() };
    let genesis = names(&checked(GENESIS));
    for who in ["Maya Lind", "Omar Haddad", "Ana Ruiz", "Kai Tanaka", "token ana-1"] {
        assert!(genesis.iter().any(|name| name == who), "{who}: {genesis:?}");
    }
    for who in ["Wim de Vries", "Eva Novak", "token chi-1"] {
        assert!(!genesis.iter().any(|name| name == who), "{who} has a surrogate or a spare: {genesis:?}");
    }
}

#[test]
fn it_counts_signatures_and_pins_for_each_officer() {
    let genesis = checked(GENESIS);
    let ana = &genesis.people[2];
    assert_eq!((ana.signatures, ana.other_signatures, ana.user_pin_entries, ana.so_pin_entries), (1, 2, 6, 0));
    let kai = &genesis.people[7];
    assert_eq!((kai.signatures, kai.user_pin_entries, kai.so_pin_entries), (0, 0, 6));
}

#[test]
fn it_adds_up_the_planned_time_and_the_timetable_follows_it() {
    let script = read::script(GENESIS.as_bytes()).unwrap();
    let genesis = check(&script);
    assert_eq!(genesis.acts.iter().map(|act| act.minutes).collect::<Vec<_>>(), [25, 10, 60, 15, 40, 15, 30]);
    assert_eq!(genesis.minutes, 195);
    let times = timetable(&script);
    assert_eq!((times[0].words().as_str(), times[3].words().as_str()), ("09:00", "09:25"));
    let undated = read::script(GENESIS.replace("planned = 2026-12-01T09:00:00Z\n", "").as_bytes()).unwrap();
    assert_eq!(timetable(&undated)[5].words(), "+0:35");
}

#[test]
fn what_was_found_can_be_read_by_programs() {
    let json = serde_json::to_value(checked(&GENESIS.replace("threshold = 2\n", "threshold = 3\n"))).unwrap();
    assert_eq!(json["findings"][0]["rule"], "THRESHOLD-LEAVES-SPARE");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["people"][2]["user-pin-entries"], 6);
    assert_eq!(json["words"].as_array().map(Vec::len), Some(32));
    assert_eq!(json["planned"], "2026-12-01T09:00:00Z");
}

#[test]
fn what_was_found_can_be_read_by_people() {
    let found = checked(&GENESIS.replace("  { do = \"drill-token\", token = \"bo-1\" },\n", ""));
    insta::with_settings!({ snapshot_path => "../../../tests/snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("check", found);
    });
}

/// What was found, by severity, without what is found of every script of this kind.
fn found(checked: &Checked, severity: Severity) -> Vec<&str> {
    checked
        .findings
        .iter()
        .filter(|finding| finding.severity == severity)
        .map(|finding| finding.what.as_str())
        .collect()
}

/// Whether something of this severity and rule was found that says so.
fn says(checked: &Checked, severity: Severity, rule: impl Into<Option<Rule>>, what: &str) -> bool {
    let rule = rule.into();
    let same = |finding: &&Finding| finding.severity == severity && finding.rule == rule && finding.what.contains(what);
    checked.findings.iter().any(|finding| same(&finding))
}

#[test]
fn good_scripts_about_many_repositories_hold_and_nothing_of_one_root_is_asked() {
    let genesis = checked(DCT_GENESIS);
    assert_eq!(found(&genesis, Severity::Error), [""; 0], "{genesis}");
    assert_eq!(found(&genesis, Severity::Warning).len(), 1, "{genesis}");
    assert!(says(&genesis, Severity::Warning, None, "2 of 3 offline keys must sign a root: stock tools"));
    let theft = checked(DCT_THEFT);
    assert!(theft.holds(), "{theft}");
    assert_eq!(found(&theft, Severity::Warning), [""; 0], "{theft}");
    assert!(says(&theft, Severity::Note, None, "chi-1 holds an offline key and does not sign today"));
    for checked in [&genesis, &theft] {
        assert!(!checked.findings.iter().any(|finding| finding.what.contains("[[role]]")), "{checked}");
    }
}

#[test]
fn it_counts_documents_certificates_pins_and_touches_of_many_repositories() {
    let many = checked(&DCT_GENESIS.replace("repositories = 3", "repositories = 1000"));
    let (ana, tia) = (&many.people[2], &many.people[5]);
    assert_eq!((ana.signatures, ana.certificates, ana.other_signatures, ana.touches), (1000, 1, 2, 1003));
    // Twice when it is set, then to generate, to drill, to certify, to sign, to close: once for the whole batch.
    assert_eq!((ana.user_pin_entries, ana.so_pin_entries), (7, 0));
    assert_eq!((tia.name.as_str(), tia.signatures, tia.certificates, tia.user_pin_entries), ("Tia Okafor", 1000, 0, 6));
    assert!(says(
        &many,
        Severity::Note,
        None,
        "Ana Ruiz (1003), Bo Ångström (1003), Chi Nguyễn (1003), Tia Okafor (1002)"
    ));
    let each = checked(
        &DCT_GENESIS
            .replace("repositories = 3", "repositories = 1000")
            .replace("common-name = \"docker.io/example/*\"\n", ""),
    );
    assert_eq!((each.people[2].certificates, each.people[2].user_pin_entries), (1000, 7));
    let json = serde_json::to_value(&many).unwrap();
    assert_eq!((&json["repositories"], &json["people"][2]["touches"]), (&1000.into(), &1003.into()));
}

/// A module of YubiKeys has no file to pin.
fn without_pins(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with("model = ") && !line.starts_with("sha256 = \"9f86"))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn many_touches_are_told_of_by_what_the_script_says_of_its_yubikeys() {
    let many = |path: &str| {
        let text = DCT_GENESIS
            .replace("repositories = 3", "repositories = 1000")
            .replace("/usr/lib/example/libhsm-pkcs11.so", path);
        checked(&if path.starts_with("yubikey:") { without_pins(&text) } else { text })
    };
    let (asked, cached, untold) = (
        "wants a touch for each signature, and signs much",
        "A touch counts for 15 seconds",
        "No PKCS#11 module tells",
    );
    for (path, told) in [
        ("/usr/lib/example/libhsm-pkcs11.so", Some((Severity::Note, untold))),
        ("yubikey:", Some((Severity::Warning, asked))),
        ("yubikey:?touch-policy=cached", Some((Severity::Note, cached))),
        ("yubikey:?touch-policy=never", None),
    ] {
        let checked = many(path);
        for what in [asked, cached, untold] {
            let found = checked.findings.iter().find(|finding| finding.what.contains(what));
            let wanted = told.filter(|(_, wanted)| *wanted == what).map(|(severity, _)| severity);
            assert_eq!(found.map(|finding| finding.severity), wanted, "{path}: {what}");
            assert!(found.is_none_or(|finding| finding.what.contains("Ana Ruiz (1003)")), "{path}: {found:?}");
        }
    }
}

#[test]
fn who_could_sign_alone_is_asked_of_offline_keys_and_of_tagging_keys() {
    let genesis = checked(DCT_GENESIS);
    let alone: Vec<_> = genesis.alone.iter().map(|alone| (alone.name.as_str(), alone.role.as_str())).collect();
    assert_eq!(alone, [("Tia Okafor", "targets")]);
    let both = checked(&DCT_GENESIS.replace("holder = \"bo\"", "holder = \"ana\""));
    assert!(both.alone.iter().any(|alone| alone.name == "Ana Ruiz" && alone.role.as_str() == "root"));
    assert_eq!(only(&both, Rule::ThresholdNeedsTwo).severity, Severity::Error);
    let stops: Vec<_> = genesis.stops_the_day.iter().map(|stop| stop.who.as_str()).collect();
    for who in ["Pia Sørensen", "Tia Okafor", "token tag-1", "token ana-1"] {
        assert!(stops.contains(&who), "{who}: {stops:?}");
    }
    let theft = checked(DCT_THEFT);
    assert!(!theft.stops_the_day.iter().any(|stop| stop.who == "token chi-1"), "it lies in its bag: {theft}");
}

#[test]
fn what_ends_first_stands_first() {
    let dates = |checked: &Checked| -> Vec<String> {
        checked.deadlines.iter().map(|of| format!("{} {}", of.when(), of.what)).collect()
    };
    let genesis = checked(DCT_GENESIS);
    assert_eq!(
        dates(&genesis),
        [
            "2029-11-30 the targets",
            "2036-05-28 six months before the roots",
            "2036-11-28 the roots",
            "2041-11-27 the certificates of today",
        ]
    );
    let undated = checked(&DCT_GENESIS.replace("planned = 2026-12-01T09:00:00Z\n", ""));
    assert_eq!(dates(&undated)[0], "1095 days after the targets");
    assert!(checked(GENESIS).deadlines.is_empty());
    // After a theft, the day on which nobody trusts the old key any more.
    let theft = checked(DCT_THEFT);
    assert_eq!(dates(&theft)[0], "2026-12-23 the old tagging key, where clients saw no new root");
    assert!(theft.to_string().contains("2026-12-23  the old tagging key"), "{theft}");
}

#[test]
fn roots_that_end_soon_are_told_of_with_the_day_on_which_taggers_fail() {
    let days = |days: u32| {
        let expires = format!("expires = {{ days = {days}, at-least-days = 30, at-most-days = 3660 }}");
        checked(&DCT_GENESIS.replace("expires = { days = 3650, at-least-days = 730, at-most-days = 3660 }", &expires))
    };
    assert!(says(&days(250), Severity::Warning, Rule::NotarySixMonths, "from 2027-02-08 on whoever tags"));
    assert!(says(&days(90), Severity::Error, Rule::NotarySixMonths, "The roots end 90 days after"));
    assert!(!days(274).findings.iter().any(|finding| finding.rule == Some(Rule::NotarySixMonths)));
}

#[test]
fn a_tagging_key_elsewhere_leaves_bundles_incomplete() {
    let away = DCT_GENESIS
        .replace("keys = [\"tag-1\"]", "keys = [\"release\"]")
        .replace("  { do = \"sign\", token = \"tag-1\" },\n", "")
        .replace("  { do = \"draft\", minutes = 5 },", "  { do = \"import-keys\" },\n  { do = \"draft\", minutes = 5 },")
        .replace(
            "[tagging]",
            "[[key]]\nname = \"release\"\nowner = \"Release team\"\nfile = \"release.pem\"\nkeyid = \"ab12\"\npossession = \"release.possession\"\n\n[tagging]",
        );
    let away = checked(&away);
    assert!(away.holds(), "{away}");
    let what = "The targets wait for Release team, who sign elsewhere: every bundle leaves incomplete.";
    assert!(says(&away, Severity::Warning, Rule::BundleComplete, what), "{away}");
}

#[test]
fn a_theft_without_an_earlier_collection_lays_every_tag_before_people() {
    let before = DCT_THEFT.find("[collection-before]").expect("it has one");
    let root = DCT_THEFT.find("[root]").expect("it has one");
    let none = format!("{}{}", &DCT_THEFT[..before], &DCT_THEFT[root..]);
    let said = |text: &str| {
        let checked = checked(text);
        let finding = only(&checked, Rule::TagsJudged);
        assert_eq!(finding.severity, Severity::Warning);
        finding.what.clone()
    };
    assert!(said(&none).contains("every tag of every repository is laid before people"));
    assert!(
        said(&none.replace("changed = \"ask\"", "changed = \"drop\"")).contains("no tag and no delegation is left")
    );
    assert!(
        said(&DCT_THEFT.replace("changed = \"ask\"", "changed = \"keep\"")).contains("a thief signed is signed again")
    );
}

#[test]
fn repositories_are_known_by_the_keys_that_the_script_names() {
    let theft = with(DCT_THEFT, "keyid = \"@bo-1@\"\n", "");
    assert!(says(&theft, Severity::Error, Rule::RepositoryIsOurs, "bo-1 has no keyid"), "{theft}");
    assert!(says(&theft, Severity::Error, Rule::ScriptHolds, "bo-1 is opened, and the script names no keyid for it."));
    assert!(theft.findings.iter().any(|finding| finding.remedy.contains("canonical id of its key")));
    let nothing = format!("manifest = \"{}\"", "0".repeat(64));
    let unpinned =
        DCT_THEFT.replace("manifest = \"7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a\"", &nothing);
    assert_eq!(only(&checked(&unpinned), Rule::CollectionPinned).severity, Severity::Warning);
}

#[test]
fn an_offline_key_that_never_signs_or_is_never_certified_is_told_of() {
    let silent = with(DCT_GENESIS, "  { do = \"sign\", token = \"chi-1\" },\n", "");
    assert!(says(&silent, Severity::Warning, None, "chi-1 does not sign the first root."));
    let bare = with(DCT_GENESIS, "  { do = \"certify\", token = \"chi-1\" },\n", "");
    assert!(says(&bare, Severity::Error, Rule::ScriptHolds, "the key on chi-1 is certified"), "{bare}");
    let other = with(DCT_GENESIS, "{ do = \"certify\", token = \"chi-1\" }", "{ do = \"certify\", token = \"tag-1\" }");
    assert!(says(&other, Severity::Warning, Rule::CertFitsGun, "tag-1 is certified, and is not in [root] keys"));
    let kind = with(DCT_GENESIS, "threshold = 2\n", "threshold = 2\nalgorithm = \"p384\"\n");
    assert!(says(&kind, Severity::Error, Rule::CertValid, "No root certificate"), "{kind}");
    let unsigned = with(
        DCT_GENESIS,
        "tokens = [\"ana-1\", \"bo-1\", \"chi-1\", \"tag-1\"]",
        "tokens = [\"ana-1\", \"bo-1\", \"chi-1\"]",
    );
    assert!(only(&unsigned, Rule::HeadSigned).what.contains("tag-1 does not sign the head"));
    let unheard = with(DCT_GENESIS, "who = [\"ana\", \"bo\", \"chi\", \"tia\"]", "who = [\"ana\", \"bo\", \"chi\"]");
    assert!(only(&unheard, Rule::PayloadReadback).what.contains("Tia Okafor signs the batch and does not confirm"));
}

#[test]
fn the_collection_and_a_second_machine_are_on_the_list() {
    let what: Vec<_> =
        checked(DCT_THEFT).materials.into_iter().map(|material| (material.count, material.what)).collect();
    let brought = |text: &str| what.iter().find(|(_, what)| what.contains(text)).map(|(count, _)| *count);
    assert_eq!(
        brought("courier's medium with the collection dct-today, 3 repositories; the words of its MANIFEST"),
        Some(1)
    );
    assert_eq!(brought("the last collection from before the theft, dct-before"), Some(1));
    assert_eq!(brought("with sha256sum"), Some(1));
    assert_eq!(brought("token with an offline key"), Some(2), "chi-1 stays in its bag");
    assert_eq!(brought("record of the last ceremony"), Some(1));
}

#[test]
fn what_was_found_of_many_repositories_can_be_read_by_people() {
    insta::with_settings!({ snapshot_path => "../../../tests/snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("check-dct", checked(&DCT_THEFT.replace("repositories = 3", "repositories = 1000")));
    });
}

#[test]
fn the_scripts_that_are_shipped_hold() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/ceremony-scripts");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the scripts are in the repository") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".answers.toml") || !name.ends_with(".toml") {
            continue;
        }
        seen += 1;
        let checked = checked(&std::fs::read_to_string(&path).expect("text"));
        assert!(checked.holds(), "{name}: {checked}");
    }
    assert!(seen > 0);
}

#[test]
fn what_crosses_as_codes_is_used_and_is_not_too_much() {
    let import = "  { do = \"import-qr\", from = \"keyboard\", folder = \"inputs\", witness = \"wim\" },\n";
    let place = "  { do = \"import-root\"";
    let good = with(ROTATION, place, &format!("{import}{place}"));
    assert!(good.findings.is_empty(), "{good}");
    assert!(good.materials.iter().any(|material| material.what.contains("courier page")));
    let nothing = with(ROTATION, place, &format!("{}{place}", import.replace("inputs", "elsewhere")));
    assert!(only(&nothing, Rule::ScriptHolds).what.contains("into elsewhere is read by no import"));
    let close = "  { do = \"close\"";
    let late = with(ROTATION, close, &format!("{import}{close}"));
    assert_eq!(errors(&late).len(), 1, "{late}");

    let show = "  { do = \"show-qr\", witness = \"wim\" },\n";
    let few = DCT_THEFT.replacen(close, &format!("{show}{close}"), 1);
    assert!(checked(&few).holds());
    let many = checked(&few.replace("repositories = 3", "repositories = 128"));
    assert!(only(&many, Rule::FrameWithinLimits).what.starts_with("128 bundles"));
    let import = import.replace("inputs", "dct-today");
    let place = "  { do = \"import-repositories\"";
    let many =
        DCT_THEFT.replacen(place, &format!("{import}{place}"), 1).replace("repositories = 3", "repositories = 128");
    assert!(only(&checked(&many), Rule::FrameWithinLimits).what.starts_with("A collection of 128"));
    let early = with(ROTATION, "  { do = \"import-root\"", &format!("{show}  {{ do = \"import-root\""));
    assert_eq!(errors(&early)[0].0, Some(Rule::ScriptHolds), "nothing was exported yet");
}
